package service

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/store"
)

// health is how well a webhook's endpoint answers. After a number of failures in a row it is
// open, as a circuit breaker is: then only one request at a time is made, now and then and of
// another chat each time, until one succeeds.
type health struct {
	failures int
	open     bool
	probes   int       // failed since it was opened
	until    time.Time // nothing is sent before
	gone     bool      // the endpoint said that it is no more

	state, reason string // to be written
	dirty         bool
}

// wait says how long nothing may be sent; negative: until a request under way has ended.
func (h *health) wait(at time.Time, active int) time.Duration {
	switch {
	case h.gone || h.open && active > 0:
		return -1
	case h.until.After(at):
		return h.until.Sub(at)
	}
	return 0
}

func (h *health) tell(state, reason string) { h.state, h.reason, h.dirty = state, reason, true }

// backoff is how long to wait after so many failures: twice as long each time, and anything
// between half of it and all, so that many do not come back at once.
func backoff(failures int, first, most time.Duration) time.Duration {
	wait := most
	if failures < 40 {
		wait = min(most, first<<max(failures-1, 0))
	}
	if wait <= 0 { // overflown
		wait = most
	}
	return wait/2 + rand.N(wait/2+1)
}

// failedHealth needs mu.
func (r *runner) failedHealth(o outcome) {
	h, p := &r.health, r.c.pace
	if o.status == http.StatusGone {
		h.gone = true
		h.tell(store.WebhookPaused, "gone: the endpoint answered 410")
		r.c.flushSoon()
		return
	}
	if o.retryAfter > 0 { // it asks for a rest, which is no fault
		h.until = time.Now().Add(o.retryAfter)
		return
	}
	h.failures++
	if h.open {
		h.probes++
		h.until = time.Now().Add(backoff(h.probes, p.Probe, p.ProbeMost))
		return
	}
	if h.failures >= p.Failures {
		h.open, h.probes = true, 1
		h.until = time.Now().Add(backoff(1, p.Probe, p.ProbeMost))
		h.tell(store.WebhookFailing, fmt.Sprintf("%d attempts in a row failed; the last: %s", h.failures, o.fault))
		r.c.flushSoon()
	}
}

// succeeded needs mu.
func (r *runner) succeeded() {
	r.health.failures = 0
	if r.health.open || r.hook.State == store.WebhookFailing {
		r.recovered()
		r.health.tell(store.WebhookActive, "")
		r.c.flushSoon()
	}
}

// recovered needs mu. What waited for a better time is due now.
func (r *runner) recovered() {
	r.health.open, r.health.probes, r.health.failures, r.health.until = false, 0, 0, time.Time{}
	for _, l := range r.lanes {
		l.due = time.Time{}
	}
}

// keepState writes the webhook's state, if it has changed.
func (r *runner) keepState(ctx context.Context) error {
	r.mu.Lock()
	h := r.health
	r.health.dirty = false
	r.mu.Unlock()
	if !h.dirty {
		return nil
	}
	w, err := r.c.store.Webhooks().Update(ctx, r.id, func(w *store.Webhook) error {
		if w.State != store.WebhookPaused {
			w.State, w.Reason = h.state, h.reason
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.health.dirty = true
		return fmt.Errorf("write webhook's state: %w", err)
	}
	r.hook.State = w.State
	r.c.logger.Info("webhook changed its state", zap.String("webhook", r.id), zap.String("state", h.state))
	if h.gone {
		r.c.Changed()
	}
	return nil
}
