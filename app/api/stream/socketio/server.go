package socketio

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/zishang520/socket.io/servers/engine/v3"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	socket "github.com/zishang520/socket.io/servers/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"

	"whatsapp-api/app/codes"
)

const (
	pingEvery   = 25 * time.Second
	pingTimeout = 20 * time.Second
	connectIn   = 10 * time.Second // for the handshake after the connection, and for an upgrade
)

// Config says what a server does with its clients. None of the functions is nil.
type Config struct {
	MaxPacket int64         // bytes of a client's packet
	Patience  time.Duration // with a client that takes nothing of what waits for it
	Write     time.Duration // for one write to a client

	Opened    func() (known func())                                // a connection has begun; known is called once, when it is known whose it is, or has ended
	Stopping  func() bool                                          // no connection may begin any more
	Handshake func(c *Conn, auth any) (accepted any, refused *End) // auth is what the client says of itself, as decoded JSON
	Connected func(c *Conn, accepted any) bool                     // the handshake was good; false: the connection ends at once
	Slow      func()                                               // a client took nothing for as long as a write may last
}

// End is why a client is refused, or a connection ends, as clients see it.
type End struct {
	Code   codes.Code `json:"code"`
	Detail string     `json:"detail"`
}

// Server serves the requests of Engine.IO.
type Server struct {
	Config
	handler http.Handler
	conns   sync.Map // *Conn by Engine.IO id
}

// New makes a server. Close ends what it has open.
func New(cfg Config) *Server {
	opts := socket.DefaultServerOptions()
	opts.SetServeClient(false)
	opts.SetConnectTimeout(connectIn)
	opts.SetPingInterval(pingEvery)
	opts.SetPingTimeout(pingTimeout)
	opts.SetUpgradeTimeout(connectIn)
	opts.SetMaxHttpBufferSize(cfg.MaxPacket)
	opts.SetHttpCompression(nil)
	opts.SetAllowEIO3(false)
	io := socket.NewServer(nil, opts)
	s := &Server{Config: cfg, handler: io.ServeHandler(nil)}
	io.Engine().Use(func(ctx *types.HttpContext, next func(error)) {
		ctx.ResponseHeaders() // asks for the header, see answer.Header
		next(nil)
		if a, ok := ctx.Response().(*answer); ok {
			a.begun()
		}
	})
	_ = io.Engine().On("connection", func(args ...any) { s.attach(args[0].(engine.Socket)) })
	io.Use(func(sock *socket.Socket, next func(*socket.ExtendedError)) {
		if refused := s.handshake(sock); refused != nil {
			next(socket.NewExtendedError(refused.Detail, *refused))
			return
		}
		next(nil)
	})
	_ = io.On("connection", func(args ...any) { s.connect(args[0].(*socket.Socket)) })
	return s
}

// Close ends every connection, of clients that are connected or not.
func (s *Server) Close() {
	s.conns.Range(func(_, c any) bool {
		c.(*Conn).Cut()
		return true
	})
}

// ServeHTTP answers a request, and returns when that is over. The library never sees which page asks: that is to be
// decided before.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	inner := r.Clone(ctx)
	inner.Header.Del("Origin")
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	first := r.Method == http.MethodGet && !q.Has("sid") && (q.Get("transport") == "polling" || upgrade) // else it is refused at once
	answer := newAnswer(w, first, s.Write)
	answer.slow = s.Slow
	answer.begun = func() { // not before: the library sets up what the end of ctx sets off
		answer.until(r.Context(), cancel)
		if known, ok := s.conns.Load(q.Get("sid")); ok {
			answer.until(known.(*Conn).ctx, cancel) // or a poll would wait for an answer for ever
		} else if q.Has("sid") {
			cancel()
		}
	}
	s.handler.ServeHTTP(answer, inner)
	answer.finish()
}

// attach follows a new connection from its first moment.
func (s *Server) attach(conn engine.Socket) {
	c := &Conn{engine: conn, patience: s.Patience, moved: make(chan struct{}, 1)}
	c.ctx, c.end = context.WithCancel(context.Background())
	c.known = sync.OnceFunc(s.Opened())
	context.AfterFunc(c.ctx, c.known)
	s.conns.Store(conn.Id(), c)
	_ = conn.On("packetCreate", c.created)
	_ = conn.On("flush", c.flushed)
	_ = conn.On("packet", c.received)
	_ = conn.On("upgrade", func(args ...any) { c.follow(args[0].(transports.Transport)) })
	_ = conn.Once("close", func(...any) {
		s.conns.Delete(conn.Id())
		c.end()
	})
	c.follow(conn.Transport())
	conn.Transport().Discard()         // a poll that does not come is not waited for at the end; Settle has done that
	if conn.ReadyState() == "closed" { // before it was listened to
		s.conns.Delete(conn.Id())
		c.end()
	}
	if first, ok := conn.Request().Response().(*answer); ok {
		first.release()
	}
	if s.Stopping() { // came in while the server stops
		go c.Cut()
	}
}

func (s *Server) connOf(sock *socket.Socket) *Conn {
	known, _ := s.conns.Load(sock.Conn().Id())
	c, _ := known.(*Conn)
	return c
}

// handshake asks whether the client may connect; what was accepted is kept with the library's socket.
func (s *Server) handshake(sock *socket.Socket) *End {
	c := s.connOf(sock)
	if c == nil { // gone
		return &End{Code: codes.Unauthorized, Detail: "The connection has ended."}
	}
	accepted, refused := s.Handshake(c, sock.Handshake().Auth)
	if refused == nil {
		sock.SetData(accepted)
	}
	return refused
}

// connect hands over a client whose handshake was good.
func (s *Server) connect(sock *socket.Socket) {
	c := s.connOf(sock)
	if c == nil || !c.joined.CompareAndSwap(false, true) { // gone, or a second one on the same connection
		sock.Disconnect(true)
		return
	}
	c.known()
	accepted := sock.Data()
	sock.SetData(nil)
	c.sock = sock
	c.bound(sock.Enqueue)
	if !s.Connected(c, accepted) {
		sock.Disconnect(true)
	}
}
