package consumer

import (
	"context"
	"slices"
	"sync"
	"time"

	"whatsapp-api/store"
)

// runner runs one consumer. Its followers put items into lanes, its workers deliver them.
type runner struct {
	p        *Pool
	id       string
	duty     *store.Duty // only while it is held anything is delivered
	flushing sync.Mutex  // held while progress is written

	ctx      context.Context // of followers; ends first
	cancel   context.CancelFunc
	attempts context.Context // of what is under way
	abort    context.CancelFunc
	work     sync.WaitGroup // followers and workers

	mu      sync.Mutex
	spec    Spec
	streams map[streamKey]*stream
	cursors map[streamKey]store.WebhookCursor // of streams that are yet to begin
	replays map[streamKey]time.Time           // that were begun; when it was written that they have ended
	known   map[eventKey]bool                 // to be read again, though they were delivered or have a record

	lanes   map[store.DeliveryLane]*lane
	queue   queue
	size    int // items in memory that are not done, and deliveries that are not written
	data    int // bytes of event data that items hold
	space   chan struct{}
	active  int // workers
	slots   int // of the pool's that this runner has
	closing bool
	timer   *time.Timer // pumps when the next lane is due

	changed  map[*item]bool        // whose record is to be written (again)
	finished []store.Delivery      // done, not written
	asked    []store.WebhookCursor // retries that were begun, to be written as ended

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
	keys   []string     // of chats that it may be in order with; the first is record.Chat
	lane   *lane
	since  time.Time // when it came into memory
	kept   bool      // a record says that it waits
	done   bool
}

func newRunner(p *Pool, s Spec) *runner {
	r := &runner{
		p: p, id: s.ID, duty: p.onDuty(), spec: s, streams: map[streamKey]*stream{}, cursors: map[streamKey]store.WebhookCursor{},
		replays: map[streamKey]time.Time{}, known: map[eventKey]bool{}, lanes: map[store.DeliveryLane]*lane{}, space: make(chan struct{}), changed: map[*item]bool{},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.attempts, r.abort = context.WithCancel(context.Background())
	r.health.open = s.Failing
	r.timer = time.AfterFunc(time.Hour, r.pump)
	return r
}

// loadPage is how many records are read at once of what waits.
const loadPage = 500

// load learns how far the consumer has got, and of which chats something waits.
func (r *runner) load(ctx context.Context) error {
	if err := r.p.deliveries.Claim(ctx, r.id, r.duty); err != nil {
		return err
	}
	cursors, err := r.p.deliveries.Cursors(ctx, r.id)
	if err != nil {
		return err
	}
	r.mu.Lock()
	for _, c := range cursors {
		if retried(c) == "" { // else it is begun with what others ask for
			r.cursors[streamKey{c.SessionID, c.Replay}] = c
		}
	}
	r.mu.Unlock()
	for _, status := range []string{store.DeliveryFailed, store.DeliveryPending} {
		if err := r.each(ctx, status, true, func(d store.Delivery) { r.waits(d) }); err != nil {
			return err
		}
	}
	return r.loadAhead(ctx)
}

// each calls fn for every delivery with a status, a page at a time with mu held.
func (r *runner) each(ctx context.Context, status string, oldest bool, fn func(store.Delivery)) error {
	for cursor := ""; ; {
		list, next, err := r.p.deliveries.List(ctx, store.DeliveryQuery{
			Webhook: r.id, Status: status, Oldest: oldest, Page: store.Page{Cursor: cursor, Limit: loadPage},
		})
		if err != nil {
			return err
		}
		r.mu.Lock()
		for _, d := range list {
			fn(d)
		}
		r.mu.Unlock()
		if cursor = next; next == "" {
			return nil
		}
	}
}

// waits needs mu. It takes in that a record waits; it is read when its turn comes.
func (r *runner) waits(d store.Delivery) {
	if !slices.Contains(r.spec.Sessions, d.SessionID) { // it was this consumer's once
		return
	}
	r.ahead(d)
	l := r.lane(laneOf(d))
	l.stored++
	if d.Status == store.DeliveryFailed && d.Attempt > 0 {
		if l.failed = true; !d.At.Before(r.spec.Changed) {
			l.due = d.NextAttemptAt
		}
	}
	r.ready(l)
}

// ahead needs mu. It notes an event that is to be read again, and says whether it is one.
func (r *runner) ahead(d store.Delivery) bool {
	if d.Replay || d.Seq <= r.cursors[streamKey{session: d.SessionID}].Seq {
		return false
	}
	r.known[eventKey{d.SessionID, d.Seq}] = true
	return true
}

// loadAhead learns what was delivered ahead of the cursors. A crash leaves some; they are among the newest.
func (r *runner) loadAhead(ctx context.Context) error {
	for cursor := ""; ; {
		list, next, err := r.p.deliveries.List(ctx, store.DeliveryQuery{
			Webhook: r.id, Status: store.DeliveryDelivered, Page: store.Page{Cursor: cursor, Limit: loadPage},
		})
		if err != nil {
			return err
		}
		some := false
		r.mu.Lock()
		for _, d := range list {
			some = r.ahead(d) || some
		}
		r.mu.Unlock()
		if cursor = next; next == "" || !some {
			return nil
		}
	}
}

// configure takes a changed spec over. A consumer that was set going again, or changed, is tried at once.
func (r *runner) configure(s Spec) {
	r.mu.Lock()
	if !s.Failing && r.spec.Failing && !r.health.dirty {
		r.recovered()
	}
	if s.Changed.After(r.spec.Changed) {
		r.hurryAll()
	}
	r.spec = s
	r.mu.Unlock()
	r.follow(s.Sessions)
	r.pump()
}

// close stops reading, gives attempts under way grace to end, and waits.
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

// admit waits for room and puts an item into its lane.
func (r *runner) admit(ctx context.Context, s *stream, i *item) error {
	r.mu.Lock()
	for r.size >= window || r.held(i) {
		space := r.space
		r.mu.Unlock()
		r.p.flushSoon() // what has a record needs no room
		select {
		case <-space:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		r.mu.Lock()
	}
	s.order = append(s.order, i)
	r.enqueue(i)
	r.mu.Unlock()
	r.pump()
	return nil
}

// A consumer that takes nothing is not read for without end: of so many chats something is tried, and of
// some more after each try.
const (
	probedLanes = 50
	probedMore  = 20
)

// held needs mu. It says whether an item is of one chat too many for a consumer that takes nothing.
func (r *runner) held(i *item) bool {
	return r.health.open && len(r.lanes) >= probedLanes+probedMore*r.health.probes && r.lanes[r.place(i)] == nil
}

// leave needs mu. It frees room.
func (r *runner) leave(n int) {
	r.size -= n
	r.stir()
}

// stir needs mu. It wakes those who wait for room.
func (r *runner) stir() {
	close(r.space)
	r.space = make(chan struct{})
}
