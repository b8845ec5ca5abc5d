package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

const (
	streamPatience = 5 * time.Second  // with a full queue of which the client takes nothing, before it counts as lagging
	streamWrite    = 10 * time.Second // for one write to a client
)

// farewell is why the server ends a stream, as its client is told.
type farewell struct {
	code   string // stable
	reason string
	lagged *store.Event // the first event for which there was no room
}

func (f *farewell) Error() string { return f.reason }

// Codes of farewells.
const (
	byeUnauthorized = "unauthorized"
	byeNoToken      = "no_token"
	byeLagged       = "lagged"
	byeExpired      = "cursor_expired"
	byeStoreAway    = "store_unavailable"
	byeStopping     = "stopping"
)

var errLeft = errors.New("the client has left")

// brief is an error as streams tell it.
func (a *API) brief(ctx context.Context, err error) (code, detail string) {
	p := a.problemOf(ctx, err)
	detail = p.Detail
	for _, e := range p.Errors {
		detail += " " + e.Field + ": " + e.Message
	}
	return p.Code, detail
}

// stream is what all clients that follow events have in common, whatever they speak: a token
// that has to stay good, a bounded queue, and a reason at the end. Its transport takes from
// the queue, and is done when ctx is.
type stream struct {
	api    *API
	token  string
	who    service.Caller
	encode func(store.Event) (frame, error)
	place  func(passed map[string]int64) []byte // tells the client from where it would resume
	queue  *queue
	sub    *subscription
	work   sync.WaitGroup

	ctx  context.Context // ends when the stream should; never handed to a write, which it would cut in the middle
	end  context.CancelCauseFunc
	stop func() bool // no longer ends with the server
}

// open makes a stream that follows nothing yet, for a request with whose end it does not end.
// Whoever opens one must call close.
func (a *API) open(request context.Context, encode func(store.Event) (frame, error), place func(map[string]int64) []byte) *stream {
	s := &stream{api: a, encode: encode, place: place, queue: newQueue()}
	s.ctx, s.end = context.WithCancelCause(context.WithoutCancel(request))
	s.stop = context.AfterFunc(a.streams.ctx, func() { s.end(errStopping) })
	return s
}

// streamScope is what a key needs to follow events.
const streamScope = "events:read"

// listener says whose token or key it is, and whether it is good for following events.
func (a *API) listener(ctx context.Context, token string) (service.Caller, error) {
	who, err := a.admit(ctx, token)
	if err == nil && !who.May(streamScope) {
		err = service.ErrScope
	}
	return who, err
}

// tokenOf finds a request's token where all routes look for it.
func tokenOf(r *http.Request) string {
	if token, ok := bearer(r.Header.Get("Authorization")); ok {
		return token
	}
	if c, err := r.Cookie(cookieName); err == nil {
		return c.Value
	}
	return ""
}

// begin lets the stream follow, in the name of a caller.
func (s *stream) begin(token string, who service.Caller) {
	s.token, s.who = token, who
	s.sub = s.api.subscription(s.ctx, s.push, s.mark)
	s.work.Go(func() {
		if err := s.sub.run(); err != nil {
			s.end(parting(err))
		}
	})
	s.work.Go(s.guard)
}

// close ends the stream and returns when nothing of it runs any more.
func (s *stream) close() {
	s.stop()
	s.end(errLeft)
	s.work.Wait()
}

// bye is why the server ends the stream; nil when the client does, or while it goes on.
func (s *stream) bye() *farewell {
	var f *farewell
	if errors.As(context.Cause(s.ctx), &f) {
		return f
	}
	return nil
}

// guard ends the stream when its token ends, or its user or key may no longer do the same.
func (s *stream) guard() {
	var expiry <-chan time.Time
	if !s.who.ExpiresAt.IsZero() {
		timer := time.NewTimer(time.Until(s.who.ExpiresAt))
		defer timer.Stop()
		expiry = timer.C
	}
	for {
		ended := s.api.Tokens.Ended()
		now, err := s.api.listener(s.ctx, s.token)
		switch {
		case errors.Is(err, service.ErrUnauthorized), errors.Is(err, service.ErrScope), errors.Is(err, service.ErrAddress):
			s.end(&farewell{code: byeUnauthorized, reason: "the token is no longer good"})
			return
		case err == nil && !sameRights(now, s.who):
			s.end(&farewell{code: byeUnauthorized, reason: "the token's rights have changed"})
			return
		}
		select {
		case <-ended:
		case <-expiry:
		case <-s.ctx.Done():
			return
		}
	}
}

// sameRights says whether a caller may see what he saw.
func sameRights(now, then service.Caller) bool {
	if (now.Key == nil) != (then.Key == nil) || now.Admin() != then.Admin() {
		return false
	}
	return now.Key == nil || (now.Key.Sessions == nil) == (then.Key.Sessions == nil) && slices.Equal(now.Key.Sessions, then.Key.Sessions)
}

var (
	errStopping  = &farewell{code: byeStopping, reason: "the server stops"}
	errStoreAway = &farewell{code: byeStoreAway, reason: "the database is away; come back and resume"}
)

// parting turns the end of following into what the client is told.
func parting(err error) error {
	var f *farewell
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, store.ErrExpired):
		return &farewell{code: byeExpired, reason: "events the client has not seen are no longer kept"}
	case errors.Is(err, context.Canceled):
		return errLeft
	}
	return errStoreAway
}

// slowCut is logged when a client is given up, because it takes nothing while its queue is full or
// while a write lasts.
const slowCut = "slow client cut"

// push queues an event; it is the subscription's sink.
func (s *stream) push(e store.Event) error {
	f, err := s.encode(e)
	if err != nil {
		return err
	}
	if s.put(f, streamPatience) {
		return nil
	}
	if s.ctx.Err() == nil {
		s.api.Logger.Info(slowCut, zap.String("user", s.who.User.ID), zap.String("session", e.SessionID))
		s.end(&farewell{code: byeLagged, reason: "the client reads too slowly", lagged: &e})
	}
	return context.Cause(s.ctx)
}

// mark queues, behind all that is meant for the client, how far it has come; false: there is no room.
func (s *stream) mark(passed map[string]int64) bool {
	return s.queue.offer(frame{bytes: s.place(passed), passed: passed})
}

// say queues a frame that is no event. It waits for room as long as the stream lasts.
func (s *stream) say(raw []byte) { s.put(frame{bytes: raw}, 0) }

// put queues a frame. A client that takes nothing for as long as patience, although there is
// no room, does not get it; without patience (0) only the end of the stream ends the wait.
func (s *stream) put(f frame, patience time.Duration) bool {
	if s.queue.offer(f) {
		return true
	}
	var over <-chan time.Time
	timer := time.NewTimer(patience)
	defer timer.Stop()
	if patience > 0 {
		over = timer.C
	}
	for {
		select {
		case <-s.queue.room: // the client takes something
			if s.queue.offer(f) {
				return true
			}
			timer.Reset(patience)
		case <-over:
			return false
		case <-s.ctx.Done():
			return false
		}
	}
}

// resumeAfter is from where a client that was too slow has to resume to get, exactly once,
// what was meant for it.
func (s *stream) resumeAfter(f *farewell) (session string, seq int64) {
	session, seq = f.lagged.SessionID, f.lagged.Seq
	if first, waits := s.queue.first(session); waits {
		seq = first
	}
	return session, seq - 1
}

// streams counts the open streams, so that a stopping server can end them and wait.
type streams struct {
	ctx context.Context // of which the streams' are made
	end context.CancelCauseFunc

	mu     sync.Mutex
	closed bool
	open   sync.WaitGroup
}

// enter says whether a stream may begin; it must leave then.
func (s *streams) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.open.Add(1)
	}
	return !s.closed
}

func (s *streams) leave() { s.open.Done() }

// close ends all streams.
func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.end(errStopping)
}
