package events

import (
	"context"
	"fmt"
	"sync"

	"whatsapp-api/store"
)

// Watch tells the follower of many sessions which of them have news, so that he needs one
// goroutine for all. It holds no events: the follower keeps a cursor and reads with Newer.
type Watch struct {
	log      *Log
	sessions map[string]bool // watched; guarded by log.mu

	mu    sync.Mutex
	fresh map[string]bool // true: the session's log was forgotten
	news  chan struct{}   // holds one token while fresh is not empty
}

// Watch begins to watch no session. Whoever gets a Watch must call Close.
func (l *Log) Watch() *Watch {
	return &Watch{log: l, sessions: map[string]bool{}, fresh: map[string]bool{}, news: make(chan struct{}, 1)}
}

// Add watches a session. It has news at once, so that the follower reads what is there.
func (w *Watch) Add(session string) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	w.sessions[session] = true
	t := w.log.make(session)
	if t.watches == nil {
		t.watches = map[*Watch]bool{}
	}
	t.watches[w] = true
	w.mark(session, false)
}

// Drop ends watching a session.
func (w *Watch) Drop(session string) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	w.drop(session)
}

// drop needs log.mu.
func (w *Watch) drop(session string) {
	delete(w.sessions, session)
	if t := w.log.sessions[session]; t != nil {
		delete(t.watches, w)
	}
	w.mu.Lock()
	delete(w.fresh, session)
	w.mu.Unlock()
}

// Close ends watching.
func (w *Watch) Close() {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	for session := range w.sessions {
		w.drop(session)
	}
}

// News has a value when Next has a session to name.
func (w *Watch) News() <-chan struct{} { return w.news }

// Again marks a session that was not read to its end.
func (w *Watch) Again(session string) { w.mark(session, false) }

// Next takes one session that has news. gone says that its log was forgotten since, and that
// it is watched no longer. ok is false when there is none.
func (w *Watch) Next() (session string, gone, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for session, gone = range w.fresh {
		delete(w.fresh, session)
		ok = true
		break
	}
	if len(w.fresh) > 0 {
		signal(w.news)
	}
	return session, gone, ok
}

func (w *Watch) mark(session string, gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fresh[session] = gone || w.fresh[session]
	signal(w.news)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Newer reads events after seq, in order, as many as a page holds; more says that there may
// be others now. Errors are those of store.Log.After.
func (l *Log) Newer(ctx context.Context, session string, seq int64) (events []store.Event, more bool, err error) {
	_, _, events, newest := l.next(session, seq)
	if newest || len(events) > 0 {
		return events, len(events) == page, nil
	}
	events, err = l.After(ctx, session, seq, page)
	if err != nil {
		return nil, false, fmt.Errorf("follow %s: %w", session, err)
	}
	return events, len(events) == page, nil
}
