package api

import (
	"context"
	"net/http"
	"time"
)

func (a *API) health() []Endpoint {
	return []Endpoint{
		open(a, http.MethodGet, "/livez", "The process runs", a.livez),
		open(a, http.MethodGet, "/readyz", "The server can do its work", a.readyz),
	}
}

// Liveness is the answer of a process that runs.
type Liveness struct {
	Status  string `json:"status" enum:"ok"`
	Version string `json:"version"`
}

func (a *API) livez(context.Context, *struct{}) (*body[Liveness], error) {
	return reply(Liveness{Status: "ok", Version: a.Version}), nil
}

// Readiness says what the server stands on.
type Readiness struct {
	Status  string `json:"status" enum:"ready"`
	Version string `json:"version"`
	Store   string `json:"store" enum:"sqlite,mongodb"`
	Sandbox bool   `json:"sandbox" doc:"true: the WhatsApp side is the sandbox"`
}

// readyTimeout is how long the store may take to answer.
const readyTimeout = 3 * time.Second

func (a *API) readyz(ctx context.Context, _ *struct{}) (*body[Readiness], error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := a.Store.Ping(ctx); err != nil {
		return nil, err
	}
	return reply(Readiness{Status: "ready", Version: a.Version, Store: a.Store.Name(), Sandbox: a.Manager.Sandbox()}), nil
}
