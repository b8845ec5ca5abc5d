package stream

import (
	"context"
	"maps"
	"slices"
	"sync"

	"go.uber.org/zap"

	"whatsapp-api/app/api"
	"whatsapp-api/app/events"
	"whatsapp-api/app/service/account"
	"whatsapp-api/app/service/link"
	"whatsapp-api/app/service/stream"
	"whatsapp-api/whatsapp"
)

// Config is what streams stand on.
type Config struct {
	Log      *events.Log
	Sessions *link.Sessions
	Tokens   *account.Tokens
	Places   *stream.Places // of streams of many sessions; nil: their cursors are long
	Limits   Limits
	Origins  []string // browser front ends that may connect
	Lagged   func()   // told of each client that was cut because it reads too slowly; may not wait. nil: nobody is told
	Logger   *zap.Logger
}

// Hub is what the streams of all transports have in common: who may open one, what it follows, and when it ends.
type Hub struct {
	Config
	streams   streams
	encodings *encodings
	socketIO  *socketIO
}

// New makes a hub. Close ends it.
func New(cfg Config) *Hub {
	h := &Hub{Config: cfg, encodings: newEncodings()}
	h.streams.ctx, h.streams.end = context.WithCancelCause(context.Background())
	h.socketIO = newSocketIO(h)
	return h
}

// Endpoints are the rows of the event log.
func (h *Hub) Endpoints() []api.Endpoint { return eventLog{h}.endpoints() }

// Routes are those of the transports.
func (h *Hub) Routes() []api.Route {
	return slices.Concat(webSockets{h}.routes(), eventStreams{h}.routes(), h.socketIO.routes())
}

// Close ends all streams with the reason that the server stops, and waits for them until ctx ends.
func (h *Hub) Close(ctx context.Context) {
	h.streams.close()
	done := make(chan struct{})
	go func() {
		h.streams.running.Wait()
		h.socketIO.server.Close()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		h.Logger.Warn("streams did not end in time")
	}
}

// EndOf ends all streams of these users, since a session goes from one to the other: their clients come
// back, and see what they may see now.
func (h *Hub) EndOf(users ...string) { h.streams.endOf(errMoved, users...) }

// Kinds of what stays open: streams, and calls that wait for something to come.
const (
	kindWebSocket = "websocket"
	kindSocketIO  = "socketio"
	kindEvents    = "sse"
	kindPoll      = "poll"
)

// streams counts the open streams, so that a stopping server can end them and wait.
type streams struct {
	ctx context.Context // of which the streams' are made
	end context.CancelCauseFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
	kinds   map[string]int // how many are open

	users     map[string]map[*subscriber]bool // those of each user
	strangers int                             // sockets that have brought no token yet
}

// OpenStreams says how many streams and long-polls are open, by their kind.
func (h *Hub) OpenStreams() map[string]int {
	open := map[string]int{kindWebSocket: 0, kindSocketIO: 0, kindEvents: 0, kindPoll: 0}
	h.streams.mu.Lock()
	defer h.streams.mu.Unlock()
	maps.Copy(open, h.streams.kinds)
	return open
}

// count needs mu.
func (s *streams) count(kind string, n int) {
	if s.kinds == nil {
		s.kinds = map[string]int{}
	}
	s.kinds[kind] += n
}

// Poll is UntilStop for a call that waits for something to come by its nature: it counts as open
// meanwhile, and how long it took says nothing of the server.
func (h *Hub) Poll(ctx context.Context) (_ context.Context, done func()) {
	api.Stays(ctx)
	h.streams.mu.Lock()
	h.streams.count(kindPoll, 1)
	h.streams.mu.Unlock()
	ctx, end := h.UntilStop(ctx)
	return ctx, func() {
		end()
		h.streams.mu.Lock()
		h.streams.count(kindPoll, -1)
		h.streams.mu.Unlock()
	}
}

// UntilStop is ctx, and ends when the server stops as well: for calls that wait for something to come.
// Its cause is whatsapp.ErrStopping then. done must be called.
func (h *Hub) UntilStop(ctx context.Context) (_ context.Context, done func()) {
	ctx, end := context.WithCancelCause(ctx)
	stop := context.AfterFunc(h.streams.ctx, func() { end(whatsapp.ErrStopping) })
	return ctx, func() {
		stop()
		end(nil)
	}
}

// enter says whether a stream may begin; it must leave then.
func (s *streams) enter(kind string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	s.count(kind, 1)
	return true
}

func (s *streams) leave(kind string) {
	s.mu.Lock()
	s.count(kind, -1)
	s.mu.Unlock()
	s.running.Done()
}

// close ends all streams.
func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.end(errStopping)
}
