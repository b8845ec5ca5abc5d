package events

import (
	"context"
	"fmt"
	"sync"

	"whatsapp-api/store"
)

// Log keeps units in a store's log and wakes the followers. It is a store.Log itself, so
// that whoever writes need not know that somebody listens. It is safe for concurrent use.
type Log struct {
	store.Log

	mu       sync.Mutex
	sessions map[string]*topic
	born     chan struct{} // closed and replaced when a session's log begins
}

// topic is what the log knows of one session.
type topic struct {
	woken   chan struct{} // closed and replaced at every commit with events
	watches map[*Watch]bool
	ring    ring
}

// New makes a Log over a store's.
func New(log store.Log) *Log {
	return &Log{Log: log, sessions: map[string]*topic{}, born: make(chan struct{})}
}

// Commit keeps the unit, then wakes who follows its session.
func (l *Log) Commit(ctx context.Context, u store.Unit) (store.Kept, error) {
	kept, err := l.Log.Commit(ctx, u)
	if err != nil || len(kept.Events) == 0 {
		return kept, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topic(u.Session)
	t.ring.add(kept.Events)
	close(t.woken)
	t.woken = make(chan struct{})
	for w := range t.watches {
		w.mark(u.Session, false)
	}
	if kept.Events[0].Seq == 1 {
		close(l.born)
		l.born = make(chan struct{})
	}
	return kept, nil
}

// Forget drops what is remembered of a session that was deleted, and wakes its followers so
// that they see it.
func (l *Log) Forget(session string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.sessions[session]; t != nil {
		close(t.woken)
		delete(l.sessions, session)
		for w := range t.watches {
			delete(w.sessions, session)
			w.mark(session, true)
		}
	}
}

// Born is closed when the next new session's log begins.
func (l *Log) Born() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.born
}

// topic needs mu.
func (l *Log) topic(session string) *topic {
	t := l.sessions[session]
	if t == nil {
		t = &topic{woken: make(chan struct{})}
		l.sessions[session] = t
	}
	return t
}

// page is how many events a follower reads at once.
const page = 200

// Follow calls fn for every event of the session after seq, in order, those kept and those
// to come, until ctx ends, fn fails, or the session is gone (store.ErrNotFound). A seq that
// is older than what is kept, or ahead of the log, is refused with store.ErrExpired.
func (l *Log) Follow(ctx context.Context, session string, seq int64, fn func(store.Event) error) error {
	for {
		woken, events, newest := l.next(session, seq) // before reading, so that nothing slips between
		var err error
		if len(events) == 0 && !newest {
			events, err = l.After(ctx, session, seq, page)
		}
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("follow %s: %w", session, err)
		}
		for _, e := range events {
			if err := fn(e); err != nil {
				return err
			}
			seq = e.Seq
		}
		if len(events) > 0 {
			continue // more may be there already
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// next returns what is closed at the next commit, the events after seq if the ring has the
// one that follows it, and whether seq is known to be the newest.
func (l *Log) next(session string, seq int64) (woken <-chan struct{}, recent []store.Event, newest bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topic(session)
	return t.woken, t.ring.after(seq, page), t.ring.newest() == seq
}
