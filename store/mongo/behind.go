package mongo

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/store"
)

// Limits of how far projections may be behind the commits. Who reads does not wait so long:
// it has all projected that was committed before.
const (
	projectAfter = 200 * time.Millisecond
	maxBehind    = 64      // units
	behindBytes  = 1 << 20 // of their changes
)

// committed is a unit that is in the log.
type committed struct {
	doc   unitDoc
	rest  restDoc
	bytes int
}

// alone says whether the unit is projected by itself: what it does touches documents that
// units beside it may touch in another way. It is not left behind either.
func (c committed) alone() bool {
	return c.rest.ForgetKeys || c.rest.State != nil
}

// together is how many of the first units are projected at once.
func together(units []committed) int {
	n, bytes := 0, 0
	for n < len(units) && n < maxBehind {
		bytes += units[n].bytes
		if n > 0 && (units[n].alone() || bytes > behindBytes) {
			break
		}
		n++
		if units[n-1].alone() {
			break
		}
	}
	return n
}

// ids of the documents that the unit makes, of messages and receipts.
func (c committed) ids() (ids []string) {
	for _, m := range c.rest.Messages {
		ids = append(ids, messageID(c.doc.Session, m.MessageKey))
	}
	for _, r := range c.rest.Receipts {
		ids = append(ids, receiptID(c.doc.Session, r))
	}
	return ids
}

// behind are the units of a session that this process has committed and not projected yet.
// A unit leaves when its projection and the head are written, so what is not here is in the
// database for all to read.
type behind struct {
	turn   chan struct{} // full while somebody projects
	failed int64         // a projection up to this unit may still be under way; whoever projects has it

	mu    sync.Mutex
	units []committed
	ids   map[string]bool // that they make
	bytes int
	armed bool // somebody will project them
	gone  bool // the session is; the line does not know yet
}

// add says whether so much is behind that it has to be projected now, or else whether
// somebody has to be set to it.
func (b *behind) add(c committed) (now, arm bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.units, b.bytes = append(b.units, c), b.bytes+c.bytes
	for _, id := range c.ids() {
		b.ids[id] = true
	}
	if c.alone() || b.full() {
		return true, false
	}
	arm, b.armed = !b.armed, true
	return false, arm
}

func (b *behind) isFull() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.full()
}

func (b *behind) full() bool { return len(b.units) >= maxBehind || b.bytes >= behindBytes }

// done takes out the units up to n.
func (b *behind) done(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.units) > 0 && b.units[0].doc.N <= n {
		for _, id := range b.units[0].ids() {
			delete(b.ids, id)
		}
		b.bytes -= b.units[0].bytes
		b.units = b.units[1:]
	}
	if len(b.units) == 0 {
		b.units = nil
	}
}

// forget takes out everything, of a session that is gone.
func (b *behind) forget() {
	b.done(math.MaxInt64)
	b.mu.Lock()
	b.gone = true
	b.mu.Unlock()
}

// isGone says once that the session was found to be gone.
func (b *behind) isGone() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	gone := b.gone
	b.gone = false
	return gone
}

func (b *behind) disarm() {
	b.mu.Lock()
	b.armed = false
	b.mu.Unlock()
}

// newest is the number of the newest unit; 0 when there is none.
func (b *behind) newest() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.units) == 0 {
		return 0
	}
	return b.units[len(b.units)-1].doc.N
}

// seq is the Seq of the newest event; 0 when there is none.
func (b *behind) seq() (seq int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.units {
		seq = max(seq, c.doc.Last)
	}
	return seq
}

// next are the units to be projected at once, if there are any up to n.
func (b *behind) next(n int64) []committed {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.units) == 0 || b.units[0].doc.N > n {
		return nil
	}
	return slices.Clone(b.units[:together(b.units)])
}

// makes returns those of the ids that a unit makes.
func (b *behind) makes(ids []string) (found map[string]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		if b.ids[id] {
			if found == nil {
				found = map[string]bool{}
			}
			found[id] = true
		}
	}
	return found
}

// enter waits until nobody else projects.
func (b *behind) enter(ctx context.Context) error {
	select {
	case b.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *behind) leave() { <-b.turn }

// catchUp projects all that this process has committed of the session by now. What cannot be
// projected stays behind, and is tried again.
func (s *Store) catchUp(ctx context.Context, l *line) error {
	newest := l.behind.newest()
	if newest == 0 {
		return nil
	}
	if err := l.behind.enter(ctx); err != nil {
		return err
	}
	defer l.behind.leave()
	ctx = context.WithoutCancel(ctx) // others wait for it too
	for {
		units := l.behind.next(newest)
		if len(units) == 0 {
			return nil
		}
		last := units[len(units)-1].doc.N
		err := s.projectBehind(ctx, l, units)
		switch {
		case errors.Is(err, store.ErrNotFound):
			l.behind.forget()
			return err
		case errors.Is(err, store.ErrFenced): // they are the new owner's to project
			l.behind.done(math.MaxInt64)
			if mine := l.lease.Load(); mine != nil && !mine.over.Load() {
				s.loses(l.session, mine)
			}
			return err
		case err != nil:
			l.behind.failed = max(l.behind.failed, last)
			return err
		}
		l.behind.done(last)
	}
}

// projectBehind projects units unless that was done.
func (s *Store) projectBehind(ctx context.Context, l *line, units []committed) error {
	on, err := s.termsOf(l)
	on.first = units[0].doc.N > l.behind.failed
	if err == nil && !on.first {
		err = s.contest(ctx, l, units)
		on.contested = l.contested.Load()
	}
	if err != nil {
		return err
	}
	now, err := s.projectAt(ctx, l.session, units, on)
	last := units[len(units)-1].doc.N
	switch {
	case errors.Is(err, errMoved):
		// The server lost the head. It has the units.
		h := headOf(now)
		return s.replay(ctx, l.session, &h, on, nil)
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrFenced): // perhaps deleted meanwhile, by another process
		return errors.Join(err, s.removeLate(ctx, l.session, last))
	}
	return err
}

// projectAt projects units where the head, which it returns, is at the unit before; errMoved.
// ErrFenced: another process owns the session.
func (s *Store) projectAt(ctx context.Context, session string, units []committed, on terms) (sessionDoc, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	if on.sure && on.first { // the head is where this process has put it
		if err := s.projectNow(ctx, units, on); !errors.Is(err, errMoved) {
			return sessionDoc{}, err
		}
	}
	now, err := s.find(ctx, "read head", session)
	if err == nil && now.Lease.Epoch != on.epoch {
		err = store.ErrFenced
	}
	for err == nil && len(units) > 0 && units[0].doc.N <= now.Proj {
		units = units[1:]
	}
	switch {
	case err != nil || len(units) == 0:
		return now, err
	case now.Proj != units[0].doc.N-1:
		return now, errMoved
	}
	return now, s.projectNow(ctx, units, on)
}

func (s *Store) projectNow(ctx context.Context, units []committed, on terms) error {
	if s.hooks.projecting != nil {
		s.hooks.projecting(units[0].doc.N)
	}
	return s.project(ctx, units, on)
}

// see lets whoever reads the session see all that this process has committed before. What another
// process has committed is seen as far as that one has projected it.
func (s *Store) see(ctx context.Context, session string) error {
	l := s.lines.known(session)
	if l == nil {
		return nil
	}
	err := s.catchUp(ctx, l)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrFenced) { // nothing is found there, or it is another's
		return nil
	}
	return err
}

// catchUpLater projects what is behind after a while.
func (s *Store) catchUpLater(l *line) {
	wait := time.NewTimer(nextProjection(s.pace.project, time.Now()))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-l.closed:
	}
	l.behind.disarm()
	if err := s.catchUp(context.Background(), l); err != nil { // keepDurable tries again
		s.log.Warn("could not project a session's units", zap.String("session", l.session), zap.Error(err))
	}
}
