package consumer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app/events"
	"whatsapp-api/store"
)

const (
	// InFlight is how many attempts of one consumer are made at once.
	InFlight   = 8
	inFlightOf = 256     // of all consumers together, not counting the first of each
	window     = 1000    // events that one consumer holds in memory
	windowData = 1 << 20 // bytes of their data
)

// Pace says how fast a Pool does what it does.
type Pace struct {
	Flush      time.Duration // how often progress is written
	Stale      time.Duration // after which what waits is written too
	RetryFirst time.Duration // wait after a first failure; doubles with every other
	RetryMost  time.Duration
	Probe      time.Duration // wait between tries of a consumer that fails; doubles too
	ProbeMost  time.Duration
	Failures   int           // in a row, that make a consumer a failing one
	Grace      time.Duration // for attempts under way when a consumer is stopped
}

// Pool runs consumers while this process has the duty to. It is safe for concurrent use.
type Pool struct {
	deliveries store.Deliveries
	log        *events.Log
	pace       Pace
	logger     *zap.Logger
	gone       func() // called when a session that was followed is gone
	newID      func(prefix string) string
	observe    func(outcome string, took time.Duration)

	slots   chan struct{}
	flushes chan struct{} // asks for a flush before its time

	starting sync.Mutex // held while a consumer is started

	mu      sync.Mutex
	duty    *store.Duty // nil: it is another process's
	runners map[string]*runner
}

// Config is what a Pool stands on.
type Config struct {
	Deliveries store.Deliveries
	Events     *events.Log
	Pace       Pace
	Log        *zap.Logger
	Gone       func()                     // is called when a session that was followed is gone
	NewID      func(prefix string) string // makes ids that sort by time

	// Observe is told of each attempt, as store.DeliveryDelivered or store.DeliveryFailed, and of each
	// delivery that is given up, as store.DeliveryDead. It must not wait. nil: nobody is.
	Observe func(outcome string, took time.Duration)
}

// New makes a Pool; Serve runs it.
func New(c Config) *Pool {
	if c.Observe == nil {
		c.Observe = func(string, time.Duration) {}
	}
	return &Pool{
		deliveries: c.Deliveries, log: c.Events, pace: c.Pace, logger: c.Log, gone: c.Gone, newID: c.NewID, observe: c.Observe,
		slots: make(chan struct{}, inFlightOf), flushes: make(chan struct{}, 1), runners: map[string]*runner{},
	}
}

// Serve runs the consumers that supervise, which it calls, starts and ends, until supervise returns: that is
// to be when its context ends. Then it lets what is under way end, and writes down how far all got. When
// another process may have the duty the context ends, and what is under way is given up at once.
func (p *Pool) Serve(ctx context.Context, d *store.Duty, supervise func(context.Context)) {
	p.setDuty(d)
	defer p.setDuty(nil)
	serving, end := context.WithCancel(ctx)
	flushing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var beside sync.WaitGroup
	beside.Go(func() {
		select {
		case <-d.Lost():
			for _, r := range p.all() {
				r.abort()
			}
			end()
		case <-serving.Done():
		}
	})
	beside.Go(func() { p.flushAgain(flushing) })
	supervise(serving)
	end()
	grace := p.pace.Grace
	if !d.Held() {
		p.logger.Warn("another server may have this duty now; what is under way is given up", zap.String("duty", d.Name))
		grace = 0
	}
	p.close(p.all(), grace)
	stop()
	beside.Wait()
	if d.Held() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := p.flush(last, p.all()); err != nil {
			p.logger.Warn("progress not written; some deliveries will be repeated", zap.Error(err))
		}
	}
	p.mu.Lock()
	clear(p.runners)
	p.mu.Unlock()
}

func (p *Pool) setDuty(d *store.Duty) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.duty = d
}

func (p *Pool) onDuty() *store.Duty {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.duty
}

func (p *Pool) all() []*runner {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]*runner, 0, len(p.runners))
	for _, r := range p.runners {
		list = append(list, r)
	}
	return list
}

func (p *Pool) runner(id string) *runner {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.runners[id]
}

// Ensure starts a consumer, or changes one that runs. fresh reads what it is once more before it is started, when Halt
// can no longer miss it; it says false when it is not to run any more.
func (p *Pool) Ensure(ctx context.Context, s Spec, fresh func(context.Context) (Spec, bool, error)) error {
	if r := p.runner(s.ID); r != nil {
		r.configure(s)
		return nil
	}
	p.starting.Lock()
	defer p.starting.Unlock()
	s, runs, err := fresh(ctx)
	if err != nil || !runs {
		return err
	}
	r := newRunner(p, s)
	p.mu.Lock()
	p.runners[s.ID] = r
	p.mu.Unlock()
	// Only now: what is asked for meanwhile is either read here, or told to the runner.
	if err := r.load(ctx); err != nil {
		r.close(0)
		p.mu.Lock()
		delete(p.runners, s.ID)
		p.mu.Unlock()
		return err
	}
	r.configure(s)
	return nil
}

// Keep ends the consumers for which fn is false, and those that were halted.
func (p *Pool) Keep(ctx context.Context, fn func(id string) bool) error {
	var over []*runner
	for _, r := range p.all() {
		if r.closed() || !fn(r.id) {
			over = append(over, r)
		}
	}
	p.close(over, p.pace.Grace)
	for _, r := range over {
		if err := p.flush(ctx, []*runner{r}); err != nil { // one at a time: another flush may lock them in another order
			return err
		}
		p.mu.Lock()
		delete(p.runners, r.id)
		p.mu.Unlock()
	}
	return nil
}

// Halt ends what is under way of a consumer, which has the pace's grace to end: when it returns, nothing is
// delivered any more as the consumer was before. Keep forgets it.
func (p *Pool) Halt(id string) {
	p.starting.Lock() // what is started after this was read after what made it halt
	r := p.runner(id)
	p.starting.Unlock()
	if r != nil {
		r.close(p.pace.Grace)
	}
}

// Replay begins what a cursor asks for, if its consumer runs here and it was not begun.
func (p *Pool) Replay(c store.WebhookCursor) {
	if r := p.runner(c.WebhookID); r != nil {
		r.replay(c)
	}
}

// Replays begins all that was asked for and not begun, perhaps in other processes.
func (p *Pool) Replays(ctx context.Context) error {
	began := time.Now()
	asked, err := p.deliveries.Replays(ctx)
	if err != nil {
		return fmt.Errorf("what is asked for: %w", err)
	}
	for _, c := range asked {
		p.Replay(c)
	}
	for _, r := range p.all() {
		r.forgetReplays(began)
	}
	return nil
}

// Load is how much a consumer has in memory.
type Load struct {
	Events, Data, Streams int
}

// Load says how much a consumer has in memory; false when it does not run here.
func (p *Pool) Load(id string) (Load, bool) {
	r := p.runner(id)
	if r == nil || r.closed() {
		return Load{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return Load{r.size, r.data, len(r.streams)}, true
}

// close ends what is under way in runners: in the time that the slowest needs.
func (p *Pool) close(runners []*runner, grace time.Duration) {
	var ending sync.WaitGroup
	for _, r := range runners {
		ending.Go(func() { r.close(grace) })
	}
	ending.Wait()
}

// flushAgain writes progress now and then until ctx ends.
func (p *Pool) flushAgain(ctx context.Context) {
	tick := time.NewTicker(p.pace.Flush)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-p.flushes:
		case <-ctx.Done():
			return
		}
		if err := p.flush(ctx, p.all()); err != nil && ctx.Err() == nil {
			p.logger.Warn("progress of deliveries not written; trying again", zap.Error(err))
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
	}
}

func (p *Pool) flushSoon() {
	select {
	case p.flushes <- struct{}{}:
	default:
	}
}

// flush writes the progress of some runners as one.
func (p *Pool) flush(ctx context.Context, runners []*runner) error {
	for _, r := range runners {
		r.flushing.Lock() // so that two flushes cannot overtake each other
		defer r.flushing.Unlock()
	}
	return p.write(ctx, runners)
}

// write is flush for who has the runners' flushing. What was not written is part of the next.
func (p *Pool) write(ctx context.Context, runners []*runner) error {
	all := store.DeliveryProgress{By: p.onDuty()}
	var collected []func(error)
	for _, r := range runners {
		progress, done := r.collect(time.Now())
		all.Deliveries = append(all.Deliveries, progress.Deliveries...)
		all.Cursors = append(all.Cursors, progress.Cursors...)
		all.Ended = append(all.Ended, progress.Ended...)
		collected = append(collected, done)
	}
	var err error
	if len(all.Deliveries)+len(all.Cursors)+len(all.Ended) > 0 {
		err = p.deliveries.Keep(ctx, all)
	}
	for _, done := range collected {
		done(err)
	}
	if err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	for _, r := range runners {
		if err := r.tell(ctx); err != nil {
			return err
		}
	}
	return nil
}
