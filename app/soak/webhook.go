package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// How a webhook's endpoint behaves.
const (
	answers = "answers"
	hangs   = "hangs"
	fails   = "fails" // with 500
)

// endpoint is a webhook's. What it has said yes to counts as delivered.
type endpoint struct {
	*place
	ledger  *ledger
	address string

	mu     sync.Mutex
	how    string
	change chan struct{} // closed when how changes
	server *http.Server  // nil: nobody listens
}

func openEndpoint(ctx context.Context, p *place, l *ledger) (*endpoint, error) {
	e := &endpoint{place: p, ledger: l, address: "127.0.0.1:0", how: answers, change: make(chan struct{})}
	return e, e.open(ctx)
}

// open listens, on the same address each time.
func (e *endpoint) open(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", e.address)
	if err != nil {
		return err
	}
	e.address = l.Addr().String()
	e.server = &http.Server{Handler: http.HandlerFunc(e.serve), ReadHeaderTimeout: 10 * time.Second}
	go func(s *http.Server) { _ = s.Serve(l) }(e.server) // until it is closed
	return nil
}

// leave closes the endpoint with all its connections.
func (e *endpoint) leave() error { return e.server.Close() }

// behave changes how it answers from now on.
func (e *endpoint) behave(how string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.how = how
	close(e.change)
	e.change = make(chan struct{})
}

func (e *endpoint) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return // cut on the way, so not delivered
	}
	e.mu.Lock()
	how, change := e.how, e.change
	e.mu.Unlock()
	switch how {
	case hangs:
		select {
		case <-change:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case fails:
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	var event envelope
	err = json.Unmarshal(raw, &event)
	if err == nil && r.Header.Get("X-Event-Id") != event.ID {
		err = errors.New("X-Event-Id is not the event's")
	}
	if err == nil {
		err = e.take(event)
	}
	if err != nil {
		e.ledger.violation("webhook: %v", err)
	}
	w.WriteHeader(http.StatusNoContent)
}
