package service

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"whatsapp-api/store"
)

// runner delivers to one webhook. Its followers put items into lanes, one lane a chat; its
// workers, at most inFlight of them, take the lanes that are ready in turn, one item at a time.
type runner struct {
	c        *Courier
	id       string
	flushing sync.Mutex

	ctx      context.Context // of followers; ends first
	cancel   context.CancelFunc
	requests context.Context // of what is under way
	abort    context.CancelFunc
	work     sync.WaitGroup // followers and workers

	mu      sync.Mutex
	hook    store.Webhook
	streams map[streamKey]*stream
	cursors map[streamKey]store.WebhookCursor // as they were at the start
	known   map[eventKey]bool                 // to be read, with a record from before the start

	restored map[string]bool // deliveries in lanes that were read from the store, by id

	lanes   map[string]*lane
	ready   []*lane
	size    int // items that are not done, and deliveries that are not written
	data    int // bytes of event data that items hold
	space   chan struct{}
	active  int // workers
	slots   int // of the courier's that this runner has
	closing bool
	timer   *time.Timer // pumps when the next lane is due

	changed  map[*item]bool   // whose record is to be written (again)
	finished []store.Delivery // done, not written

	health health
}

type streamKey struct{ session, replay string }

type eventKey struct {
	session string
	seq     int64
}

// item is one event on its way.
type item struct {
	record store.Delivery
	event  *store.Event // nil: read when it is due
	stream *stream      // nil: no cursor waits for it
	lane   *lane
	since  time.Time // when it came into the window
	kept   bool      // a record says that it waits
	done   bool
}

// lane is what waits of one chat, in order.
type lane struct {
	key   string
	items []*item
	busy  bool
	due   time.Time // of the first; zero: now
}

func newRunner(c *Courier, w store.Webhook) *runner {
	r := &runner{
		c: c, id: w.ID, hook: w, streams: map[streamKey]*stream{}, cursors: map[streamKey]store.WebhookCursor{}, known: map[eventKey]bool{},
		lanes: map[string]*lane{}, space: make(chan struct{}), changed: map[*item]bool{}, restored: map[string]bool{},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.requests, r.abort = context.WithCancel(context.Background())
	r.health.open = w.State == store.WebhookFailing
	r.timer = time.AfterFunc(time.Hour, r.pump)
	return r
}

// load puts what waited when the courier was stopped back into the lanes, and learns how far
// the webhook has got.
func (r *runner) load(ctx context.Context) error {
	var waiting []store.Delivery
	for _, status := range []string{store.DeliveryFailed, store.DeliveryPending} {
		for cursor := ""; ; {
			list, next, err := r.c.store.Deliveries().List(ctx, store.DeliveryQuery{Webhook: r.id, Status: status, Oldest: true, Page: store.Page{Cursor: cursor, Limit: 200}})
			if err != nil {
				return err
			}
			waiting = append(waiting, list...)
			if cursor = next; next == "" {
				break
			}
		}
	}
	inSequence(waiting)
	cursors, err := r.c.store.Deliveries().Cursors(ctx, r.id)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range cursors {
		r.cursors[streamKey{c.SessionID, c.Replay}] = c
	}
	for _, d := range waiting {
		r.restore(d)
	}
	return nil
}

// inSequence puts deliveries into the order of their events. Ids are not enough for that: those
// of one millisecond are in no order.
func inSequence(list []store.Delivery) {
	slices.SortStableFunc(list, func(a, b store.Delivery) int { return cmp.Compare(a.Seq, b.Seq) })
}

// restore needs mu. It takes up a delivery that has a record.
func (r *runner) restore(d store.Delivery) {
	if r.restored[d.ID] {
		return
	}
	r.restored[d.ID] = true
	if !d.Replay && d.Seq > r.cursors[streamKey{session: d.SessionID}].Seq { // it will be read again
		r.known[eventKey{d.SessionID, d.Seq}] = true
	}
	i := &item{record: d, kept: true, since: time.Now()}
	r.size++
	r.enqueue(i)
	if l := i.lane; l.items[0] == i {
		l.due = d.NextAttemptAt
	}
}

// configure takes a changed webhook over. One that was set going again is tried at once.
func (r *runner) configure(w store.Webhook) {
	r.mu.Lock()
	if w.State == store.WebhookActive && r.hook.State == store.WebhookFailing && !r.health.dirty {
		r.recovered()
	}
	r.hook = w
	r.mu.Unlock()
	r.pump()
}

// close stops reading, gives requests under way grace to end, and waits.
func (r *runner) close(grace time.Duration) {
	r.mu.Lock()
	r.closing = true
	r.timer.Stop()
	r.mu.Unlock()
	r.cancel()
	late := time.AfterFunc(grace, r.abort)
	r.work.Wait()
	late.Stop()
	r.abort()
}

func (r *runner) closed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closing
}

// admit waits for room in the window and puts an item into its lane.
func (r *runner) admit(ctx context.Context, i *item) error {
	r.mu.Lock()
	for r.size >= window {
		space := r.space
		r.mu.Unlock()
		select {
		case <-space:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		r.mu.Lock()
	}
	r.size++
	if i.event != nil {
		if r.data+len(i.event.Data) > windowData {
			i.event = nil
		} else {
			r.data += len(i.event.Data)
		}
	}
	if i.stream != nil {
		i.stream.order = append(i.stream.order, i)
	}
	r.enqueue(i)
	r.mu.Unlock()
	r.pump()
	return nil
}

// enqueue needs mu. Replays have lanes of their own: they do not hold up what is new.
func (r *runner) enqueue(i *item) {
	key := i.record.SessionID + "\x00" + i.record.Chat
	if i.record.Replay {
		key += "\x00replay"
	}
	l := r.lanes[key]
	if l == nil {
		l = &lane{key: key}
		r.lanes[key] = l
	}
	i.lane = l
	l.items = append(l.items, i)
	if len(l.items) == 1 && !l.busy {
		r.ready = append(r.ready, l)
	}
}

// pump starts workers for what is ready. Only the first needs no slot of the courier's, so
// that endpoints which take their time never hold up another webhook altogether.
func (r *runner) pump() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.closing && r.active < inFlight {
		l, wait := r.pick(time.Now())
		if l == nil {
			if wait > 0 {
				r.timer.Reset(wait)
			}
			return
		}
		if r.active > r.slots {
			select {
			case r.c.slots <- struct{}{}:
				r.slots++
			default:
				r.ready = append(r.ready, l)
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
	if wait := r.health.wait(at, r.active); wait != 0 {
		return nil, max(wait, 0)
	}
	soonest := time.Duration(0)
	for n := len(r.ready); n > 0; n-- {
		l := r.ready[0]
		r.ready = r.ready[1:]
		wait := l.due.Sub(at)
		if wait <= 0 || r.health.open {
			return l, 0
		}
		r.ready = append(r.ready, l)
		if soonest == 0 || wait < soonest {
			soonest = wait
		}
	}
	return nil, soonest
}

// deliver is a worker: it delivers the first of a lane, then what else is ready.
func (r *runner) deliver(l *lane) {
	for l != nil {
		r.mu.Lock()
		i := l.items[0] // nobody else takes from a busy lane
		r.mu.Unlock()
		s := r.attempt(i)
		r.mu.Lock()
		l.busy = false
		r.settle(i, s)
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
				<-r.c.slots
			}
		}
		r.mu.Unlock()
		r.pump()
	}
}

// result is what came of trying an item.
type result struct {
	outcome
	skip  bool // nobody is to get it
	dead  bool // there is nothing to be sent any more
	later bool // it was not tried: the store or the courier is away
}

// attempt tries an item once.
func (r *runner) attempt(i *item) result {
	r.mu.Lock()
	w, e, attempt, replay := r.hook, i.event, i.record.Attempt+1, i.record.Replay
	session, seq := i.record.SessionID, i.record.Seq
	r.mu.Unlock()
	if e == nil {
		found, err := r.c.log.After(r.requests, session, seq-1, 1)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return result{skip: true}
		case errors.Is(err, store.ErrExpired) || err == nil && (len(found) == 0 || found[0].Seq != seq):
			return result{dead: true, outcome: outcome{at: now(), fault: "the event is no longer kept"}}
		case err != nil:
			return result{later: true}
		}
		e = &found[0]
	}
	bodies, err := r.c.render(r.requests, w, *e)
	if err != nil {
		return result{later: true}
	}
	if len(bodies) == 0 {
		return result{skip: true}
	}
	var o outcome
	for _, body := range bodies {
		o = r.c.sender.send(r.requests, parcel{hook: w, event: e.ID, attempt: attempt, replay: replay, body: body})
		if !o.delivered() {
			break
		}
	}
	return result{outcome: o, later: !o.delivered() && r.requests.Err() != nil}
}

// settle needs mu. It takes over what came of an item.
func (r *runner) settle(i *item, s result) {
	l, d := i.lane, &i.record
	if s.later {
		l.due = time.Now().Add(time.Second)
		r.ready = append(r.ready, l)
		return
	}
	if !s.skip {
		if s.delivered() {
			r.c.observe(store.DeliveryDelivered, s.took)
		} else if !s.dead {
			r.c.observe(store.DeliveryFailed, s.took)
		}
		d.At, d.ResponseStatus, d.Error, d.Duration, d.NextAttemptAt = s.at, s.status, s.fault, s.took, time.Time{}
	}
	switch {
	case s.skip:
		r.finish(i, i.kept, store.DeliveryDelivered)
	case s.dead:
		r.finish(i, true, store.DeliveryDead)
	case s.delivered():
		d.Attempt++
		r.finish(i, true, store.DeliveryDelivered)
		r.succeeded()
	default:
		d.Attempt++
		r.failed(i, s.outcome)
	}
	if len(l.items) == 0 {
		delete(r.lanes, l.key)
		return
	}
	r.ready = append(r.ready, l)
}

// finish needs mu. It takes an item out of its lane.
func (r *runner) finish(i *item, record bool, status string) {
	i.done = true
	i.lane.items = i.lane.items[1:]
	i.lane.due = time.Time{}
	delete(r.changed, i)
	delete(r.restored, i.record.ID)
	if i.event != nil {
		r.data -= len(i.event.Data)
		i.event = nil
	}
	if !record {
		r.leave(1)
		return
	}
	if i.record.Status = status; status == store.DeliveryDead {
		r.c.observe(store.DeliveryDead, 0)
	}
	r.finished = append(r.finished, i.record) // its room is free once it is written
	if len(r.finished) == window/4 {
		r.c.flushSoon()
	}
}

// leave needs mu. It frees room in the window.
func (r *runner) leave(n int) {
	r.size -= n
	close(r.space)
	r.space = make(chan struct{})
}

// failed needs mu. The chat waits, unless the delivery was tried for long enough.
func (r *runner) failed(i *item, o outcome) {
	d := &i.record
	if d.Since.IsZero() {
		d.Since = o.at
	}
	wait := max(backoff(d.Attempt, r.c.pace.RetryFirst, r.c.pace.RetryMost), o.retryAfter)
	if o.at.Add(o.took).Add(wait).Sub(d.Since) >= r.hook.RetryFor {
		r.finish(i, true, store.DeliveryDead)
	} else {
		d.Status, d.NextAttemptAt = store.DeliveryFailed, now().Add(wait)
		i.lane.due = d.NextAttemptAt
		r.changed[i] = true
		if i.event != nil { // it may be long
			r.data -= len(i.event.Data)
			i.event = nil
		}
	}
	r.failedHealth(o)
}
