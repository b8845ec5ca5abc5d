package app

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"

	"go.uber.org/zap"

	"whatsapp-api/configs"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// world is the WhatsApp side when it is not the real one. A nil world is the real one.
type world struct {
	server *sandbox.Server // nil: it runs elsewhere
	info   sandbox.Info
	up     whatsapp.Upstream
}

// openWorld opens a sandbox, or joins one. It returns nil for the real WhatsApp.
func openWorld(ctx context.Context, cfg configs.Config, opt Options, log *zap.Logger) (*world, error) {
	if !opt.sandboxed() {
		return nil, nil
	}
	w := &world{}
	var err error
	if opt.Sandbox {
		w.server, err = sandbox.Open(sandbox.Config{
			Listen: cfg.SandboxListen, DataDir: filepath.Join(dataDir(cfg, true), "whatsapp"), Log: log.Named("sandbox"),
		})
		if err != nil {
			return nil, fmt.Errorf("open sandbox: %w", err)
		}
		w.info = w.server.Info()
	} else if w.info, err = sandbox.Fetch(ctx, opt.SandboxAt); err != nil {
		return nil, fmt.Errorf("join sandbox at %s: %w", opt.SandboxAt, err)
	}
	client, err := w.info.HTTPClient()
	if err == nil {
		w.up.Transport, err = transportOf(client)
	}
	if err == nil {
		w.up.CertKey, err = w.info.CertKey()
	}
	if err != nil {
		w.close(log)
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return w, nil
}

func transportOf(c *http.Client) (*http.Transport, error) {
	t, ok := c.Transport.(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("transport is %T", c.Transport)
	}
	return t, nil
}

func (w *world) upstream() *whatsapp.Upstream {
	if w == nil {
		return nil
	}
	return &w.up
}

// control is the handler of /sandbox; nil when there is none here.
func (w *world) control() http.Handler {
	if w == nil || w.server == nil {
		return nil
	}
	return w.server.Control()
}

func (w *world) close(log *zap.Logger) {
	if w == nil || w.server == nil {
		return
	}
	if err := w.server.Close(); err != nil {
		log.Error("sandbox not closed cleanly", zap.Error(err))
	}
}
