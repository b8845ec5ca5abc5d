package consumer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"whatsapp-api/store"
)

// health is how well a consumer takes its events: a circuit breaker. After a number of failures in a row it is
// open: then only one attempt at a time is made, now and then and of another chat each time, until one
// succeeds. It is ours and not sony/gobreaker's, whose state begins anew in each process and whose time
// between probes is fixed: this one is kept with the consumer, counts by chat, and waits longer after each probe.
type health struct {
	failures int
	lanes    map[store.DeliveryLane]bool // that failed in a row, up to two
	faulty   bool                        // some failure in the row was not just of one event
	open     bool
	probes   int       // failed since it was opened
	tried    time.Time // the last of them
	until    time.Time // nothing that has failed is tried before
	rest     time.Time // nothing at all is tried before
	stopped  bool

	tell  Health // to be kept
	dirty bool
}

func (h *health) say(now Health) { h.tell, h.dirty = now, true }

// forgive ends a row of failures.
func (h *health) forgive() { h.failures, h.lanes, h.faulty = 0, nil, false }

// backoff is how long to wait after so many failures: twice as long each time, and anything
// between half of it and all, so that many do not come back at once. It is a function of a number that is kept
// with the delivery, where cenkalti/backoff counts in memory and may wait for longer than most.
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

// suffered needs mu. It takes in that an attempt failed. While all that fails is refused and of one chat, that
// chat alone waits.
func (r *runner) suffered(l *lane, o Outcome) {
	h, p := &r.health, r.p.pace
	if o.Stop != "" {
		h.stopped = true
		h.say(Health{Stopped: true, Reason: o.Stop})
		r.p.flushSoon()
		return
	}
	if o.RetryAfter > 0 { // it asks for a rest, which is no fault
		h.rest = time.Now().Add(o.RetryAfter)
		return
	}
	h.failures++
	h.faulty = h.faulty || o.Verdict != Refused
	if h.lanes == nil {
		h.lanes = map[store.DeliveryLane]bool{}
	}
	if len(h.lanes) < 2 {
		h.lanes[l.key] = true
	}
	if h.open {
		h.probes++
		h.tried = time.Now()
		h.until = h.tried.Add(backoff(h.probes, p.Probe, p.ProbeMost))
		r.stir()
		return
	}
	if h.failures >= p.Failures && (h.faulty || len(h.lanes) > 1) {
		h.open, h.probes, h.tried = true, 1, time.Now()
		h.until = h.tried.Add(backoff(1, p.Probe, p.ProbeMost))
		h.say(Health{Failing: true, Reason: fmt.Sprintf("%d attempts in a row failed; the last: %s", h.failures, o.Fault)})
		r.p.flushSoon()
	}
}

// succeeded needs mu.
func (r *runner) succeeded() {
	r.health.forgive()
	if r.health.open || r.spec.Failing {
		r.recovered()
		r.health.say(Health{})
		r.p.flushSoon()
	}
}

// recovered needs mu. What waited for a better time is due now.
func (r *runner) recovered() {
	h := &r.health
	h.open, h.probes, h.until, h.rest = false, 0, time.Time{}, time.Time{}
	h.forgive()
	r.hurryAll()
	r.stir()
}

// tell keeps how the consumer is, if that has changed.
func (r *runner) tell(ctx context.Context) error {
	r.mu.Lock()
	h, tell := r.health, r.spec.Tell
	r.health.dirty = false
	r.mu.Unlock()
	if !h.dirty || !r.duty.Held() {
		return nil
	}
	err := tell(ctx, h.tell)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.health.dirty = true
		return fmt.Errorf("keep how a consumer is: %w", err)
	}
	r.spec.Failing = h.tell.Failing
	return nil
}
