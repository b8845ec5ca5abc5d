package whatsapp

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.uber.org/zap"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Session is one WhatsApp account, linked or to be linked. It is safe for concurrent use.
type Session struct {
	id  string
	m   *Manager
	log *zap.Logger

	ops sync.Mutex // one of Listen, Stop, Unlink at a time

	lease ownership

	mu      sync.Mutex
	snap    Snapshot
	record  store.Session // as last seen; who it is linked to
	changed chan struct{} // closed and replaced at every change of snap
	cancel  context.CancelCauseFunc
	done    chan struct{} // closed when the loop has ended; nil when none runs
	ending  bool          // the loop ends by itself, or has ended so

	sawDoubts int       // the manager's, when the record was read last
	sawAt     time.Time // when that was; zero: not yet
	deleting  bool      // the record goes, or has gone in part

	live   atomic.Pointer[conn] // the connection that may be used, nil when none is
	people *people
	timers *lru.Cache[string, int]                // of chats that are there, by key; seconds
	unread *lru.Cache[store.MessageKey, struct{}] // messages whose place is held until they can be read
	waits  *waiting                               // acts whose target has not come
	doubts *lru.Cache[pair, struct{}]             // pairings of which WhatsApp was asked already
	ingest sync.Mutex                             // units that follow from what is stored are made one at a time
	flight flight
	told   *lru.Cache[string, struct{}] // messages of which message_sent was told, or is about to be
	recent *recent
	bells  []chan struct{} // of the workers: each holds one when there may be new tasks
	gaveUp atomic.Int64    // stanzas that could not be kept as they came
}

// Bounds of what a session remembers in memory.
const (
	knownDoubts  = 64
	knownChats   = 1024
	knownTellers = 4096 // an acknowledgement and the first receipt come close together
)

func newSession(m *Manager, r store.Session) *Session {
	doubts, err := lru.New[pair, struct{}](knownDoubts)
	if err != nil { // only for a size below one
		panic(err)
	}
	timers, err := lru.New[string, int](knownChats)
	if err != nil {
		panic(err)
	}
	unread, err := lru.New[store.MessageKey, struct{}](knownChats)
	if err != nil {
		panic(err)
	}
	told, err := lru.New[string, struct{}](knownTellers)
	if err != nil {
		panic(err)
	}
	s := &Session{
		id: r.ID, m: m, told: told, log: m.log.With(zap.String("session", r.ID)), record: r, people: newPeople(), timers: timers, unread: unread,
		waits: newWaiting(), doubts: doubts, recent: newRecent(), bells: newBells(), snap: stateOf(r), changed: make(chan struct{}),
	}
	return s
}

// ID is the session's id.
func (s *Session) ID() string { return s.id }

// Snapshot is the state now.
func (s *Session) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snap
}

// Watch is Snapshot with a channel that is closed at the next change.
func (s *Session) Watch() (Snapshot, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snap, s.changed
}

// Linked says whether the session has a WhatsApp account.
func (s *Session) Linked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record.Phone != ""
}

// Health is what shows that a session lives.
type Health struct {
	LastFrame       time.Time // bytes came last over its connection; zero: never
	UnansweredPings int       // in a row
	GivenUp         int64     // stanzas that could not be kept as they came, since the process began
}

// Health returns the facts behind the state.
func (s *Session) Health() Health {
	c := s.live.Load()
	if c == nil {
		return Health{GivenUp: s.gaveUp.Load()}
	}
	return Health{LastFrame: c.pulse.last(), UnansweredPings: int(c.missed.Load()), GivenUp: s.gaveUp.Load()}
}

// Listen brings the session online and keeps that wish over restarts. It returns at once;
// a session that is not linked begins to show QR codes. Calling it again does no harm.
func (s *Session) Listen(ctx context.Context) error {
	s.ops.Lock()
	defer s.ops.Unlock()
	if err := s.ended(ctx); err != nil {
		return err
	}
	if err := s.own(ctx); err != nil {
		return err
	}
	if err := s.desire(ctx, store.DesiredListening); err != nil {
		return err
	}
	return s.begin(false)
}

// Stop closes the connection and keeps the link; the session stays stopped over restarts.
func (s *Session) Stop(ctx context.Context) error {
	s.ops.Lock()
	defer s.ops.Unlock()
	if err := s.own(ctx); err != nil {
		return err
	}
	if err := s.desire(ctx, store.DesiredStopped); err != nil {
		return err
	}
	s.halt()
	if st := s.Snapshot().State; st == Stopped || st == Created || st == LoggedOut {
		return nil
	}
	return s.set(ctx, Stopped, ReasonRequested)
}

// desire keeps what the owner wants.
func (s *Session) desire(ctx context.Context, want string) error {
	r, err := s.m.cfg.Store.Sessions().Update(ctx, s.id, func(r *store.Session) error {
		if r.Desired != want {
			r.Desired, r.UpdatedAt = want, now()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep desired state: %w", err)
	}
	s.refresh(r)
	return nil
}

// refresh takes over what the user who owns it has changed in the record; of a session that another
// process runs, all, and what was remembered of it may be true no more.
func (s *Session) refresh(r store.Session) {
	if !s.isOwned() {
		s.forgetAll()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.lease.owned {
		s.record, s.snap = r, stateOf(r)
		return
	}
	if !r.UpdatedAt.Before(s.record.UpdatedAt) {
		s.record.Name, s.record.OwnerID, s.record.Desired, s.record.UpdatedAt = r.Name, r.OwnerID, r.Desired, r.UpdatedAt
	}
}

// begin starts the loop unless one runs. staggered makes it wait for its turn.
func (s *Session) begin(staggered bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done != nil {
		select {
		case <-s.done:
		default:
			return nil
		}
	}
	if !s.m.track() {
		return ErrStopping
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	s.cancel, s.done, s.ending = cancel, make(chan struct{}), false
	l := &loop{s: s, ctx: ctx, staggered: staggered, term: s.lease.term, before: s.setLocked(Connecting, "", nil)}
	go func(done chan struct{}) {
		defer s.m.running.Done()
		defer close(done)
		defer cancel(nil)
		l.run()
	}(s.done)
	return nil
}

// ended waits for the end of a loop that ends by itself: until it is gone, a beginning would find
// it still running, and leave it at that.
func (s *Session) ended(ctx context.Context) error {
	s.mu.Lock()
	ending, done := s.ending, s.done
	s.mu.Unlock()
	if !ending {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// halt ends the loop, if one runs, and waits for its end. What it was keeping is kept.
func (s *Session) halt() {
	s.mu.Lock()
	cancel, done := s.cancel, s.done
	s.mu.Unlock()
	if done == nil {
		return
	}
	cancel(nil)
	<-done
}

// setLocked changes the state in memory and wakes those who wait for a change.
func (s *Session) setLocked(state State, reason string, qr *Code) (previous Snapshot) {
	previous = s.snap
	since := previous.Since
	if previous.State != state || previous.Reason != reason {
		since = now()
	}
	s.snap = Snapshot{State: state, Reason: reason, Since: since, QR: qr}
	close(s.changed)
	s.changed = make(chan struct{})
	return previous
}

// set changes the state and keeps and tells it. For use while no loop runs.
func (s *Session) set(ctx context.Context, state State, reason string) error {
	s.mu.Lock()
	previous := s.setLocked(state, reason, nil)
	s.mu.Unlock()
	_, err := s.m.cfg.Log.Commit(ctx, s.stateUnit(previous))
	if err != nil {
		return fmt.Errorf("keep state: %w", err)
	}
	return nil
}

// shape is the session as clients see it, with its live state.
func (s *Session) shape(r store.Session) convert.Session {
	s.Snapshot().overlay(&r)
	return SessionShape(r, s.m.Sandbox())
}

// SessionShape is a session record as clients see it.
func SessionShape(r store.Session, sandbox bool) convert.Session {
	return convert.Session{
		ID: r.ID, Name: r.Name, OwnerID: r.OwnerID, State: r.State, Reason: convert.TextOrNil(r.Reason), Since: convert.Time(r.Since),
		Desired: r.Desired, Sandbox: sandbox, Phone: convert.TextOrNil(r.Phone), LID: convert.TextOrNil(r.LID),
		PushName: convert.TextOrNil(r.PushName), LastSeq: r.LastSeq, CreatedAt: convert.Time(r.CreatedAt), UpdatedAt: convert.Time(r.UpdatedAt),
	}
}

// WaitQR returns the code on show. When the session is idle it begins to pair; when no code
// is there it waits up to wait for one. ErrLinked, ErrNoQR.
func (s *Session) WaitQR(ctx context.Context, wait time.Duration) (Code, error) {
	if err := s.own(ctx); err != nil {
		return Code{}, err
	}
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for begun := false; ; begun = true {
		s.mu.Lock()
		snap, changed, linked := s.snap, s.changed, s.record.Phone != ""
		idle := s.done == nil || s.ending
		if !idle {
			select {
			case <-s.done:
				idle = true
			default:
			}
		}
		s.mu.Unlock()
		switch {
		case linked || snap.State == Syncing || snap.State == Connected:
			return Code{}, ErrLinked
		case snap.QR != nil:
			return *snap.QR, nil
		case idle && !begun:
			if err := s.Listen(ctx); err != nil {
				return Code{}, err
			}
			continue
		}
		select {
		case <-changed:
		case <-timeout.C:
			return Code{}, ErrNoQR
		case <-ctx.Done():
			return Code{}, ctx.Err()
		}
	}
}

// now is the time as records keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
