package operate

import (
	"context"
	"net/http"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
)

// Sandbox is the control of the WhatsApp server with phones, where there is one here.
type Sandbox struct {
	Control http.Handler // nil: there is none

	// UntilStop lets a call wait, for no longer than the server goes on. done must be called.
	UntilStop func(context.Context) (_ context.Context, done func())
}

// Routes are those under /sandbox, which are for this machine alone.
func (s Sandbox) Routes() []api.Route {
	if s.Control == nil {
		return nil
	}
	return []api.Route{{Path: "/sandbox", Handle: s.serve}, {Path: "/sandbox/*", Handle: s.serve}}
}

func (s Sandbox) serve(w http.ResponseWriter, r *http.Request) error {
	if api.Elsewhere(r.Context()) {
		return api.NewProblem(codes.NotLoopback, "The sandbox answers to this machine only, and this request was forwarded.")
	}
	ctx, done := s.UntilStop(r.Context())
	defer done()
	s.Control.ServeHTTP(w, r.WithContext(ctx))
	return nil
}
