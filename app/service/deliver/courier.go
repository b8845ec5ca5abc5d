package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app/consumer"
	"whatsapp-api/app/events"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

const (
	deliveredFor = 7 * 24 * time.Hour  // how long the log of deliveries goes back
	deadFor      = 30 * 24 * time.Hour // how long what was given up can be sent again
	deliveredMax = 10_000              // deliveries that are kept of a webhook, in each state
)

// Pace says how fast a Courier does what it does.
type Pace struct {
	consumer.Pace
	Look time.Duration // how often it looks at what webhooks there are, although nothing told it to
	Duty time.Duration // how often it looks whether it is to deliver, while another process does
}

// DefaultPace is what servers out there can bear.
func DefaultPace() Pace {
	return Pace{
		Pace: consumer.Pace{
			Flush: 50 * time.Millisecond, Stale: 2 * time.Second, RetryFirst: time.Second, RetryMost: time.Hour,
			Probe: 2 * time.Second, ProbeMost: 5 * time.Minute, Failures: 10, Grace: 3 * time.Second,
		},
		Look: 30 * time.Second, Duty: 2 * time.Second,
	}
}

// Courier delivers events to webhooks. Of all processes that use a store one does, which has the duty to
// (store.DutyWebhooks): the others wait until it goes, or has not been heard of for the time of a lease. Each
// webhook is a consumer, see there for what is promised; X-Event-Id tells repetitions.
type Courier struct {
	store  store.Store
	log    *events.Log
	sender *sender
	chats  *chatKeys
	pool   *consumer.Pool
	pace   Pace
	logger *zap.Logger
	users  func() <-chan struct{} // closed when some user changed

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when webhooks or sessions changed
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
	courier := &Courier{
		store: c.Store, log: c.Events, sender: newSender(c.Targets, c.Version), chats: newChatKeys(c.Store.Contacts()),
		pace: c.Pace, logger: c.Log, users: c.Users, changed: make(chan struct{}),
	}
	courier.pool = consumer.New(consumer.Config{
		Deliveries: c.Store.Deliveries(), Events: c.Events, Pace: c.Pace.Pace, Log: c.Log, NewID: service.NewID, Observe: c.Observe,
		Gone: courier.Changed, // a webhook of this session alone is gone too
	})
	return courier
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

// Halt ends what is under way to a webhook, which the store has changed or deleted already: when it
// returns, nothing goes any more to where the webhook was before. Requests have the pace's grace to end.
// Where another process delivers, halt waits until that has done the same. It does not wait for one that
// says nothing for haltWait beyond the grace: that one may go on until it looks at the store again, or until its
// duty runs out, which it is sure to notice.
func (c *Courier) Halt(ctx context.Context, id string) {
	c.pool.Halt(id)
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

// Run delivers whenever it is this process's duty, until ctx ends. Then it lets what is under way end, and
// gives the duty back.
func (c *Courier) Run(ctx context.Context) error {
	defer c.sender.close()
	for {
		d := c.take(ctx)
		if d == nil {
			return nil
		}
		c.pool.Serve(ctx, d, func(ctx context.Context) { c.supervise(ctx, d) })
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		if err := c.store.Duties().GiveBack(last, d); err != nil {
			c.logger.Warn("another server has to wait until it can deliver to webhooks", zap.Error(err))
		}
		cancel()
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

// supervise keeps a consumer for every webhook that is to run, until ctx ends.
func (c *Courier) supervise(ctx context.Context, d *store.Duty) {
	look := time.NewTicker(c.pace.Look)
	defer look.Stop()
	runs := map[string]running{}
	pruned, taken := time.Time{}, int64(-1)
	for {
		changed, created, users := c.next(), c.log.Created(), c.users()
		mark, err := c.store.Changes().Mark(ctx)
		if err == nil {
			err = c.look(ctx, runs)
		}
		if err == nil && mark != taken {
			if err = c.store.Changes().TakenIn(ctx, d, mark); err == nil {
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
		case <-created:
		case <-users:
		case <-look.C:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// running is what a webhook that runs was started with: one that goes elsewhere, or gets a session no
// more, is ended and started anew.
type running struct {
	url      string
	sessions []string
}

// goesOn says whether a webhook can go on as one that gets these sessions. One that is gone ends by itself.
func (c *Courier) goesOn(ctx context.Context, r running, w store.Webhook, sessions []string) (bool, error) {
	if r.url != w.URL {
		return false, nil
	}
	for _, id := range r.sessions {
		if slices.Contains(sessions, id) {
			continue
		}
		_, err := c.store.Sessions().Get(ctx, id)
		if !errors.Is(err, store.ErrNotFound) { // it is somebody else's
			return false, err
		}
	}
	return true, nil
}

// look starts, changes and ends consumers, so that they are what the store says.
func (c *Courier) look(ctx context.Context, runs map[string]running) error {
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
	sessionsOf := func(w store.Webhook) []string {
		if w.SessionID != "" {
			return []string{w.SessionID}
		}
		return owners[w.OwnerID].sessions
	}
	stays := map[string]bool{}
	for id, w := range hooks {
		if stays[id], err = c.goesOn(ctx, runs[id], w, sessionsOf(w)); err != nil {
			return err
		}
	}
	err = c.pool.Keep(ctx, func(id string) bool { return stays[id] })
	if err != nil {
		return err
	}
	for _, w := range hooks {
		sessions := sessionsOf(w)
		runs[w.ID] = running{w.URL, sessions}
		if err := c.pool.Ensure(ctx, c.spec(w, sessions), c.fresh(w.ID, sessions, runs)); err != nil {
			return err
		}
	}
	return c.pool.Replays(ctx)
}

// fresh reads a webhook again that is to be started: it may have been changed and halted since.
func (c *Courier) fresh(id string, sessions []string, runs map[string]running) func(context.Context) (consumer.Spec, bool, error) {
	return func(ctx context.Context) (consumer.Spec, bool, error) {
		w, err := c.store.Webhooks().Get(ctx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && w.State == store.WebhookPaused {
			return consumer.Spec{}, false, nil
		}
		if err != nil {
			return consumer.Spec{}, false, err
		}
		runs[id] = running{w.URL, sessions}
		return c.spec(w, sessions), true, nil
	}
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

// prune deletes what is too old of the log of deliveries.
func (c *Courier) prune(ctx context.Context) error {
	hooks, err := c.hooks(ctx)
	if err != nil {
		return err
	}
	for id := range hooks {
		_, err1 := c.store.Deliveries().Prune(ctx, id, store.DeliveryDelivered, service.IDAt("dlv_", service.Now().Add(-deliveredFor)), deliveredMax)
		_, err2 := c.store.Deliveries().Prune(ctx, id, store.DeliveryDead, service.IDAt("dlv_", service.Now().Add(-deadFor)), deliveredMax)
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("prune deliveries: %w", err)
		}
	}
	return nil
}
