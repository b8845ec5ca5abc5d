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
	Look       time.Duration // how often it looks whether other processes changed something
}

// DefaultPace is what servers out there can bear.
func DefaultPace() Pace {
	return Pace{
		Flush: 200 * time.Millisecond, Stale: 2 * time.Second, RetryFirst: time.Second, RetryMost: time.Hour,
		Probe: 2 * time.Second, ProbeMost: 5 * time.Minute, Failures: 10, Grace: 3 * time.Second, Look: 30 * time.Second,
	}
}

// Courier delivers events to webhooks.
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
	observe func(outcome string, took time.Duration)

	starting sync.Mutex // held while a runner is started

	mu      sync.Mutex
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

	// Observe is told of each attempt, as delivered or failed, and of each delivery that is given
	// up, as dead. It must not wait. nil: nobody is.
	Observe func(outcome string, took time.Duration)
}

// NewCourier makes a Courier; Run starts it.
func NewCourier(c CourierConfig) *Courier {
	if c.Observe == nil {
		c.Observe = func(string, time.Duration) {}
	}
	return &Courier{
		store: c.Store, log: c.Events, sender: newSender(c.Targets, c.Version), pace: c.Pace, logger: c.Log, users: c.Users, observe: c.Observe,
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

// halt ends what is under way to a webhook, which the store has changed or deleted already: when it
// returns, nothing goes any more to where the webhook was before. Requests have the pace's grace to end.
func (c *Courier) halt(id string) {
	c.starting.Lock() // who starts one now has read the webhook before it was changed
	r := c.runner(id)
	c.starting.Unlock()
	if r != nil {
		r.close(c.pace.Grace)
	}
}

func (c *Courier) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Run delivers until ctx ends, lets what is under way end, and writes down how far it got.
func (c *Courier) Run(ctx context.Context) error {
	defer c.sender.close()
	flushed := make(chan struct{})
	flushing, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(flushed)
		c.flushAgain(flushing)
	}()
	c.supervise(ctx)
	c.close(c.all())
	stop()
	<-flushed
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := c.flush(last, c.all()); err != nil {
		c.logger.Warn("progress of webhooks not written; some deliveries will be repeated", zap.Error(err))
	}
	return nil
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
	pruned := time.Time{}
	for {
		changed, born, users := c.next(), c.log.Born(), c.users()
		err := c.look(ctx)
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
		if _, runs := hooks[r.id]; !runs || r.closed() {
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
	return nil
}

// close ends what is under way in runners: in the time that the slowest needs.
func (c *Courier) close(runners []*runner) {
	var ending sync.WaitGroup
	for _, r := range runners {
		ending.Go(func() { r.close(c.pace.Grace) })
	}
	ending.Wait()
}

// end stops runners and forgets them once their progress is written.
func (c *Courier) end(ctx context.Context, runners []*runner) error {
	c.close(runners)
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
