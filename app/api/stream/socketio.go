package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"whatsapp-api/app/api"
	"whatsapp-api/app/api/stream/socketio"
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
	ioLastWords    = 5 * time.Second  // for the last words to reach a client that is cut
	ioHandshakeTry = 10 * time.Second // for the store, in a handshake or a command
)

// socketIO serves /socket.io. What is sent, when, and how much of it may wait is decided here; the protocol is
// the server's.
type socketIO struct {
	hub    *Hub
	server *socketio.Server
}

func newSocketIO(h *Hub) *socketIO {
	s := &socketIO{hub: h}
	s.server = socketio.New(socketio.Config{
		MaxPacket: socketReadLimit, Patience: streamPatience, Write: streamWrite, Handshake: s.handshake, Connected: s.connect,
		Opened: func() func() {
			h.streams.stranger(1)
			return func() { h.streams.stranger(-1) }
		},
		Stopping: func() bool { return h.streams.ctx.Err() != nil },
		Slow:     func() { h.logSlow(service.Caller{}) },
	})
	return s
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
	s.server.ServeHTTP(w, r)
	return nil
}

// ioHandshake is what a client says of itself.
type ioHandshake struct {
	Token string `json:"token"`
	follow
}

// accepted is a handshake that was found good.
type accepted struct {
	token string
	plan  plan
}

// handshake checks token and request before the client is connected.
func (s *socketIO) handshake(c *socketio.Conn, auth any) (any, *socketio.End) {
	had, err := s.accept(c.First(), auth)
	if err != nil {
		return nil, s.hub.reasonOf(c.First().Context(), err)
	}
	return had, nil
}

func (s *socketIO) accept(first *http.Request, auth any) (accepted, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(first.Context()), ioHandshakeTry)
	defer cancel()
	var h ioHandshake
	if err := reread(auth, &h); err != nil {
		return accepted{}, err
	}
	token := strings.TrimPrefix(h.Token, "Bearer ")
	if token == "" {
		token = api.TokenOf(first)
	}
	who, err := s.hub.listener(ctx, token)
	if err != nil {
		return accepted{}, err
	}
	p, err := s.hub.plan(ctx, who, h.follow)
	return accepted{token, p}, err
}

// reasonOf is an error as clients of Socket.IO see it.
func (h *Hub) reasonOf(ctx context.Context, err error) *socketio.End {
	code, detail := h.brief(ctx, err)
	return &socketio.End{Code: code, Detail: detail}
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

// connect begins the stream of a client whose handshake was good.
func (s *socketIO) connect(conn *socketio.Conn, had any) bool {
	if !s.hub.streams.enter(kindSocketIO) { // too late
		return false
	}
	good := had.(accepted)
	c := &ioClient{subscriber: s.hub.newSubscriber(conn.First().Context()), encode: s.hub.encodings.in(formSocketIO), conn: conn, frames: s.hub.frames()}
	if c.join(good.plan.who.User.ID) != nil {
		c.end(errFull)
	}
	c.sub = s.hub.subscription(c.ctx, c)
	c.sub.follow(good.plan)
	conn.On("subscribe", c.subscribe)
	conn.On("unsubscribe", c.unsubscribe)
	conn.OnLeft(func() { c.end(errLeft) })
	c.begin(good.token, good.plan.who)
	go func() {
		defer s.hub.streams.leave(kindSocketIO)
		defer c.close()
		defer context.AfterFunc(conn.Context(), func() { c.end(errLeft) })()
		c.run()
		c.part()
	}()
	return true
}

// ioClient is one client of Socket.IO.
type ioClient struct {
	*subscriber
	encode func(store.Event) (frame, error)
	conn   *socketio.Conn
	frames *rate.Limiter // how fast the client's are taken
}

// event hands the packet to the library once there is room for it. A client that takes
// nothing meanwhile is given up.
func (c *ioClient) event(e store.Event) error {
	f, err := c.encode(e)
	if err != nil {
		return err
	}
	if !c.conn.Await(c.ctx) {
		if c.ctx.Err() == nil {
			return c.cutSlow(&place{e.SessionID, e.Seq - 1})
		}
		return context.Cause(c.ctx)
	}
	c.conn.Send(f.bytes)
	return nil
}

func (c *ioClient) position(passed map[string]int64) error {
	c.emit("position", map[string]any{"after": passed})
	return nil
}

// beat and flush are the library's affair.
func (c *ioClient) beat(bool) error { return nil }
func (c *ioClient) flush() error    { return nil }

// part says why the server ends the connection, and ends it.
func (c *ioClient) part() {
	defer c.conn.Cut()
	f := c.reason()
	if f == nil {
		return
	}
	if f.lagged != nil {
		c.emit("lagged", map[string]any{"sessionId": f.lagged.session, "resumeAfter": f.lagged.seq})
	}
	c.emit("closing", socketio.End{Code: f.code, Detail: f.reason})
	if f.code == codes.Unauthorized {
		c.conn.Dismiss()
	}
	c.conn.Settle(ioLastWords)
}

func (c *ioClient) emit(event string, arg any) {
	packet, err := socketio.Packet(event, arg)
	if err != nil {
		c.hub.Logger.Error("packet not encoded", zap.Error(err))
		return
	}
	c.conn.Send(packet)
}

// subscribe answers the client's event of this name.
func (c *ioClient) subscribe(request any, answer func(any)) {
	if c.frames.Wait(c.ctx) != nil {
		return
	}
	var f follow
	err := reread(request, &f)
	if err == nil {
		ctx, cancel := context.WithTimeout(c.ctx, ioHandshakeTry)
		defer cancel()
		var p plan
		if p, err = c.hub.plan(ctx, c.who, f); err == nil {
			c.sub.add(p, func() { answer(map[string]any{"sessions": p.sessions}) })
			return
		}
	}
	answer(map[string]any{"error": c.hub.reasonOf(c.ctx, err)})
}

// unsubscribe answers the client's event of this name.
func (c *ioClient) unsubscribe(request any, answer func(any)) {
	if c.frames.Wait(c.ctx) != nil {
		return
	}
	var f follow
	if err := reread(request, &f); err != nil {
		answer(map[string]any{"error": c.hub.reasonOf(c.ctx, err)})
		return
	}
	c.sub.drop(f.Sessions, func() { answer(map[string]any{"sessions": f.Sessions}) })
}
