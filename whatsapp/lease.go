package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.uber.org/zap"

	"whatsapp-api/store"
)

// errLost ends the loop of a session that another process has taken over.
var errLost = errors.New("another server has taken over the session")

// ownership says whether this process owns a session: only then what it remembers of it is true, and
// only then it runs it.
type ownership struct {
	asking sync.Mutex // one asks at a time

	// Guarded by the session's mu.
	owned bool
	term  int // which time of owning it this is
	lost  int // the newest term that was lost
}

func (s *Session) isOwned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lease.owned
}

// own makes this process the session's owner, unless it is, and starts a session that should be
// listening. store.OwnedElsewhere.
func (s *Session) own(ctx context.Context) error {
	if s.isOwned() {
		return nil
	}
	s.lease.asking.Lock()
	defer s.lease.asking.Unlock()
	if s.isOwned() {
		return nil
	}
	s.halt() // the loop of a term before has yet to end
	s.mu.Lock()
	s.lease.term++
	term := s.lease.term
	s.mu.Unlock()
	if err := s.acquire(ctx, term); err != nil {
		return err
	}
	r, err := s.m.cfg.Store.Sessions().Get(ctx, s.id)
	if err != nil {
		return fmt.Errorf("read session: %w", err)
	}
	s.adopt(r, term)
	if r.Desired != store.DesiredListening {
		return nil
	}
	return s.begin(true)
}

// acquire takes the lease for this term, or has it already.
func (s *Session) acquire(ctx context.Context, term int) error {
	if err := s.m.cfg.Store.Leases().Acquire(ctx, s.id, func() { s.lose(term) }); err != nil {
		return fmt.Errorf("own session: %w", err)
	}
	return nil
}

// adopt takes over what the store has of a session that is this process's from now on.
func (s *Session) adopt(r store.Session, term int) {
	s.forgetAll()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record = r
	s.snap = stateOf(r)
	switch s.snap.State {
	case Created, Stopped, LoggedOut, Banned, Failed:
	default: // the process that owned it ended while it was up
		s.snap = Snapshot{State: Stopped, Since: r.Since}
	}
	s.lease.owned = s.lease.lost < term
}

// lose ends what runs of the session, since another process owns it now. What it had under way was
// not kept, and WhatsApp sends it to the new owner.
func (s *Session) lose(term int) {
	s.mu.Lock()
	s.lease.lost = max(s.lease.lost, term)
	was, cancel := s.lease.owned && s.lease.term == term, s.cancel
	if was {
		s.lease.owned = false
	}
	s.mu.Unlock()
	if !was {
		return
	}
	s.log.Warn("another server has taken over the session")
	if cancel != nil {
		cancel(errLost)
	}
}

// loseNow is lose of the present term.
func (s *Session) loseNow() {
	s.mu.Lock()
	term := s.lease.term
	s.mu.Unlock()
	s.lose(term)
}

// isElsewhere asks the store whether another process owns the session.
func (s *Session) isElsewhere(ctx context.Context) (bool, error) {
	mine, _, err := s.m.cfg.Store.Leases().Owner(ctx, s.id)
	if err != nil {
		return false, fmt.Errorf("who owns the session: %w", err)
	}
	return !mine, nil
}

// onReplaced: another client has the session's connection. When it is that of the process that owns the
// session now, it is as it should be; otherwise two copies of its keys are in use.
func (l *loop) onReplaced() (verdict, bool) {
	elsewhere, err := l.s.isElsewhere(l.ctx)
	switch {
	case err != nil: // the store tells when it is back
		l.s.log.Warn("connection replaced by another client", zap.Error(err))
		return newClient, true
	case elsewhere:
		l.s.loseNow()
		return stopNow, true
	}
	return l.final(Failed, ReasonReplaced)
}

// stateOf is the state that the store remembers.
func stateOf(r store.Session) Snapshot {
	return Snapshot{State: State(r.State), Reason: r.Reason, Since: r.Since}
}

// forgetAll forgets all that is remembered of the session beside the store.
func (s *Session) forgetAll() {
	s.forget()
	s.recent.forget()
	s.told.Purge()
	s.doubts.Purge()
	s.unread.Purge()
	s.waits.forget()
}
