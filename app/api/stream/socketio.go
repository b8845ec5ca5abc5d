package stream

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/app/socketio"
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
	ioLastWords    = 5 * time.Second  // for the last words to reach a client that is cut
	ioHandshakeTry = 10 * time.Second // for the store, in a handshake or a command
	ioPackets      = 256              // that may wait for a client, before its subscription has to
	ioRoom         = 1 << 20          // bytes, likewise
	ioInbox        = 32               // packets of a client that wait to be worked on
)

// socketIO serves /socket.io: who may connect, what is sent, and why a client is told to go. The protocol
// is package socketio's.
type socketIO struct {
	hub    *Hub
	server *socketio.Server
}

func newSocketIO(h *Hub) *socketIO {
	s := &socketIO{hub: h}
	s.server = socketio.New(socketio.Config{
		PingInterval: ioPing, PingTimeout: ioPingTimeout, ConnectTimeout: ioConnect, WriteTimeout: streamWrite, Patience: streamPatience,
		MaxPayload: socketReadLimit, Room: ioRoom, Packets: ioPackets, Inbox: ioInbox,
		Connect: s.connect,
		Refusal: func(c *socketio.Conn, err error) (string, any) {
			code, detail := h.brief(c.Request().Context(), err)
			return detail, fact{code, detail}
		},
		Opened: func() (known func()) {
			h.streams.stranger(1)
			return func() { h.streams.stranger(-1) }
		},
		Slow: func() { h.logSlow(service.Caller{}) },
		Refuse: func(w http.ResponseWriter, r *http.Request, status int, detail string) {
			p := api.StatusProblem(status, detail)
			p.RequestID = api.RequestOf(r.Context())
			_ = p.Write(w) // who is not there any more does not need it
		},
	})
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
	r.Fails = []codes.Code{codes.BadRequest, codes.Forbidden, codes.TooManySockets, codes.TooManyRequests, codes.BodyTooLarge, codes.Stopping}
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
			},
		}
		if method == http.MethodPost {
			op.RequestBody = &huma.RequestBody{Required: true, Content: text("text/plain")}
			delete(op.Responses, "101")
			op.Responses["200"] = &huma.Response{Description: "ok", Content: text("text/plain")}
		}
		routes[0].Operations = append(routes[0].Operations, op) // the other path is the same, with a slash
	}
	return routes
}

// serve answers a request of Engine.IO. Who may ask from which page is decided here, and the answer's CORS
// headers are those of all routes.
func (s *socketIO) serve(w http.ResponseWriter, r *http.Request) error {
	fresh := !r.URL.Query().Has("sid")
	switch {
	case !api.OwnPage(s.hub.Origins, r):
		return api.NewProblem(codes.Forbidden, "Pages of this origin may not connect (FRONTEND_URL).")
	case api.OnlyHead(r.Context()): // a connection has no head
		w.Header().Set("Allow", "GET, POST")
		return api.StatusProblem(http.StatusMethodNotAllowed, "Use socket.io-client 4.x.")
	case fresh && s.hub.streams.full(s.hub.Limits.Unauthenticated):
		return api.ErrManyStrangers
	case fresh && s.hub.streams.ctx.Err() != nil:
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

// connect checks token and request, and makes the stream of a client whose handshake is good.
func (s *socketIO) connect(conn *socketio.Conn, auth json.RawMessage) (socketio.Client, error) {
	r := conn.Request()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), ioHandshakeTry)
	defer cancel()
	var h ioHandshake
	if err := decode(auth, &h); err != nil {
		return nil, err
	}
	token := strings.TrimPrefix(h.Token, "Bearer ")
	if token == "" {
		token = api.TokenOf(r)
	}
	who, err := s.hub.listener(ctx, token)
	if err != nil {
		return nil, err
	}
	p, err := s.hub.plan(ctx, who, h.follow)
	if err != nil {
		return nil, err
	}
	if !s.hub.streams.enter(kindSocketIO) {
		return nil, whatsapp.ErrStopping
	}
	c := &ioClient{subscriber: s.hub.newSubscriber(r.Context()), conn: conn, encode: s.hub.encodings.in(formSocketIO), frames: s.hub.frames()}
	if c.join(who.User.ID) != nil {
		c.end(errFull)
	}
	c.sub = s.hub.subscription(c.ctx, c)
	c.sub.follow(p)
	c.begin(token, who)
	return c, nil
}

// decode reads what a client says as one of our types.
func decode(raw json.RawMessage, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return service.Invalid{"auth": "token is a string, sessions and events are lists of strings; " + errAfter.Error()}
	}
	return nil
}

// ioClient is one client of Socket.IO.
type ioClient struct {
	*subscriber
	conn   *socketio.Conn
	encode func(store.Event) (frame, error)
	frames *rate.Limiter // how fast the client's are taken
}

// Begin has the client sent its events.
func (c *ioClient) Begin() {
	go func() {
		defer c.hub.streams.leave(kindSocketIO)
		defer c.close()
		defer context.AfterFunc(c.conn.Context(), func() { c.end(errLeft) })()
		c.run()
		c.part()
	}()
}

// Event answers what the client asks for.
func (c *ioClient) Event(name string, args []json.RawMessage, answer func(any)) {
	do := map[string]func(follow, func(any)) error{"subscribe": c.subscribe, "unsubscribe": c.unsubscribe}[name]
	if do == nil || c.frames.Wait(c.ctx) != nil {
		return
	}
	var f follow
	var err error
	if len(args) > 0 {
		err = decode(args[0], &f)
	}
	if err == nil {
		err = do(f, answer)
	}
	if err != nil {
		code, detail := c.hub.brief(c.ctx, err)
		answer(map[string]any{"error": fact{code, detail}})
	}
}

func (c *ioClient) subscribe(f follow, answer func(any)) error {
	ctx, cancel := context.WithTimeout(c.ctx, ioHandshakeTry)
	defer cancel()
	p, err := c.hub.plan(ctx, c.who, f)
	if err == nil {
		c.sub.add(p, func() { answer(map[string]any{"sessions": p.sessions}) })
	}
	return err
}

func (c *ioClient) unsubscribe(f follow, answer func(any)) error {
	c.sub.drop(f.Sessions, func() { answer(map[string]any{"sessions": f.Sessions}) })
	return nil
}

// event sends an event once there is room for it. A client that takes nothing meanwhile is given up.
func (c *ioClient) event(e store.Event) error {
	f, err := c.encode(e)
	if err != nil {
		return err
	}
	err = c.conn.Send(c.ctx, f.bytes)
	if errors.Is(err, socketio.ErrSlow) {
		return c.cutSlow(&place{e.SessionID, e.Seq - 1})
	}
	return err
}

func (c *ioClient) position(passed map[string]int64) error {
	c.emit("position", map[string]any{"after": passed})
	return nil
}

// beat and flush are package socketio's affair.
func (c *ioClient) beat(bool) error { return nil }
func (c *ioClient) flush() error    { return nil }

// part says why the server ends the connection, and ends it.
func (c *ioClient) part() {
	defer c.conn.Close()
	f := c.reason()
	if f == nil {
		return
	}
	if f.lagged != nil {
		c.emit("lagged", map[string]any{"sessionId": f.lagged.session, "resumeAfter": f.lagged.seq})
	}
	c.emit("closing", fact{f.code, f.reason})
	if f.code == codes.Unauthorized {
		c.conn.Disconnect() // the client does not come back by itself
	}
	c.conn.Settle(ioLastWords)
}

func (c *ioClient) emit(event string, arg any) {
	packet, err := socketio.Event(event, arg)
	if err != nil {
		c.hub.Logger.Error("packet not encoded", zap.Error(err))
		return
	}
	c.conn.Put(packet)
}
