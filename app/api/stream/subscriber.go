package stream

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

const (
	streamBeat     = 20 * time.Second // how often a client gets a sign of life, and learns where it is
	streamPatience = 5 * time.Second  // with a client that takes nothing of what waits for it, before it counts as lagging
	streamWrite    = 10 * time.Second // for one write to a client, before it is cut
)

// closeReason is why the server ends a stream, as its client is told.
type closeReason struct {
	code   codes.Code
	reason string
	lagged *place // of a client that reads too slowly: from where it gets, exactly once, what is meant for it
}

// place is how far a client has come with a session.
type place struct {
	session string
	seq     int64
}

func (f *closeReason) Error() string { return f.reason }

var errLeft = errors.New("the client has left")

// brief is an error as streams tell it.
func (h *Hub) brief(ctx context.Context, err error) (code codes.Code, detail string) {
	p := api.ProblemOf(ctx, h.Logger, err)
	detail = p.Detail
	for _, e := range p.Errors {
		detail += " " + e.Field + ": " + e.Message
	}
	return p.Code, detail
}

// subscriber is what all clients that follow events have in common, whatever they speak: a token
// that has to stay good, a subscription, and a reason at the end. It holds no events for its
// client: the subscription waits for the transport, and reads on from where it is.
type subscriber struct {
	hub   *Hub
	token string
	who   service.Caller
	user  string // for whom it counts; empty: for nobody yet
	sub   *subscription
	work  sync.WaitGroup

	ctx  context.Context // ends when the stream should; never handed to a write, which it would cut in the middle
	end  context.CancelCauseFunc
	stop func() bool // no longer ends with the server
}

// newSubscriber makes a stream that follows nothing yet, for a request with whose end it does not end.
// Whoever opens one must call close.
func (h *Hub) newSubscriber(request context.Context) *subscriber {
	s := &subscriber{hub: h}
	s.ctx, s.end = context.WithCancelCause(context.WithoutCancel(request))
	s.stop = context.AfterFunc(h.streams.ctx, func() { s.end(errStopping) })
	return s
}

// scope is what a key needs to follow events.
const scope = "events:read"

// listener says whose token or key it is, and whether it is good for following events.
func (h *Hub) listener(ctx context.Context, token string) (service.Caller, error) {
	who, err := api.Admit(ctx, h.Tokens, token)
	if err == nil {
		err = who.Require(scope)
	}
	return who, err
}

// begin watches over the stream in the name of a caller.
func (s *subscriber) begin(token string, who service.Caller) {
	s.token, s.who = token, who
	s.work.Go(s.guard)
}

// run hands events to the transport until the stream ends.
func (s *subscriber) run() {
	if err := s.sub.run(); err != nil {
		s.end(reasonFor(err))
	}
}

// close ends the stream and returns when nothing of it runs any more.
func (s *subscriber) close() {
	s.stop()
	s.end(errLeft)
	s.work.Wait()
	s.unjoin()
}

// reason is why the server ends the stream; nil when the client does, or while it goes on.
func (s *subscriber) reason() *closeReason {
	var f *closeReason
	if errors.As(context.Cause(s.ctx), &f) {
		return f
	}
	return nil
}

// guard ends the stream when its token ends, or its user or key may no longer do the same.
func (s *subscriber) guard() {
	var expiry <-chan time.Time
	if !s.who.ExpiresAt.IsZero() {
		timer := time.NewTimer(time.Until(s.who.ExpiresAt))
		defer timer.Stop()
		expiry = timer.C
	}
	for {
		ended := s.hub.Tokens.Ended()
		now, err := s.hub.listener(s.ctx, s.token)
		switch {
		case errors.Is(err, service.ErrUnauthorized), errors.Is(err, service.ErrScope), errors.Is(err, service.ErrAddress):
			s.end(&closeReason{code: codes.Unauthorized, reason: "the token is no longer good"})
			return
		case err == nil && !sameRights(now, s.who):
			s.end(&closeReason{code: codes.Unauthorized, reason: "the token's rights have changed"})
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
	errFull      = &closeReason{code: codes.TooManyStreams, reason: "the user has too many streams open"}
	errMoved     = &closeReason{code: codes.SessionHandedOver, reason: "a session has another owner now; come back and resume"}
	errStopping  = &closeReason{code: codes.Stopping, reason: "the server stops"}
	errStoreAway = &closeReason{code: codes.StoreUnavailable, reason: "the database is away; come back and resume"}
)

// reasonFor turns the end of following into what the client is told.
func reasonFor(err error) error {
	var f *closeReason
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, store.ErrExpired):
		return &closeReason{code: codes.CursorExpired, reason: "events the client has not seen are no longer kept"}
	case errors.Is(err, context.Canceled):
		return errLeft
	}
	return errStoreAway
}

// cutSlow ends the stream of a client that is given up, because it takes nothing of what waits for
// it. It returns why, and logs it.
func (s *subscriber) cutSlow(at *place) error {
	f := &closeReason{code: codes.Lagged, reason: "the client reads too slowly", lagged: at}
	s.hub.logSlow(s.who)
	s.end(f)
	return f
}

func (h *Hub) logSlow(who service.Caller) {
	h.Logger.Info("slow client cut", zap.String("user", who.User.ID))
	if h.Lagged != nil {
		h.Lagged()
	}
}

// overdue says whether a deadline of a connection has passed. The WebSocket library hides
// os.ErrDeadlineExceeded.
func overdue(err error) bool {
	var failed net.Error
	return errors.As(err, &failed) && failed.Timeout()
}
