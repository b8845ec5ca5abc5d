package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// subscription is what one stream follows: sessions, each from its own point, and which of
// their events. Each followed session has a goroutine of its own that holds a cursor; they
// all hand their events to one sink, which may make them wait.
type subscription struct {
	api    *API
	ctx    context.Context // ends with the stream
	cancel context.CancelCauseFunc
	who    service.Caller
	sink   func(store.Event) error // an error ends the stream

	mu      sync.Mutex
	follows map[string]following // by session
	filter  map[string]bool      // names of events wanted; nil: all
	all     bool                 // also sessions that are made later
	work    sync.WaitGroup
}

// following is one followed session.
type following struct {
	stop context.CancelFunc
	done chan struct{}
}

// follow is a client's wish.
type follow struct {
	Sessions []string // nil: all that are the caller's, also those made later
	Events   []string // nil: all
	After    after
}

// after is where to begin: nowhere given (live only), one number, or one for each session.
type after struct {
	given bool
	one   *int64
	each  map[string]int64
}

var errAfter = errors.New(`after must be a seq (with one session), 0, or {"<sessionId>": seq}`)

// UnmarshalJSON reads null, a number or an object of numbers.
func (a *after) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	a.given = true
	var one int64
	if json.Unmarshal(raw, &one) == nil && one >= 0 {
		a.one = &one
		return nil
	}
	if json.Unmarshal(raw, &a.each) != nil {
		return errAfter
	}
	for _, seq := range a.each {
		if seq < 0 {
			return errAfter
		}
	}
	return nil
}

func (a *API) subscription(ctx context.Context, who service.Caller, sink func(store.Event) error) *subscription {
	ctx, cancel := context.WithCancelCause(ctx)
	return &subscription{api: a, ctx: ctx, cancel: cancel, who: who, sink: sink, follows: map[string]following{}}
}

// close ends all following and waits for it.
func (s *subscription) close() {
	s.cancel(nil)
	s.work.Wait()
}

// add begins to follow what f asks for, on top of what is followed. A session that is
// followed already begins anew at the new point. Nothing is begun when anything is wrong;
// else begun is called before the first event, with the sessions.
func (s *subscription) add(f follow, begun func(sessions []string)) error {
	sessions := f.Sessions
	if sessions == nil {
		var err error
		if sessions, err = s.visible(); err != nil {
			return err
		}
	}
	if f.After.one != nil && *f.After.one != 0 && len(sessions) != 1 {
		return service.Invalid{"after": "one seq is for one session; with several give {\"<sessionId>\": seq}, or 0"}
	}
	begin := map[string]int64{}
	for _, id := range sessions {
		point, err := s.point(id, f.After)
		if err != nil {
			return fmt.Errorf("session %s: %w", id, err)
		}
		begin[id] = point
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filter = nil
	if f.Events != nil {
		s.filter = map[string]bool{}
		for _, name := range f.Events {
			s.filter[name] = true
		}
	}
	begun(sessions)
	for id, point := range begin {
		s.start(id, point)
	}
	if f.Sessions == nil && !s.all {
		s.all = true
		s.work.Go(s.adopt)
	}
	return nil
}

// point is where to begin with a session, after the check that it is the caller's and that
// the events after it are kept.
func (s *subscription) point(id string, a after) (int64, error) {
	if _, err := s.api.Sessions.Get(s.ctx, s.who, id); err != nil {
		return 0, err
	}
	oldest, newest, err := s.api.Log.Bounds(s.ctx, id)
	if err != nil {
		return 0, err
	}
	want, given := a.each[id]
	switch {
	case a.one != nil:
		want = *a.one
	case !given:
		return newest, nil
	}
	switch {
	case want == 0:
		return max(oldest-1, 0), nil
	case want < oldest-1 || want > newest:
		return 0, store.ErrExpired
	}
	return want, nil
}

// start follows a session from a point; mu is held.
func (s *subscription) start(id string, seq int64) {
	old, again := s.follows[id]
	if again {
		old.stop()
	}
	ctx, stop := context.WithCancel(s.ctx)
	mine := following{stop, make(chan struct{})}
	s.follows[id] = mine
	s.work.Go(func() {
		defer close(mine.done)
		defer stop()
		if again {
			<-old.done // what it was sending comes before what is sent anew
		}
		err := s.api.Log.Follow(ctx, id, seq, func(e store.Event) error {
			if ctx.Err() != nil || !s.wants(e.Name) {
				return ctx.Err()
			}
			return s.sink(e)
		})
		switch {
		case ctx.Err() != nil: // ended by the client
		case errors.Is(err, store.ErrNotFound): // the session is gone
			s.mu.Lock()
			if s.follows[id].done == mine.done {
				delete(s.follows, id)
			}
			s.mu.Unlock()
		case errors.Is(err, store.ErrUnavailable):
			s.cancel(err)
		default:
			s.cancel(err)
			s.api.Logger.Debug("stream ended", zap.String("session", id), zap.Error(err))
		}
	})
}

func (s *subscription) wants(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.filter == nil || s.filter[name]
}

// drop ends following these sessions; nil: all.
func (s *subscription) drop(sessions []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sessions == nil {
		s.all = false
	}
	for id, one := range s.follows {
		if sessions == nil || slices.Contains(sessions, id) {
			one.stop()
			delete(s.follows, id)
		}
	}
}

// adopt follows sessions that are made later, from their first event.
func (s *subscription) adopt() {
	for {
		born := s.api.Log.Born()
		ids, err := s.visible()
		if err != nil {
			s.cancel(err)
			return
		}
		s.mu.Lock()
		if !s.all {
			s.mu.Unlock()
			return
		}
		for _, id := range ids {
			if _, there := s.follows[id]; !there {
				s.start(id, 0)
			}
		}
		s.mu.Unlock()
		select {
		case <-born:
		case <-s.ctx.Done():
			return
		}
	}
}

// visible lists the ids of all sessions that the caller may see.
func (s *subscription) visible() ([]string, error) {
	ids := []string{}
	for cursor := ""; ; {
		list, next, err := s.api.Sessions.List(s.ctx, s.who, store.Page{Cursor: cursor, Limit: 200})
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			ids = append(ids, r.ID)
		}
		if cursor = next; next == "" {
			return ids, nil
		}
	}
}
