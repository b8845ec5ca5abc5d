package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// asChild makes a child process of this program play a role, with what it needs in
// withArgs. What must not share the server's scheduler and memory has a process of its own.
const (
	asChild  = "WHATSAPP_API_BENCH_ROLE"
	withArgs = "WHATSAPP_API_BENCH_ARGS"
)

// play plays a role until standard input ends, so no longer than the parent lives.
func play(role string) error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it
		cancel()
	}()
	args := []byte(os.Getenv(withArgs))
	switch role {
	case "world":
		return serveWorld(ctx)
	case "clients":
		return serveClients(ctx, args)
	case "sink":
		return serveSink(ctx)
	case "fleet":
		return serveFleet(ctx, args)
	}
	return fmt.Errorf("no role %q", role)
}

// tell writes a line of JSON to the parent.
func tell(v any) error { return json.NewEncoder(os.Stdout).Encode(v) }

// child is such a process.
type child struct {
	cmd *exec.Cmd
	in  io.Closer
	out *bufio.Reader
}

func startChild(ctx context.Context, role string, args any) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), asChild+"="+role, withArgs+"="+string(raw))
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
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	return &child{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// hear reads the next line that the child tells.
func (c *child) hear(v any) error {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the child process ended: %w", errors.Join(err, c.close()))
	}
	return json.Unmarshal(line, v)
}

func (c *child) close() error { return errors.Join(c.in.Close(), c.cmd.Wait()) }
