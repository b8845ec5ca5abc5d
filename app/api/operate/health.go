package operate

import (
	"context"
	"net/http"
	"time"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// Health says whether the server can do its work.
type Health struct {
	Manager *whatsapp.Manager
	Store   store.Store
	Version string
}

// Endpoints are the rows of the server's health.
func (h Health) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.ForAll(http.MethodGet, "/livez", "getLiveness", "The process runs", h.livez, api.Explained("For what starts a hung process anew: it says nothing of the database or of WhatsApp.")),
		api.ForAll(http.MethodGet, "/readyz", "getReadiness", "The server can do its work", h.readyz, api.Explained("For load balancers: 503 while the database cannot be reached."), api.AlsoFails(codes.StoreUnavailable, codes.Unavailable)),
	}
}

// Liveness is the answer of a process that runs.
type Liveness struct {
	Status  string `json:"status" enum:"ok"`
	Version string `json:"version"`
}

func (h Health) livez(context.Context, *struct{}) (*api.Body[Liveness], error) {
	return api.Reply(Liveness{Status: "ok", Version: h.Version}), nil
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

func (h Health) readyz(ctx context.Context, _ *struct{}) (*api.Body[Readiness], error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := h.Store.Ping(ctx); err != nil {
		return nil, err
	}
	return api.Reply(Readiness{Status: "ready", Version: h.Version, Store: h.Store.Name(), Sandbox: h.Manager.Sandbox()}), nil
}
