package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"whatsapp-api/app/events"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// client is the other end of a stream, by its transport. Only run of its subscription calls it,
// and waits for it. An error ends the stream.
type client interface {
	event(store.Event) error         // one that it asked for
	position(map[string]int64) error // by session: up to where it has all that it asked for
	beat(behind bool) error          // a sign of life; behind: more events wait
	flush() error                    // nothing follows at once
}

// subscription is what one stream follows: sessions, each with a cursor of its own, and which
// of their events. One goroutine, run, owns it and hands the events of all its sessions to
// the client, which may make it wait.
type subscription struct {
	hub     *Hub
	ctx     context.Context // ends with the stream
	client  client
	watch   *events.Watch
	changes chan func()
	beats   <-chan time.Time

	who     service.Caller
	at      map[string]int64 // by session: the last event that was handed on, or passed over
	passed  map[string]int64 // of those whose last event was passed over, since the last beat: which one
	wanted  map[string]names // by session: the events wanted of it
	all     bool             // also sessions that are made later
	wants   names            // the events wanted of those
	left    map[string]bool  // not followed though all are
	created <-chan struct{}  // closed when a session is made; nil unless all
}

// names are names of events that are wanted; nil: all.
type names map[string]bool

func (n names) has(name string) bool { return n == nil || n[name] }

// follow is a client's request.
type follow struct {
	Sessions []string `json:"sessions"` // nil: all that are the caller's, also those made later
	Events   []string `json:"events"`   // nil: all
	After    start    `json:"after"`
}

// start is where to begin: nowhere given (live only), one number, or one for each session.
type start struct {
	one   *int64
	each  map[string]int64
	exact bool // 0 is where a log begins, not the beginning of what is kept
}

var errAfter = errors.New(`after must be a seq (with one session), 0, or {"<sessionId>": seq}`)

// UnmarshalJSON reads null, a number or an object of numbers.
func (s *start) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	var one int64
	if json.Unmarshal(raw, &one) == nil && one >= 0 {
		s.one = &one
		return nil
	}
	if json.Unmarshal(raw, &s.each) != nil {
		return errAfter
	}
	for _, seq := range s.each {
		if seq < 0 {
			return errAfter
		}
	}
	return nil
}

// plan is a request that was found good.
type plan struct {
	who      service.Caller
	sessions []string
	points   map[string]int64 // where to begin, by session
	records  map[string]store.Session
	wanted   names
	all      bool
}

// plan checks a client's request: every session must be the caller's, and what comes after each
// point must be kept.
func (h *Hub) plan(ctx context.Context, who service.Caller, f follow) (plan, error) {
	p := plan{who: who, sessions: []string{}, points: map[string]int64{}, records: map[string]store.Session{}, all: f.Sessions == nil}
	if fault := service.CheckEvents(f.Events); fault != "" { // or the client would wait for ever for what is never sent
		return plan{}, service.Invalid{"events": fault}
	}
	records, err := h.followed(ctx, who, f.Sessions)
	if err != nil {
		return plan{}, err
	}
	if f.After.one != nil && *f.After.one != 0 && len(records) != 1 {
		return plan{}, service.Invalid{"after": "one seq is for one session; with several give {\"<sessionId>\": seq}, or 0"}
	}
	for _, r := range records {
		point, err := h.point(ctx, r.ID, f.After)
		if p.all && errors.Is(err, store.ErrNotFound) { // deleted since it was listed
			continue
		}
		if err != nil {
			return plan{}, fmt.Errorf("session %s: %w", r.ID, err)
		}
		p.sessions = append(p.sessions, r.ID)
		p.points[r.ID], p.records[r.ID] = point, r
	}
	if f.Events != nil {
		p.wanted = names{}
		for _, name := range f.Events {
			p.wanted[name] = true
		}
	}
	return p, nil
}

// followed finds the sessions that a client names, or all that the caller may see (nil).
func (h *Hub) followed(ctx context.Context, who service.Caller, ids []string) ([]store.Session, error) {
	if ids == nil {
		return h.visible(ctx, who)
	}
	var records []store.Session
	for _, id := range ids {
		r, err := h.Sessions.Get(ctx, who, id)
		if err != nil {
			return nil, fmt.Errorf("session %s: %w", id, err)
		}
		records = append(records, r)
	}
	return records, nil
}

// point is where to begin with a session, after the check that the events after it are kept.
func (h *Hub) point(ctx context.Context, id string, from start) (int64, error) {
	oldest, newest, err := h.Log.Bounds(ctx, id)
	if err != nil {
		return 0, err
	}
	want, given := from.each[id]
	switch {
	case from.one != nil:
		want = *from.one
	case !given:
		return newest, nil
	}
	switch {
	case want == 0 && !from.exact:
		return max(oldest-1, 0), nil
	case want < oldest-1 || want > newest:
		return 0, store.ErrExpired
	}
	return want, nil
}

// visible lists all sessions that a caller may see.
func (h *Hub) visible(ctx context.Context, who service.Caller) ([]store.Session, error) {
	all := []store.Session{}
	for cursor := ""; ; {
		list, next, err := h.Sessions.List(ctx, who, store.Page{Cursor: cursor, Limit: 200})
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if cursor = next; next == "" {
			return all, nil
		}
	}
}

func (h *Hub) subscription(ctx context.Context, c client) *subscription {
	return &subscription{
		hub: h, ctx: ctx, client: c, watch: h.Log.Watch(), changes: make(chan func()),
		at: map[string]int64{}, wanted: map[string]names{}, passed: map[string]int64{}, left: map[string]bool{},
	}
}

// run hands on events until ctx ends (nil), the client fails, or events cannot be read.
func (s *subscription) run() error {
	defer s.watch.Close()
	beats := time.NewTicker(streamBeat)
	defer beats.Stop()
	s.beats = beats.C
	for {
		var err error
		select {
		case <-s.ctx.Done():
			return nil
		case change := <-s.changes:
			change()
		case <-s.created:
			err = s.adopt()
		case <-s.watch.News():
			err = s.readOn()
		case <-s.beats:
			err = s.beat(len(s.watch.News()) > 0)
		}
		if err == nil {
			err = s.client.flush()
		}
		if err != nil {
			return err
		}
	}
}

// beat also tells the client how far it has come where nothing came that it asked for: else its
// place would grow old, and what comes after it would no longer be kept one day.
func (s *subscription) beat(behind bool) error {
	if len(s.passed) > 0 {
		if err := s.client.position(s.passed); err != nil {
			return err
		}
		s.passed = map[string]int64{}
	}
	return s.client.beat(behind)
}

// change runs f where nothing else of the subscription runs, and waits for it.
func (s *subscription) change(f func()) {
	done := make(chan struct{})
	select {
	case s.changes <- func() { f(); close(done) }:
		<-done
	case <-s.ctx.Done():
	}
}

// add follows what a plan asks for, on top of what is followed. begun is called before the
// first event.
func (s *subscription) add(p plan, begun func()) {
	s.change(func() {
		begun()
		s.follow(p)
	})
}

// follow is add before run. A session that is followed already begins anew at its new point, and of
// it the events of this plan are wanted from now on; nothing changes for others.
func (s *subscription) follow(p plan) {
	s.who = p.who
	for id, point := range p.points {
		s.at[id], s.wanted[id] = point, p.wanted
		delete(s.passed, id)
		delete(s.left, id)
		s.watch.Add(id)
	}
	if p.all {
		s.wants = p.wanted
	}
	if p.all && !s.all {
		now := make(chan struct{})
		close(now)
		s.all, s.created = true, now // looks for sessions made since the plan
	}
}

// drop ends following these sessions; nil: all.
func (s *subscription) drop(sessions []string, ended func()) {
	s.change(func() {
		if sessions == nil {
			s.all, s.created = false, nil
			clear(s.left)
		}
		for id := range s.at {
			if sessions == nil || slices.Contains(sessions, id) {
				s.leave(id)
				if s.all {
					s.left[id] = true
				}
			}
		}
		ended()
	})
}

func (s *subscription) leave(id string) {
	delete(s.at, id)
	delete(s.wanted, id)
	delete(s.passed, id)
	s.watch.Drop(id)
}

// readOn hands on a page of a session that has news.
func (s *subscription) readOn() error {
	id, gone, ok := s.watch.Next()
	if !ok {
		return nil
	}
	if gone { // and perhaps made anew
		s.leave(id)
		if s.all {
			return s.adopt()
		}
		return nil
	}
	seq, followed := s.at[id]
	if !followed {
		return nil
	}
	list, more, err := s.hub.Log.Newer(s.ctx, id, seq)
	if errors.Is(err, store.ErrNotFound) { // deleted
		s.leave(id)
		return nil
	}
	if err != nil {
		return err
	}
	if more {
		s.watch.Again(id)
	}
	for _, e := range list {
		s.at[id] = e.Seq
		if !s.wanted[id].has(e.Name) {
			s.passed[id] = e.Seq
			continue
		}
		delete(s.passed, id)
		if err := s.client.event(e); err != nil {
			return err
		}
		select {
		case <-s.beats: // a page may last long
			if err := s.beat(true); err != nil {
				return err
			}
		default:
		}
	}
	return nil
}

// adopt follows sessions that were made since, from their first event.
func (s *subscription) adopt() error {
	s.created = s.hub.Log.Created() // before the look, so that nothing slips between
	list, err := s.hub.visible(s.ctx, s.who)
	if err != nil {
		return err
	}
	for _, r := range list {
		if _, there := s.at[r.ID]; !there && !s.left[r.ID] {
			s.at[r.ID], s.wanted[r.ID] = 0, s.wants
			s.watch.Add(r.ID)
		}
	}
	return nil
}
