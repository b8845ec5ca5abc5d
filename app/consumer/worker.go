package consumer

import (
	"container/heap"
	"errors"
	"time"

	"whatsapp-api/store"
)

// pump starts workers for what is ready. Only the first needs no slot of the pool's, so
// that consumers which take their time never hold up another one altogether.
func (r *runner) pump() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.closing && r.active < InFlight {
		l, wait := r.pick(time.Now())
		if l == nil {
			if wait > 0 {
				r.timer.Reset(wait)
			}
			return
		}
		if r.active > r.slots {
			select {
			case r.p.slots <- struct{}{}:
				r.slots++
			default:
				r.ready(l)
				return // a worker that is there takes it
			}
		}
		r.active++
		l.busy = true
		r.work.Go(func() { r.deliver(l) })
	}
}

// pick needs mu. It takes the next lane that may be tried; without one it says how long to
// wait for it, 0 when nothing waits.
func (r *runner) pick(at time.Time) (*lane, time.Duration) {
	h, q := &r.health, &r.queue
	if h.stopped || h.open && r.active > 0 {
		return nil, 0
	}
	if h.rest.After(at) {
		return nil, h.rest.Sub(at)
	}
	r.rouse(at)
	if h.open {
		return r.probe(at)
	}
	if l := q.next(); l != nil {
		return l, 0
	}
	if len(q.later) > 0 {
		return nil, q.later[0].due.Sub(at)
	}
	return nil, 0
}

// probe is pick for a consumer that fails. What was never tried may show that it takes events again, so it need
// not wait as long as what has failed before.
func (r *runner) probe(at time.Time) (*lane, time.Duration) {
	h, q := &r.health, &r.queue
	if len(q.fresh) > 0 {
		if soon := h.tried.Add(r.p.pace.Probe); soon.After(at) && h.until.After(at) {
			return nil, min(soon.Sub(at), h.until.Sub(at))
		}
		return pop(&q.fresh), 0
	}
	if len(q.again)+len(q.later) == 0 {
		return nil, 0
	}
	if h.until.After(at) {
		return nil, h.until.Sub(at)
	}
	if len(q.again) > 0 {
		return pop(&q.again), 0
	}
	l := heap.Pop(&q.later).(*lane)
	l.queued = false
	return l, 0
}

// deliver is a worker: it delivers the first of a lane, then what else is ready.
func (r *runner) deliver(l *lane) {
	for l != nil {
		i, err := r.head(r.attempts, l)
		o := Outcome{Verdict: Later}
		if err == nil && i != nil {
			o = r.attempt(i)
		}
		r.mu.Lock()
		l.busy = false
		switch {
		case err != nil:
			l.due = time.Now().Add(time.Second)
		case i != nil:
			r.settle(i, o)
		}
		if l.empty() {
			delete(r.lanes, l.key)
			r.stir()
		} else {
			r.ready(l)
		}
		l = nil
		if !r.closing {
			if l, _ = r.pick(time.Now()); l != nil {
				l.busy = true
			}
		}
		if l == nil {
			r.active--
			if r.slots > 0 {
				r.slots--
				<-r.p.slots
			}
		}
		r.mu.Unlock()
		r.pump()
	}
}

// attempt tries an item once.
func (r *runner) attempt(i *item) Outcome {
	if !r.duty.Held() {
		return Outcome{Verdict: Later}
	}
	r.mu.Lock()
	deliver, e := r.spec.Deliver, i.event
	one := Item{Attempt: i.record.Attempt + 1, Done: i.record.Done, Replay: i.record.Replay}
	session, seq := i.record.SessionID, i.record.Seq
	r.mu.Unlock()
	if e == nil {
		found, err := r.p.log.After(r.attempts, session, seq-1, 1)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return Outcome{Verdict: Skipped}
		case errors.Is(err, store.ErrExpired) || err == nil && (len(found) == 0 || found[0].Seq != seq):
			return Outcome{Verdict: Dead, At: now(), Fault: "the event is no longer kept"}
		case err != nil:
			return Outcome{Verdict: Later}
		}
		e = &found[0]
	}
	one.Event = *e
	o := deliver(r.attempts, one)
	if (o.Verdict == Failed || o.Verdict == Refused) && r.attempts.Err() != nil {
		o.Verdict = Later // it was cut off
	}
	return o
}

// now is the time as records have it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// settle needs mu. It takes over what came of the first item of a lane.
func (r *runner) settle(i *item, o Outcome) {
	l, d := i.lane, &i.record
	if o.Verdict == Later {
		l.due = time.Now().Add(time.Second)
		if o.Done > d.Done {
			d.Done, r.changed[i] = o.Done, true
		}
		return
	}
	if o.Verdict != Skipped {
		r.p.observed(o)
		d.At, d.ResponseStatus, d.Error, d.Duration, d.NextAttemptAt = o.At, o.Status, o.Fault, o.Took, time.Time{}
	}
	switch o.Verdict {
	case Skipped:
		r.finish(i, i.kept, store.DeliveryDelivered)
	case Dead:
		if o.Status != 0 { // it was refused
			d.Attempt++
			r.suffered(l, o)
		}
		r.finish(i, true, store.DeliveryDead)
	case Taken:
		d.Attempt, d.Done = d.Attempt+1, 0
		r.finish(i, true, store.DeliveryDelivered)
		r.succeeded()
	default:
		d.Attempt, d.Done = d.Attempt+1, max(d.Done, o.Done)
		r.failed(i, o)
	}
}

// observed tells of an attempt.
func (p *Pool) observed(o Outcome) {
	switch {
	case o.Verdict == Taken:
		p.observe(store.DeliveryDelivered, o.Took)
	case o.Verdict != Dead || o.Status != 0:
		p.observe(store.DeliveryFailed, o.Took)
	}
}

// finish needs mu. It takes the first item out of its lane.
func (r *runner) finish(i *item, record bool, status string) {
	i.done = true
	i.lane.items[0] = nil
	i.lane.items = i.lane.items[1:]
	i.lane.due, i.lane.failed = time.Time{}, false
	delete(r.changed, i)
	r.release(i)
	if !record {
		r.leave(1)
		return
	}
	if i.record.Status = status; status == store.DeliveryDead {
		r.p.observe(store.DeliveryDead, 0)
	}
	r.finished = append(r.finished, i.record) // its room is free once it is written
	if len(r.finished) == window/4 {
		r.p.flushSoon()
	}
}

// failed needs mu. The chat waits, unless the delivery was tried for long enough.
func (r *runner) failed(i *item, o Outcome) {
	d := &i.record
	if d.Since.IsZero() {
		d.Since = o.At
	}
	wait := max(backoff(d.Attempt, r.p.pace.RetryFirst, r.p.pace.RetryMost), o.RetryAfter)
	if o.At.Add(o.Took).Add(wait).Sub(d.Since) >= r.spec.RetryFor {
		r.finish(i, true, store.DeliveryDead)
	} else {
		d.Status, d.NextAttemptAt = store.DeliveryFailed, now().Add(wait)
		i.lane.due, i.lane.failed = d.NextAttemptAt, true
		r.changed[i] = true
		r.release(i)
	}
	r.suffered(i.lane, o)
}
