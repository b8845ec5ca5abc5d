package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/whatsapp/sandbox"
)

// SandboxConfig says where a sandbox alone listens and what it keeps.
type SandboxConfig struct {
	Listen  string // TLS address of the WhatsApp side, loopback
	Control string // HTTP address of the control routes, loopback
	DataDir string // empty: all in memory
	Fresh   bool   // delete what DataDir holds of a sandbox, and begin anew
}

// RunSandbox runs a WhatsApp server with phones, without the gateway, until ctx ends. Once it
// serves, it writes one line of JSON to out with the control URL and what a client needs.
func RunSandbox(ctx context.Context, cfg SandboxConfig, log *zap.Logger, out io.Writer) error {
	host, _, err := net.SplitHostPort(cfg.Control)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--control: %q is not a loopback address such as 127.0.0.1:8444: the sandbox has no keys and is for this machine alone", cfg.Control)
	}
	s, err := sandbox.Open(sandbox.Config{Listen: cfg.Listen, DataDir: cfg.DataDir, Fresh: cfg.Fresh, Log: log.Named("sandbox")})
	switch {
	case errors.Is(err, sandbox.ErrData):
		return fmt.Errorf("--data: %w; --fresh does so", err)
	case err != nil:
		return fmt.Errorf("--listen: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Control)
	if err != nil {
		return errors.Join(fmt.Errorf("--control: %w", err), s.Close())
	}
	server := &http.Server{Handler: s.Control(), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	if err := json.NewEncoder(out).Encode(map[string]any{"control": "http://" + l.Addr().String(), "sandbox": s.Info()}); err != nil {
		log.Error("connection details not printed", zap.Error(err))
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if e := server.Shutdown(grace); e != nil {
		err = errors.Join(err, server.Close())
	}
	return errors.Join(err, s.Close())
}
