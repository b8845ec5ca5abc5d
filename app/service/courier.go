package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app/events"
	"whatsapp-api/store"
)

const (
	inFlight   = 8   // requests of one webhook at once
	inFlightOf = 256 // of all webhooks together, not counting the first of each
	window     = 1000
	windowData = 1 << 20 // bytes of event data that one webhook holds in memory

	deliveredFor = 7 * 24 * time.Hour  // how long the log of deliveries goes back
	deadFor      = 30 * 24 * time.Hour // how long what was given up can be sent again
	deliveredMax = 10_000              // deliveries that are kept of a webhook, in each state
)

// Pace says how fast a Courier does what it does.
type Pace struct {
	Flush      time.Duration // how often progress is written
	Stale      time.Duration // after which what waits is written too
	RetryFirst time.Duration // wait after a first failure; doubles with every other
	RetryMost  time.Duration
	Probe      time.Duration // wait between tries of an endpoint that fails; doubles too
	ProbeMost  time.Duration
	Failures   int           // in a row, that make an endpoint a failing one
	Grace      time.Duration // for requests under way when it is stopped
	Look       time.Duration // how often it looks at what webhooks there are, although nothing told it to
	Duty       time.Duration // how often it looks whether it is to deliver, while another process does
}

// DefaultPace is what servers out there can bear.
func DefaultPace() Pace {
	return Pace{
		Flush: 200 * time.Millisecond, Stale: 2 * time.Second, RetryFirst: time.Second, RetryMost: time.Hour,
		Probe: 2 * time.Second, ProbeMost: 5 * time.Minute, Failures: 10, Grace: 3 * time.Second, Look: 30 * time.Second,
		Duty: 2 * time.Second,
	}
}

// Courier delivers events to webhooks. Of all processes that use a store one does, which has the duty to
// (store.DutyWebhooks): the others wait until it goes, or has not been heard of for the time of a lease.
//
// What it promises. Every event that a webhook wants is delivered at least once, or becomes a
// dead letter after the webhook's RetryFor; X-Event-Id tells repetitions, which a crash makes of
// at most what was under way and what was delivered in the last moments. Events of one chat arrive
// in order, one at a time; chats do not wait for each other. Whoever asks for a replay gets old
// events beside the new ones, marked as such.
//
// How. A follower for each webhook and session reads the event log from a cursor in the store and
// puts what is wanted into the webhook's window, which holds at most 1,000 deliveries: when it is
// full, reading stops and the log keeps the rest. Progress (deliveries made, and how far the
// cursors may go) is written for all webhooks together, a few times a second. A cursor goes past an
// event when it was delivered or when a record says that it waits.
type Courier struct {
	store   store.Store
	log     *events.Log
	sender  *sender
	pace    Pace
	logger  *zap.Logger
	users   func() <-chan struct{} // closed when some user changed
	slots   chan struct{}
	flushes chan struct{} // asks for a flush before its time

	starting sync.Mutex // held while a runner is started

	mu      sync.Mutex
	duty    *store.Duty   // nil: another process delivers
	changed chan struct{} // closed and replaced when webhooks or sessions changed
	runners map[string]*runner
}

// CourierConfig is what a Courier stands on.
type CourierConfig struct {
	Store   store.Store
	Events  *events.Log
	Targets *Targets
	Users   func() <-chan struct{} // is closed when some user was changed or deleted
	Pace    Pace
	Version string
	Log     *zap.Logger
}

// NewCourier makes a Courier; Run starts it.
func NewCourier(c CourierConfig) *Courier {
	return &Courier{
		store: c.Store, log: c.Events, sender: newSender(c.Targets, c.Version), pace: c.Pace, logger: c.Log, users: c.Users,
		slots: make(chan struct{}, inFlightOf), flushes: make(chan struct{}, 1), changed: make(chan struct{}), runners: map[string]*runner{},
	}
}

// Changed lets the courier look at what webhooks there are.
func (c *Courier) Changed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// haltWait is how long another process that delivers has to take a change in, beside the grace for requests.
const haltWait = 3 * time.Second

// halt ends what is under way to a webhook, which the store has changed or deleted already: when it
// returns, nothing goes any more to where the webhook was before. Requests have the pace's grace to end.
// Where another process delivers, halt waits until that has done the same. It does not wait for one that
// says nothing for haltWait beyond the grace: that one may go on until it looks at the store again, or until its
// duty runs out, which it is sure to notice.
func (c *Courier) halt(ctx context.Context, id string) {
	c.starting.Lock() // who starts one now has read the webhook before it was changed
	r := c.runner(id)
	c.starting.Unlock()
	if r != nil {
		r.close(c.pace.Grace)
	}
	ctx, cancel := context.WithTimeout(ctx, c.pace.Grace+haltWait)
	defer cancel()
	mark, err := c.store.Changes().Mark(ctx)
	if err == nil {
		err = c.store.Changes().Await(ctx, store.DutyWebhooks, mark)
	}
	if err != nil {
		c.logger.Warn("the server that delivers has not said that it stopped a webhook", zap.String("webhook", id), zap.Error(err))
	}
}

func (c *Courier) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Run delivers whenever it is this process's duty, until ctx ends.
func (c *Courier) Run(ctx context.Context) error {
	defer c.sender.close()
	for {
		d := c.take(ctx)
		if d == nil {
			return nil
		}
		c.serve(ctx, d)
	}
}

// take waits until this process is to deliver; nil when ctx has ended.
func (c *Courier) take(ctx context.Context) *store.Duty {
	for told := false; ctx.Err() == nil; {
		d, err := c.store.Duties().Take(ctx, store.DutyWebhooks)
		if err == nil {
			return d
		}
		wait := c.pace.Duty
		switch {
		case errors.Is(err, store.ErrOwnedElsewhere):
			if !told {
				c.logger.Info("another server delivers to webhooks", zap.Error(err))
			}
			told = true
		case ctx.Err() == nil:
			c.logger.Warn("could not ask who delivers to webhooks; trying again", zap.Error(err))
			wait = min(wait, time.Second)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

// serve delivers until ctx ends, lets what is under way end, and writes down how far it got. When another
// process may have the duty it stops at once.
func (c *Courier) serve(ctx context.Context, d *store.Duty) {
	c.setDuty(d)
	defer c.setDuty(nil)
	serving, lost := context.WithCancel(ctx)
	defer lost()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-d.Lost():
			for _, r := range c.all() {
				r.abort()
			}
			lost()
		case <-serving.Done():
		}
	}()
	flushed := make(chan struct{})
	flushing, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(flushed)
		c.flushAgain(flushing)
	}()
	c.supervise(serving)
	lost()
	<-watched
	if !d.Held() {
		c.logger.Warn("another server may deliver to webhooks now; what is under way is given up")
		c.close(c.all(), 0)
		stop()
		<-flushed
		c.forgetAll()
		return
	}
	c.close(c.all(), c.pace.Grace)
	stop()
	<-flushed
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := c.flush(last, c.all()); err != nil {
		c.logger.Warn("progress of webhooks not written; some deliveries will be repeated", zap.Error(err))
	}
	c.forgetAll()
	if err := c.store.Duties().GiveBack(last, d); err != nil {
		c.logger.Warn("another server has to wait until it can deliver to webhooks", zap.Error(err))
	}
}

func (c *Courier) setDuty(d *store.Duty) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.duty = d
}

func (c *Courier) onDuty() *store.Duty {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.duty
}

// forgetAll forgets all runners.
func (c *Courier) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.runners)
}

func (c *Courier) all() []*runner {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*runner, 0, len(c.runners))
	for _, r := range c.runners {
		list = append(list, r)
	}
	return list
}

func (c *Courier) runner(id string) *runner {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.runners[id]
}

// supervise keeps a runner for every webhook that is to run, until ctx ends.
func (c *Courier) supervise(ctx context.Context) {
	look := time.NewTicker(c.pace.Look)
	defer look.Stop()
	pruned, taken := time.Time{}, int64(-1)
	for {
		changed, born, users := c.next(), c.log.Born(), c.users()
		mark, err := c.store.Changes().Mark(ctx)
		if err == nil {
			err = c.look(ctx)
		}
		if err == nil && mark != taken {
			if err = c.store.Changes().TakenIn(ctx, c.onDuty(), mark); err == nil {
				taken = mark
			}
		}
		if err == nil && time.Since(pruned) > time.Hour {
			pruned, err = time.Now(), c.prune(ctx)
		}
		again := (<-chan time.Time)(nil)
		if err != nil && ctx.Err() == nil {
			c.logger.Warn("webhooks not looked at; trying again", zap.Error(err))
			again = time.After(time.Second)
		}
		select {
		case <-changed:
		case <-born:
		case <-users:
		case <-look.C:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// look starts, changes and ends runners, so that they are what the store says.
func (c *Courier) look(ctx context.Context) error {
	hooks, err := c.hooks(ctx)
	if err != nil {
		return err
	}
	owners := map[string]*owner{}
	for id, w := range hooks {
		if owners[w.OwnerID] == nil {
			if owners[w.OwnerID], err = c.ownerOf(ctx, w.OwnerID); err != nil {
				return err
			}
		}
		if w.State == store.WebhookPaused || !owners[w.OwnerID].active {
			delete(hooks, id)
		}
	}
	var over []*runner
	for _, r := range c.all() {
		if w, runs := hooks[r.id]; !runs || r.closed() || r.goesTo() != w.URL {
			over = append(over, r)
		}
	}
	if err := c.end(ctx, over); err != nil {
		return err
	}
	for _, w := range hooks {
		sessions := owners[w.OwnerID].sessions
		if w.SessionID != "" {
			sessions = []string{w.SessionID}
		}
		if err := c.ensure(ctx, w, sessions); err != nil {
			return err
		}
	}
	return c.replays(ctx)
}

// replays begins what was asked for in other processes.
func (c *Courier) replays(ctx context.Context) error {
	asked, err := c.store.Deliveries().Replays(ctx)
	if err != nil {
		return err
	}
	for _, cursor := range asked {
		if r := c.runner(cursor.WebhookID); r != nil {
			r.replay(cursor)
		}
	}
	return nil
}

// close ends what is under way in runners: in the time that the slowest needs.
func (c *Courier) close(runners []*runner, grace time.Duration) {
	var ending sync.WaitGroup
	for _, r := range runners {
		ending.Go(func() { r.close(grace) })
	}
	ending.Wait()
}

// end stops runners and forgets them once their progress is written.
func (c *Courier) end(ctx context.Context, runners []*runner) error {
	c.close(runners, c.pace.Grace)
	for _, r := range runners {
		if err := c.flush(ctx, []*runner{r}); err != nil { // one at a time: another flush may lock them in another order
			return err
		}
		c.mu.Lock()
		delete(c.runners, r.id)
		c.mu.Unlock()
	}
	return nil
}

func (c *Courier) hooks(ctx context.Context) (map[string]store.Webhook, error) {
	all := map[string]store.Webhook{}
	for cursor := ""; ; {
		list, next, err := c.store.Webhooks().List(ctx, store.WebhookQuery{Page: store.Page{Cursor: cursor, Limit: 200}})
		if err != nil {
			return nil, err
		}
		for _, w := range list {
			all[w.ID] = w
		}
		if cursor = next; next == "" {
			return all, nil
		}
	}
}

type owner struct {
	active   bool
	sessions []string
}

func (c *Courier) ownerOf(ctx context.Context, id string) (*owner, error) {
	u, err := c.store.Users().Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return &owner{}, nil
	}
	if err != nil {
		return nil, err
	}
	o := &owner{active: u.Active}
	err = eachSession(ctx, c.store, id, func(s store.Session) { o.sessions = append(o.sessions, s.ID) })
	return o, err
}

// eachSession calls fn for every session of an owner.
func eachSession(ctx context.Context, st store.Store, owner string, fn func(store.Session)) error {
	for cursor := ""; ; {
		list, next, err := st.Sessions().List(ctx, owner, store.Page{Cursor: cursor, Limit: 200})
		if err != nil {
			return err
		}
		for _, s := range list {
			fn(s)
		}
		if cursor = next; next == "" {
			return nil
		}
	}
}

// ensure gives a webhook its runner, with followers for these sessions.
func (c *Courier) ensure(ctx context.Context, w store.Webhook, sessions []string) error {
	r := c.runner(w.ID)
	if r != nil {
		r.configure(w)
		r.follow(sessions)
		return nil
	}
	c.starting.Lock()
	defer c.starting.Unlock()
	w, err := c.store.Webhooks().Get(ctx, w.ID) // again: it may have been changed and halted since
	if errors.Is(err, store.ErrNotFound) || err == nil && w.State == store.WebhookPaused {
		return nil
	}
	if err != nil {
		return err
	}
	r = newRunner(c, w)
	c.mu.Lock()
	c.runners[w.ID] = r
	c.mu.Unlock()
	// Only now: what is asked for meanwhile is either read here, or told to the runner.
	if err := r.load(ctx); err != nil {
		r.close(0)
		c.mu.Lock()
		delete(c.runners, w.ID)
		c.mu.Unlock()
		return err
	}
	r.configure(w)
	r.follow(sessions)
	return nil
}

// flushAgain writes progress now and then until ctx ends.
func (c *Courier) flushAgain(ctx context.Context) {
	tick := time.NewTicker(c.pace.Flush)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-c.flushes:
		case <-ctx.Done():
			return
		}
		if err := c.flush(ctx, c.all()); err != nil && ctx.Err() == nil {
			c.logger.Warn("progress of webhooks not written; trying again", zap.Error(err))
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
	}
}

func (c *Courier) flushSoon() {
	select {
	case c.flushes <- struct{}{}:
	default:
	}
}

// flush writes the progress of some runners as one. What was not written is part of the next
// flush.
func (c *Courier) flush(ctx context.Context, runners []*runner) error {
	var all store.DeliveryProgress
	var collected []func(error)
	for _, r := range runners {
		r.flushing.Lock() // so that two flushes cannot overtake each other
		defer r.flushing.Unlock()
		p, done := r.collect(time.Now())
		all.Deliveries = append(all.Deliveries, p.Deliveries...)
		all.Cursors = append(all.Cursors, p.Cursors...)
		all.Ended = append(all.Ended, p.Ended...)
		collected = append(collected, done)
	}
	var err error
	if len(all.Deliveries)+len(all.Cursors)+len(all.Ended) > 0 {
		all.By = runners[0].duty
		err = c.store.Deliveries().Keep(ctx, all)
	}
	for _, done := range collected {
		done(err)
	}
	if err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	for _, r := range runners {
		if err := r.keepState(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prune deletes what is too old of the log of deliveries.
func (c *Courier) prune(ctx context.Context) error {
	hooks, err := c.hooks(ctx)
	if err != nil {
		return err
	}
	for id := range hooks {
		_, err1 := c.store.Deliveries().Prune(ctx, id, store.DeliveryDelivered, idAt("dlv_", now().Add(-deliveredFor)), deliveredMax)
		_, err2 := c.store.Deliveries().Prune(ctx, id, store.DeliveryDead, idAt("dlv_", now().Add(-deadFor)), deliveredMax)
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("prune deliveries: %w", err)
		}
	}
	return nil
}
