package mongo

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/store"
)

const (
	durableEvery = time.Second // how long a head may wait until it is made durable
	durableUnits = 128         // or how many units
)

var errClosed = fmt.Errorf("%w: closed", store.ErrUnavailable)

// line is what this process knows of the log of one session. Its lock is taken in the
// order of the calls, so that units are kept in that order.
type line struct {
	session string
	turn    chan struct{} // full while somebody has the line
	closed  chan struct{} // of the store
	behind  behind
	missed  missed

	lease     atomic.Pointer[lease] // nil: this process does not own the session
	contested atomic.Pointer[contested]

	// All below belongs to whoever has the line.
	head   *head            // nil: to be read
	fenced bool             // another process has taken the session over; until Recover or Acquire
	fence  bool             // the owner before may still write: its next unit is to be made impossible
	unsure map[string]int64 // uids of units that this process tried to insert, with unknown outcome
	gone   bool             // the session is, and this line is its no longer
}

// head is where the next unit of a session goes.
type head struct {
	unit     int64 // newest
	seq      int64 // newest
	durable  int64 // as in sessionDoc
	stripped int64 // as in sessionDoc
	oldest   int64 // as in sessionDoc; may be behind
}

func (l *line) lock(ctx context.Context) error {
	select {
	case <-l.closed:
		return errClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.closed:
		return errClosed
	}
}

func (l *line) tryLock() bool {
	select {
	case l.turn <- struct{}{}:
		return true
	default:
		return false
	}
}

func (l *line) unlock() { <-l.turn }

// lines are the lines of all sessions that were written in this process, and are there.
type lines struct {
	mu     sync.Mutex
	all    map[string]*line
	closed chan struct{}
}

func (s *lines) get(session string) *line {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.all[session]
	if l == nil {
		l = &line{session: session, turn: make(chan struct{}, 1), closed: s.closed, unsure: map[string]int64{}}
		l.behind.turn, l.behind.ids = make(chan struct{}, 1), map[string]bool{}
		s.all[session] = l
	}
	return l
}

// take gives the line of a session to the caller, who must unlock it.
func (s *lines) take(ctx context.Context, session string) (*line, error) {
	for {
		l := s.get(session)
		if err := l.lock(ctx); err != nil {
			return nil, err
		}
		if !l.gone {
			return l, nil
		}
		l.unlock() // dropped while we waited; a session of this id has another
	}
}

// drop forgets the line of a session that is gone. The caller has it.
func (s *lines) drop(l *line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.gone = true
	delete(s.all, l.session)
}

// gone forgets what this process has of a session that is gone. The caller has its line.
func (s *Store) gone(l *line) {
	if mine := l.lease.Swap(nil); mine != nil {
		mine.end(false)
		s.leased.CompareAndDelete(l.session, mine)
	}
	l.behind.done(math.MaxInt64)
	s.lines.drop(l)
}

// known returns the line of a session that was written in this process, or nil.
func (s *lines) known(session string) *line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[session]
}

// seq is the newest Seq of the session that is behind, or 0. Asked before its document is
// read, it is what that document may lack.
func (s *lines) seq(session string) int64 {
	if l := s.known(session); l != nil {
		return l.behind.seq()
	}
	return 0
}

// seqs is seq of all sessions.
func (s *lines) seqs() map[string]int64 {
	all := map[string]int64{}
	for _, l := range s.list() {
		if seq := l.behind.seq(); seq > 0 {
			all[l.session] = seq
		}
	}
	return all
}

func (s *lines) list() []*line {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*line, 0, len(s.all))
	for _, l := range s.all {
		all = append(all, l)
	}
	return all
}

// keepDurable makes projections durable soon after they were made.
func (s *Store) keepDurable(ctx context.Context) {
	tick := time.NewTicker(s.pace.durable)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, l := range s.lines.list() {
			if !l.tryLock() {
				continue // it is busy, and does it itself
			}
			if err := s.advance(context.WithoutCancel(ctx), l); err != nil {
				s.log.Warn("could not make a session's projections durable", zap.String("session", l.session), zap.Error(err))
			}
			l.unlock()
		}
	}
}

// closeLines lets nobody in any more, waits for those who are, makes all durable and gives it back.
func (s *Store) closeLines() {
	close(s.lines.closed)
	ctx, cancel := s.bounded(context.Background())
	defer cancel()
	for _, l := range s.lines.list() {
		l.turn <- struct{}{} // kept: the line is closed
		if err := s.giveBack(ctx, l); err != nil {
			// Nothing is lost: the next owner projects it again.
			s.log.Warn("could not make a session's projections durable and give it back", zap.String("session", l.session), zap.Error(err))
		}
	}
}

// makeDurable projects all units of a session for good, which only its owner may, and returns what is
// contested of it.
func (s *Store) makeDurable(ctx context.Context, session string) (*contested, error) {
	l, err := s.lines.take(ctx, session)
	if err != nil {
		return nil, err
	}
	defer l.unlock()
	if err := s.ready(ctx, l); err != nil {
		return nil, err
	}
	return l.contested.Load(), s.advance(ctx, l)
}
