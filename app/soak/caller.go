package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// caller makes JSON requests.
type caller struct {
	base  string
	token string
	http  *http.Client
}

func newCaller(base string) caller {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 32
	return caller{base: base, http: &http.Client{Transport: t, Timeout: 90 * time.Second}}
}

// answer is what came back.
type answer struct {
	status       int
	code, detail string // of a problem
	body         []byte
}

// refusedFor says whether a request was refused because this server runs the session.
func (a answer) refusedFor(owner string) bool {
	return a.status == http.StatusServiceUnavailable && a.code == ownedElsewhere && strings.Contains(a.detail, owner)
}

// ask makes a request. The error says that there was no answer.
func (c *caller) ask(ctx context.Context, method, path string, in any, headers ...string) (answer, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return answer{}, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return answer{}, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	a := answer{status: res.StatusCode}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		return answer{}, err
	}
	if a.status/100 != 2 {
		var problem struct {
			Code   string `json:"code"`
			Detail string `json:"detail"`
		}
		if json.Unmarshal(a.body, &problem) == nil {
			a.code, a.detail = problem.Code, problem.Detail
		}
	}
	return a, nil
}

// do makes a request that must succeed.
func (c *caller) do(ctx context.Context, method, path string, in, out any, headers ...string) error {
	a, err := c.ask(ctx, method, path, in, headers...)
	switch {
	case err != nil:
		return err
	case a.status/100 != 2:
		return fmt.Errorf("%s %s: %d: %s", method, path, a.status, a.body)
	case out == nil:
		return nil
	}
	return json.Unmarshal(a.body, out)
}

// pause waits, and says whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// until asks again and again until something is so, for as long as patience lasts.
func until(ctx context.Context, what string, is func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	for {
		ok, err := is(ctx)
		if ok && err == nil {
			return nil
		}
		if err == nil || ctx.Err() == nil { // not what the end of patience makes of a request
			last = err
		}
		if !pause(ctx, 100*time.Millisecond) {
			if last != nil {
				return fmt.Errorf("%s: %w (%w)", what, ctx.Err(), last)
			}
			return fmt.Errorf("%s: %w", what, ctx.Err())
		}
	}
}

// patience is how long the soak waits for what has to come by itself. It is no measure of
// speed: machines that do other work need it.
const patience = 3 * time.Minute
