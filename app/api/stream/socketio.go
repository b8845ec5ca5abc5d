package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/zishang520/socket.io/servers/engine/v3"
	socketio "github.com/zishang520/socket.io/servers/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

const socketIOAbout = `For socket.io-client 4.x, by polling, WebSocket or both: io(url, {auth: {token, after, sessions, events}}). Of auth, token alone is required; it may come as header Authorization instead.
Events come by name: socket.on("new_messages", (data, meta) => …), with data as in the envelope plus sessionId, and meta {id, seq, event, sessionId, timestamp}. Without sessions: all of one's own, those made later too; without events: all.
With after (a seq for one session, {"<sessionId>":seq} for several, 0 for the beginning of what is kept; of sessions that are not in the object, new events alone) the missed events come first, in order, then live ones, without gap or repetition. Give auth as a function, so that a reconnection resumes from the last meta.seq. Every 20 s "position" {after} comes where events went by that were not asked for: after is {"<sessionId>":seq} of those sessions, and for these what to resume from instead, as the last meta.seq may no longer be kept one day.
A refused handshake is a connect_error whose data is {code, detail}. socket.emit("subscribe", {sessions, events, after}, answer) and socket.emit("unsubscribe", {sessions}, answer) change what is followed, and which events of these sessions; the answer is {sessions} or {error: {code, detail}}.
Before the server ends the connection it says why: "closing" {code, detail}, with code stopping, unauthorized, lagged, cursor_expired, too_many_streams, session_handed_over or store_unavailable. A client that reads too slowly first gets "lagged" {sessionId, resumeAfter}, if it takes what waits for it within 5 s; else it is cut without a word. It loses nothing either way: it resumes as after any other break.`

// socketIOPaths are where socket.io-client connects, with and without addTrailingSlash.
var socketIOPaths = []string{"/socket.io", "/socket.io/"}

const (
	ioPing         = 25 * time.Second
	ioPingTimeout  = 20 * time.Second
	ioConnect      = 10 * time.Second // for the handshake after the connection
	ioParting      = 5 * time.Second  // for the last words to reach a client that is cut
	ioHandshakeTry = 10 * time.Second // for the store, in a handshake or a command
)

// socketIO serves /socket.io. The library keeps the protocol; what is sent, when and how much
// of it may wait is ours, see wire.
type socketIO struct {
	hub     *Hub
	handler http.Handler
	engine  engine.BaseServer
	wires   sync.Map // *wire by Engine.IO id
}

func newSocketIO(h *Hub) *socketIO {
	opts := socketio.DefaultServerOptions()
	opts.SetServeClient(false)
	opts.SetConnectTimeout(ioConnect)
	opts.SetPingInterval(ioPing)
	opts.SetPingTimeout(ioPingTimeout)
	opts.SetUpgradeTimeout(ioConnect)
	opts.SetMaxHttpBufferSize(socketReadLimit)
	opts.SetHttpCompression(nil)
	opts.SetAllowEIO3(false)
	io := socketio.NewServer(nil, opts)
	s := &socketIO{hub: h, handler: io.ServeHandler(nil)}
	s.engine = io.Engine()
	s.engine.Use(func(ctx *types.HttpContext, next func(error)) {
		ctx.ResponseHeaders() // asks for the header, see answer.Header
		next(nil)
		if a, ok := ctx.Response().(*answer); ok {
			a.begun()
		}
	})
	_ = s.engine.On("connection", func(args ...any) { s.attach(args[0].(engine.Socket)) })
	io.Use(func(sock *socketio.Socket, next func(*socketio.ExtendedError)) {
		if err := s.handshake(sock); err != nil {
			code, detail := h.brief(sock.Request().Request().Context(), err)
			next(socketio.NewExtendedError(detail, fact{Code: code, Detail: detail}))
			return
		}
		next(nil)
	})
	_ = io.On("connection", func(args ...any) { s.connect(args[0].(*socketio.Socket)) })
	return s
}

// fact is an error, or an end, as clients see it.
type fact struct {
	Code   codes.Code `json:"code"`
	Detail string     `json:"detail"`
}

// routes are Engine.IO's own requests, which a client library makes. The token is in the packets, or in a
// header.
func (s *socketIO) routes() []api.Route {
	chosen := func(name, about string, values ...any) *huma.Param {
		return &huma.Param{Name: name, In: "query", Required: true, Description: about, Schema: &huma.Schema{Type: huma.TypeString, Enum: values}}
	}
	text := func(name string) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{name: {Schema: &huma.Schema{Type: huma.TypeString}}}
	}
	r := api.Route{Methods: []string{http.MethodGet, http.MethodPost}, Scope: scope, Plain: true, Handle: s.serve}
	r.Fails = []codes.Code{
		codes.BadRequest, codes.Unauthorized, codes.Forbidden, codes.TooManySockets, codes.TooManyStreams, codes.TooManyRequests, codes.BodyTooLarge,
		codes.Stopping, codes.StoreUnavailable,
	}
	var routes []api.Route
	for _, path := range socketIOPaths {
		r.Path = path
		routes = append(routes, r)
	}
	for method, id := range map[string]string{http.MethodGet: "pollSocketIo", http.MethodPost: "pushSocketIo"} {
		op := &huma.Operation{
			Method: method, OperationID: id, Tags: []string{Chapter}, Summary: "Events over Socket.IO", Description: socketIOAbout, Security: []map[string][]string{{}, {"bearer": {}}},
			Parameters: []*huma.Param{
				chosen("EIO", "Version of Engine.IO", "4"), chosen("transport", "How packets go", "polling", "websocket"),
				{Name: "sid", In: "query", Required: method == http.MethodPost, Description: "The connection's id, once there is one", Schema: &huma.Schema{Type: huma.TypeString}},
			},
			Responses: map[string]*huma.Response{
				"101": {Description: "Switching protocols"}, "200": {Description: "Packets", Content: text("text/plain")},
				"400": {Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{ // the library's, which clients know
					Type: huma.TypeObject, Properties: map[string]*huma.Schema{"code": {Type: huma.TypeInteger}, "message": {Type: huma.TypeString}}, Required: []string{"code", "message"},
				}, Example: map[string]any{"code": 1, "message": "Session ID unknown"}}}},
			},
		}
		if method == http.MethodPost {
			op.RequestBody = &huma.RequestBody{Required: true, Content: text("text/plain")}
			delete(op.Responses, "101")
			op.Responses["200"] = &huma.Response{Description: "ok", Content: text("text/html")}
		}
		routes[0].Operations = append(routes[0].Operations, op) // the other path is the same, with a slash
	}
	return routes
}

// close ends every connection, with or without a stream.
func (s *socketIO) close() {
	s.wires.Range(func(_, w any) bool {
		w.(*wire).cut()
		return true
	})
}

// serve answers a request of Engine.IO. The library never sees who asks from which page: that
// was decided here, and the answer's CORS headers are those of all routes.
func (s *socketIO) serve(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	switch {
	case !api.OwnPage(s.hub.Origins, r):
		return api.NewProblem(codes.Forbidden, "Pages of this origin may not connect (FRONTEND_URL).")
	case api.OnlyHead(r.Context()): // a connection has no head
		w.Header().Set("Allow", "GET, POST")
		return api.StatusProblem(http.StatusMethodNotAllowed, "Use socket.io-client 4.x.")
	case q.Get("EIO") != "4" || q.Has("j") || q.Has("b64"):
		return api.NewProblem(codes.BadRequest, "Use socket.io-client 4.x.")
	case !q.Has("sid") && s.hub.streams.full(s.hub.Limits.Unauthenticated):
		return api.ErrManyStrangers
	case !q.Has("sid") && s.hub.streams.ctx.Err() != nil:
		return whatsapp.ErrStopping
	}
	api.Stays(r.Context()) // polls wait for packets
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	inner := r.Clone(ctx)
	inner.Header.Del("Origin")
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	first := r.Method == http.MethodGet && !q.Has("sid") && (q.Get("transport") == "polling" || upgrade) // else it is refused at once
	answer := newAnswer(w, first)
	answer.slow = func() { s.hub.logSlow(service.Caller{}) }
	answer.begun = func() { // not before: the library sets up what the end of ctx sets off
		answer.until(r.Context(), cancel)
		if known, ok := s.wires.Load(q.Get("sid")); ok {
			answer.until(known.(*wire).ctx, cancel) // or a poll would wait for an answer for ever
		} else if q.Has("sid") {
			cancel()
		}
	}
	s.handler.ServeHTTP(answer, inner)
	answer.finish()
	return nil
}

// ioHandshake is what a client says of itself.
type ioHandshake struct {
	Token string `json:"token"`
	follow
}

// accepted is a handshake that was found good; it is kept with the library's socket.
type accepted struct {
	token string
	plan  plan
}

// handshake checks token and wish before the client is connected.
func (s *socketIO) handshake(sock *socketio.Socket) error {
	w := s.wireOf(sock)
	if w == nil {
		return service.ErrUnauthorized
	}
	r := sock.Request().Request() // the connection's first
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), ioHandshakeTry)
	defer cancel()
	var h ioHandshake
	if err := reread(sock.Handshake().Auth, &h); err != nil {
		return err
	}
	token := strings.TrimPrefix(h.Token, "Bearer ")
	if token == "" {
		token = api.TokenOf(r)
	}
	who, err := s.hub.listener(ctx, token)
	if err != nil {
		return err
	}
	p, err := s.hub.plan(ctx, who, h.follow)
	if err != nil {
		return err
	}
	sock.SetData(accepted{token, p})
	return nil
}

// reread turns what the library decoded into one of our types.
func reread(v any, into any) error {
	raw, err := json.Marshal(v)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(raw))
		err = d.Decode(into)
	}
	if err != nil {
		return service.Invalid{"auth": "token is a string, sessions and events are lists of strings; " + errAfter.Error()}
	}
	return nil
}

func (s *socketIO) wireOf(sock *socketio.Socket) *wire {
	w, _ := s.wires.Load(sock.Conn().Id())
	found, _ := w.(*wire)
	return found
}

// connect begins the stream of a client whose handshake was good.
func (s *socketIO) connect(sock *socketio.Socket) {
	w, ok := s.wireOf(sock), s.hub.streams.enter(kindSocketIO)
	if w == nil || !ok || !w.joined.CompareAndSwap(false, true) { // gone, too late, or a second one on the same connection
		if ok {
			s.hub.streams.leave(kindSocketIO)
		}
		sock.Disconnect(true)
		return
	}
	w.known()
	had := sock.Data().(accepted)
	sock.SetData(nil)
	c := &ioClient{subscriber: s.hub.open(sock.Request().Request().Context()), encode: s.hub.encodings.in(formSocketIO), sock: sock, wire: w, frames: s.hub.frames()}
	if c.join(had.plan.who.User.ID) != nil {
		c.end(errFull)
	}
	c.sub = s.hub.subscription(c.ctx, c)
	c.sub.follow(had.plan)
	w.busy(sock.Enqueue)
	_ = sock.On("subscribe", c.subscribe)
	_ = sock.On("unsubscribe", c.unsubscribe)
	_ = sock.On("disconnect", func(...any) { c.end(errLeft) })
	if !sock.Connected() { // left before it was listened to
		c.end(errLeft)
	}
	c.begin(had.token, had.plan.who)
	go func() {
		defer s.hub.streams.leave(kindSocketIO)
		defer c.close()
		defer context.AfterFunc(w.ctx, func() { c.end(errLeft) })()
		c.run()
		c.part()
	}()
}

// ioClient is one client of Socket.IO.
type ioClient struct {
	*subscriber
	encode func(store.Event) (frame, error)
	sock   *socketio.Socket
	wire   *wire
	frames *rate.Limiter // how fast the client's are taken
}

// event hands the packet to the library once the wire has room for it. A client that takes
// nothing meanwhile is given up.
func (c *ioClient) event(e store.Event) error {
	f, err := c.encode(e)
	if err != nil {
		return err
	}
	if !c.wire.await(c.ctx) {
		if c.ctx.Err() == nil {
			return c.slow(&place{e.SessionID, e.Seq - 1})
		}
		return context.Cause(c.ctx)
	}
	c.send(f.bytes)
	return nil
}

func (c *ioClient) position(passed map[string]int64) error {
	c.emit("position", map[string]any{"after": passed})
	return nil
}

// beat and flush are the library's affair.
func (c *ioClient) beat(bool) error { return nil }
func (c *ioClient) flush() error    { return nil }

func (c *ioClient) send(packet []byte) {
	c.sock.Client().WriteToEngine([]types.BufferInterface{types.NewStringBuffer(packet)}, &socketio.WriteOptions{})
}

// part says why the server ends the connection, and ends it.
func (c *ioClient) part() {
	defer c.wire.cut()
	f := c.bye()
	if f == nil {
		return
	}
	if f.lagged != nil {
		c.emit("lagged", map[string]any{"sessionId": f.lagged.session, "resumeAfter": f.lagged.seq})
	}
	c.emit("closing", fact{f.code, f.reason})
	if f.code == codes.Unauthorized {
		c.sock.Disconnect(false) // the client does not come back by itself
	}
	c.wire.settle(ioParting)
}

func (c *ioClient) emit(event string, arg any) {
	packet, err := socketPacket(event, arg)
	if err != nil {
		c.hub.Logger.Error("packet not encoded", zap.Error(err))
		return
	}
	c.send(packet)
}

// subscribe answers the client's event of this name.
func (c *ioClient) subscribe(args ...any) {
	if c.frames.Wait(c.ctx) != nil {
		return
	}
	f, answer, err := command(args)
	if err == nil {
		ctx, cancel := context.WithTimeout(c.ctx, ioHandshakeTry)
		defer cancel()
		var p plan
		if p, err = c.hub.plan(ctx, c.who, f); err == nil {
			c.sub.add(p, func() { answer(map[string]any{"sessions": p.sessions}) })
			return
		}
	}
	code, detail := c.hub.brief(c.ctx, err)
	answer(map[string]any{"error": fact{code, detail}})
}

// unsubscribe answers the client's event of this name.
func (c *ioClient) unsubscribe(args ...any) {
	if c.frames.Wait(c.ctx) != nil {
		return
	}
	f, answer, err := command(args)
	if err != nil {
		code, detail := c.hub.brief(c.ctx, err)
		answer(map[string]any{"error": fact{code, detail}})
		return
	}
	c.sub.drop(f.Sessions, func() { answer(map[string]any{"sessions": f.Sessions}) })
}

// command reads the arguments of a client's event: perhaps a wish, perhaps an acknowledgement.
func command(args []any) (f follow, answer func(any), err error) {
	answer = func(any) {}
	if n := len(args); n > 0 {
		if ack, ok := args[n-1].(socketio.Ack); ok {
			answer = func(v any) { ack([]any{v}, nil) }
			args = args[:n-1]
		}
	}
	if len(args) > 0 {
		err = reread(args[0], &f)
	}
	return f, answer, err
}
