package events

import (
	"context"
	"fmt"
	"sync"

	"whatsapp-api/store"
)

// Log keeps units in a store's log and wakes the followers. It is a store.Log itself, so
// that whoever writes need not know that somebody listens. Followers of sessions that other processes
// own are woken by Run. It is safe for concurrent use.
type Log struct {
	store.Log

	mu       sync.RWMutex // of what follows, and of who watches
	sessions map[string]*topic
	created  chan struct{} // closed and replaced when a session's log begins
}

// topic is what the log knows of one session.
type topic struct {
	watches map[*Watch]bool // guarded by the log's mu

	mu      sync.Mutex
	woken   chan struct{} // closed and replaced at every commit with events
	ring    ring
	waiting int   // followers
	seen    int64 // newest event, as Run has found it last while another process owned the session
}

// New makes a Log over a store's.
func New(log store.Log) *Log {
	return &Log{Log: log, sessions: map[string]*topic{}, created: make(chan struct{})}
}

// Commit keeps the unit, then wakes who follows its session.
func (l *Log) Commit(ctx context.Context, u store.Unit) (store.Kept, error) {
	kept, err := l.Log.Commit(ctx, u)
	if err != nil || len(kept.Events) == 0 {
		return kept, err
	}
	t := l.topic(u.Session)
	t.add(kept.Events)
	l.wake(t, u.Session)
	if kept.Events[0].Seq == 1 {
		l.SessionCreated()
	}
	return kept, nil
}

// SessionCreated says that the log of some session has begun, here or in another process.
func (l *Log) SessionCreated() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.created)
	l.created = make(chan struct{})
}

// wake marks the session for those who watch it. Thousands may, and begin to read at once: they are
// not kept from it meanwhile.
func (l *Log) wake(t *topic, session string) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for w := range t.watches {
		w.mark(session, false)
	}
}

// Forget drops what is remembered of a session that was deleted, and wakes its followers so
// that they see it.
func (l *Log) Forget(session string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.sessions[session]; t != nil {
		t.end()
		delete(l.sessions, session)
		for w := range t.watches {
			delete(w.sessions, session)
			w.mark(session, true)
		}
	}
}

// Created is closed when the next new session's log begins.
func (l *Log) Created() <-chan struct{} {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.created
}

func (l *Log) topic(session string) *topic {
	l.mu.RLock()
	t := l.sessions[session]
	l.mu.RUnlock()
	if t != nil {
		return t
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.make(session)
}

// make needs mu.
func (l *Log) make(session string) *topic {
	t := l.sessions[session]
	if t == nil {
		t = &topic{woken: make(chan struct{})}
		l.sessions[session] = t
	}
	return t
}

// wait waits for a commit, as one more follower.
func (t *topic) wait(ctx context.Context, woken <-chan struct{}) error {
	t.mu.Lock()
	t.waiting++
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		t.waiting--
		t.mu.Unlock()
	}()
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// add takes the events of a commit and wakes those who follow.
func (t *topic) add(events []store.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ring.add(events)
	close(t.woken)
	t.woken = make(chan struct{})
}

// end wakes those who follow for the last time; a commit may still come.
func (t *topic) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.woken)
	t.woken = make(chan struct{})
}

// page is how many events a follower reads at once.
const page = 200

// Follow calls fn for every event of the session after seq, in order, those kept and those
// to come, until ctx ends, fn fails, or the session is gone (store.ErrNotFound). A seq that
// is older than what is kept, or ahead of the log, is refused with store.ErrExpired.
func (l *Log) Follow(ctx context.Context, session string, seq int64, fn func(store.Event) error) error {
	for {
		t, woken, events, newest := l.next(session, seq) // before reading, so that nothing slips between
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
		if err := t.wait(ctx, woken); err != nil {
			return err
		}
	}
}

// next returns the session's topic, what is closed at the next commit, the events after seq if the ring has
// the one that follows it, and whether seq is known to be the newest.
func (l *Log) next(session string, seq int64) (t *topic, woken <-chan struct{}, recent []store.Event, newest bool) {
	t = l.topic(session)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t, t.woken, t.ring.after(seq, page), t.ring.newest() == seq
}
