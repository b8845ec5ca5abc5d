package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app"
	"whatsapp-api/whatsapp/sandbox"
)

// asWorld makes a child process of this program the sandbox.
const asWorld = "WHATSAPP_API_BENCH_WORLD"

// serveWorld is what `whatsapp-api sandbox` does. It ends with its standard input, so with
// its parent.
func serveWorld() error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it
		cancel()
	}()
	return app.RunSandbox(ctx, app.SandboxConfig{Listen: "127.0.0.1:0", Control: "127.0.0.1:0"}, zap.NewNop(), os.Stdout)
}

// world is the sandbox in its own process.
type world struct {
	url   string // of its control routes
	info  sandbox.Info
	calls caller

	cmd     *exec.Cmd
	stdin   io.Closer
	numbers atomic.Int64
}

func openWorld(ctx context.Context) (*world, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), asWorld+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	w := &world{cmd: cmd, stdin: in}
	var hello struct {
		Control string       `json:"control"`
		Sandbox sandbox.Info `json:"sandbox"`
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &hello)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start sandbox: %w", err), w.close())
	}
	w.url, w.info, w.calls = hello.Control, hello.Sandbox, caller{base: hello.Control, http: &http.Client{}}
	return w, nil
}

func (w *world) close() error { return errors.Join(w.stdin.Close(), w.cmd.Wait()) }

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
		if now == before && now.AcksOutstanding == outstanding {
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
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode/100 != 2:
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, raw)
	case out == nil:
		return nil
	}
	return json.Unmarshal(raw, out)
}
