package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app"
	"whatsapp-api/whatsapp/sandbox"
)

// serveWorld is what `whatsapp-api sandbox` does.
func serveWorld(ctx context.Context) error {
	return app.RunSandbox(ctx, app.SandboxConfig{Listen: "127.0.0.1:0", Control: "127.0.0.1:0"}, zap.NewNop(), os.Stdout)
}

// world is the sandbox in its own process.
type world struct {
	worldAt
	calls caller

	process *child // nil in a child process, which has it from its parent
	numbers atomic.Int64
}

// worldAt is where the sandbox is.
type worldAt struct {
	URL  string       `json:"control"` // of its control routes
	Info sandbox.Info `json:"sandbox"`
}

func openWorld(ctx context.Context) (*world, error) {
	c, err := startChild(ctx, "world", nil)
	if err != nil {
		return nil, err
	}
	var where worldAt
	if err := c.hear(&where); err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	w := joinWorld(where)
	w.process = c
	return w, nil
}

func joinWorld(where worldAt) *world {
	return &world{worldAt: where, calls: caller{base: where.URL, http: &http.Client{}}}
}

func (w *world) close() error { return w.process.close() }

// phone makes a phone with a number of its own.
func (w *world) phone(ctx context.Context, name string) (number string, err error) {
	number = fmt.Sprintf("+34600%06d", w.numbers.Add(1))
	return number, w.calls.do(ctx, "POST", "/sandbox/phones", map[string]string{"phone": number, "name": name}, nil)
}

func of(phone string) string { return "/sandbox/phones/" + url.PathEscape(phone) }

// scan links the client that shows this code to a phone.
func (w *world) scan(ctx context.Context, phone, code string) error {
	return w.calls.do(ctx, "POST", of(phone)+"/scan", map[string]string{"qr": code}, nil)
}

// write has one phone send count messages to another.
func (w *world) write(ctx context.Context, from, to string, count int) error {
	return w.calls.do(ctx, "POST", of(from)+"/messages", map[string]any{"to": to, "text": "message {n} of a load that tells how fast we are", "count": count}, nil)
}

// freeze stops the connections of these phones' companions: what is sent to them waits.
func (w *world) freeze(ctx context.Context, phones []string) error {
	var faults []sandbox.Fault
	for _, p := range phones {
		faults = append(faults, sandbox.Fault{Kind: sandbox.FaultFreeze, Phone: p})
	}
	return w.calls.do(ctx, "POST", "/sandbox/faults", faults, nil)
}

func (w *world) thaw(ctx context.Context) error {
	return w.calls.do(ctx, "DELETE", "/sandbox/faults", nil, nil)
}

// settle waits until all that was sent is acknowledged and nothing moves any more.
func (w *world) settle(ctx context.Context) error { return w.still(ctx, 0) }

// still waits until so many stanzas wait for an acknowledgement and nothing moves.
func (w *world) still(ctx context.Context, outstanding int) error {
	var before sandbox.Stats
	for {
		var now sandbox.Stats
		if err := w.calls.do(ctx, "GET", "/sandbox/stats", nil, &now); err != nil {
			return err
		}
		if reflect.DeepEqual(now, before) && now.AcksOutstanding == outstanding {
			return nil
		}
		before = now
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting for acknowledgements of %d stanzas: %w", now.AcksOutstanding, ctx.Err())
		}
	}
}

// caller makes JSON requests.
type caller struct {
	base  string
	token string
	http  *http.Client
}

func (c *caller) do(ctx context.Context, method, path string, in, out any) error {
	raw, err := c.raw(ctx, method, path, in)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

func (c *caller) text(ctx context.Context, path string) (string, error) {
	raw, err := c.raw(ctx, "GET", path, nil)
	return string(raw), err
}

func (c *caller) raw(ctx context.Context, method, path string, in any) ([]byte, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, res.Status, raw)
	}
	return raw, err
}
