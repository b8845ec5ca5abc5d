package stream

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gorilla/websocket"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/account"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

const webSocketAbout = `RFC 6455. The token goes into the header Authorization, or into Sec-WebSocket-Protocol as ["bearer", token], or into the first frame {"type":"auth","token":"…"}.
Client frames: {"type":"subscribe","sessions":[…],"events":[…],"after":seq}, {"type":"unsubscribe","sessions":[…]}, {"type":"ping"}. Without sessions: all of one's own, those made later too; without events: all. A further subscribe adds its sessions, with its events for them; those of other sessions stay as they are.
With after (a seq for one session, {"<sessionId>":seq} for several, 0 for the beginning of what is kept; of sessions that are not in the object, new events alone) the missed events come first, in order, then live ones, without gap or repetition.
Server frames: an event is its envelope {"id","seq","event","sessionId","timestamp","data"}; others have a type: authenticated, subscribed, unsubscribed, pong, error {code, detail}, position {after}, and lagged {sessionId, resumeAfter} before a client that reads too slowly is closed.
position comes every 20 s where events went by that were not asked for: after is an object as in subscribe, of those sessions, and for these what to resume from instead of the last seq that came, which may no longer be kept one day.
Close codes: 1001 the server stops, 4401 the token is not or no longer good, 4408 no token in time, 4409 too slow, 4410 what comes next is no longer kept (cursor_expired), 4412 a session was given to or taken from this user (come back), 4429 the user has too many streams open, 4503 the database is away.`

// Close codes of our own (4000–4999, RFC 6455 section 7.4.2).
const (
	closeUnauthorized = 4401
	closeNoToken      = 4408
	closeLagged       = 4409
	closeExpired      = 4410
	closeMoved        = 4412
	closeManyStreams  = 4429
	closeStoreAway    = 4503
)

var closeCodes = map[codes.Code]int{
	codes.Unauthorized: closeUnauthorized, codes.NoToken: closeNoToken, codes.Lagged: closeLagged, codes.CursorExpired: closeExpired,
	codes.TooManyStreams: closeManyStreams, codes.SessionHandedOver: closeMoved, codes.StoreUnavailable: closeStoreAway, codes.Stopping: websocket.CloseGoingAway,
}

const (
	socketReadLimit = 64 << 10         // bytes of a client's frame
	socketAuthWait  = 10 * time.Second // for the token in the first frame
	socketPong      = 10 * time.Second // for the answer to a ping
	socketCloseWait = 5 * time.Second  // for the client's answer to the close frame
	socketDrain     = 1 << 20          // bytes that are read, to no use, from a client that broke the rules
)

// webSockets are the streams over WebSocket.
type webSockets struct{ *Hub }

func (h webSockets) routes() []api.Route {
	return []api.Route{{
		Methods: []string{http.MethodGet}, Path: "/ws", Scope: scope, Plain: true, Handle: h.serve,
		Fails: append(followFails(), codes.WebSocketOnly, codes.WebSocketRefused, codes.TooManyStreams, codes.TooManySockets),
		Operations: []*huma.Operation{{
			Method: http.MethodGet, OperationID: "openWebSocket", Tags: []string{Chapter}, Summary: "Events over WebSocket", Description: webSocketAbout,
			Security:  []map[string][]string{{}, {"bearer": {}}},
			Responses: map[string]*huma.Response{"101": {Description: "Switching protocols: from here on frames go both ways"}},
		}},
	}}
}

func (h webSockets) serve(w http.ResponseWriter, r *http.Request) error {
	token, protocol := socketToken(r)
	var who service.Caller
	var err error
	switch {
	case token != "":
		if who, err = h.listener(r.Context(), token); err != nil {
			return err
		}
	default: // a browser's cookie will do, if it is good; else the first frame brings the token
		if who, err = h.listener(r.Context(), api.TokenOf(r)); err == nil {
			token = api.TokenOf(r)
		}
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || api.OnlyHead(r.Context()) {
		return api.NewProblem(codes.WebSocketOnly, "")
	}
	if !h.streams.enter(kindWebSocket) {
		return whatsapp.ErrStopping
	}
	defer h.streams.leave(kindWebSocket)
	s := &socket{subscriber: h.newSubscriber(r.Context()), encode: h.encodings.in(formEnvelope), frames: h.frames(), gone: make(chan struct{})}
	defer s.close()
	switch {
	case token != "":
		err = s.join(who.User.ID)
	case h.streams.full(h.Limits.Unauthenticated):
		err = api.ErrManyStrangers
	default:
		err = nil
	}
	if err != nil {
		return err
	}
	if s.conn, err = h.upgrader(protocol).Upgrade(w, r, nil); err != nil {
		h.Logger.Debug("websocket refused", zap.Error(err))
		return nil
	}
	api.Stays(r.Context())
	s.serve(token, who) // the request ends with the stream
	return nil
}

// upgrader does the handshake. Pages of the configured origins may open a socket, beside those
// of this server itself and clients that are no browsers.
func (h webSockets) upgrader(protocol string) *websocket.Upgrader {
	own := func(r *http.Request) bool { return api.OwnPage(h.Origins, r) }
	u := &websocket.Upgrader{CheckOrigin: own, Error: func(w http.ResponseWriter, r *http.Request, status int, _ error) {
		p := api.NewProblem(codes.WebSocketRefused, "").Under(status)
		p.RequestID = api.RequestOf(r.Context())
		if err := p.Write(w); err != nil {
			h.Logger.Debug("answer not written", zap.Error(err))
		}
	}}
	if protocol != "" {
		u.Subprotocols = []string{protocol}
	}
	return u
}

// socketToken finds the token in the headers, and the subprotocol to agree on: a browser
// cannot set Authorization, but it can offer ["bearer", token].
func socketToken(r *http.Request) (token, protocol string) {
	if t, ok := api.Bearer(r.Header.Get("Authorization")); ok {
		return t, ""
	}
	for _, header := range r.Header.Values("Sec-WebSocket-Protocol") {
		for offer := range strings.SplitSeq(header, ",") {
			offer = strings.TrimSpace(offer)
			bare := strings.TrimPrefix(offer, "bearer.")
			switch {
			case account.IsToken(bare):
				token = bare
				if protocol == "" {
					protocol = offer
				}
			case protocol == "" || account.IsToken(strings.TrimPrefix(protocol, "bearer.")):
				protocol = offer
			}
		}
	}
	return token, protocol
}

// clientFrame is what a client may send.
type clientFrame struct {
	Type  string `json:"type"`
	Token string `json:"token"`
	follow
}

// serverFrame is what the server says beside events.
type serverFrame struct {
	Type        string     `json:"type"`
	UserID      string     `json:"userId,omitempty"`
	Sessions    []string   `json:"sessions,omitempty"`
	Code        codes.Code `json:"code,omitempty"`
	Detail      string     `json:"detail,omitempty"`
	SessionID   string     `json:"sessionId,omitempty"`
	ResumeAfter *int64     `json:"resumeAfter,omitempty"`

	After map[string]int64 `json:"after,omitempty"`
}

// socket is one WebSocket client.
type socket struct {
	*subscriber
	encode func(store.Event) (frame, error)
	conn   *websocket.Conn
	frames *rate.Limiter // how fast the client's are taken
	gone   chan struct{} // closed when nothing more comes from the client
}

// serve serves the client until one side has had enough.
func (s *socket) serve(token string, who service.Caller) {
	s.conn.SetReadLimit(socketReadLimit)
	s.conn.SetPongHandler(func(string) error { return s.alive() })
	s.sub = s.hub.subscription(s.ctx, s)
	s.work.Go(s.writer)
	err := s.alive()
	if err == nil && token == "" {
		token, who, err = s.awaitToken()
	}
	if err == nil {
		s.begin(token, who)
		s.answer(serverFrame{Type: "authenticated", UserID: who.User.ID})
		s.read()
	}
	s.end(errLeft)
	s.stay()
	s.close()
}

// alive gives the client time until it has to answer the next ping.
func (s *socket) alive() error {
	return s.conn.SetReadDeadline(time.Now().Add(streamBeat + socketPong))
}

// stay takes what the client still sends, until it has left or is cut: whoever closes a
// connection on which something waits takes from the other side what was said last.
func (s *socket) stay() {
	defer close(s.gone)
	var err error
	for err == nil {
		_, _, err = s.conn.NextReader()
	}
	var left *websocket.CloseError
	if errors.As(err, &left) || overdue(err) {
		return
	}
	// A frame that breaks the rules: it was answered with a close frame, and nothing behind it
	// can be understood.
	if s.conn.SetReadDeadline(time.Now().Add(socketCloseWait)) == nil {
		_, _ = io.CopyN(io.Discard, s.conn.NetConn(), socketDrain)
	}
}

// read takes the client's frames.
func (s *socket) read() {
	for {
		_, raw, err := s.conn.ReadMessage()
		if err != nil || s.frames.Wait(s.ctx) != nil {
			return
		}
		var f clientFrame
		if err := json.Unmarshal(raw, &f); err != nil {
			detail := "A frame is a JSON object with a type: subscribe, unsubscribe or ping."
			if errors.Is(err, errAfter) {
				detail = errAfter.Error()
			}
			s.answer(serverFrame{Type: "error", Code: codes.BadFrame, Detail: detail})
			continue
		}
		s.on(f)
	}
}

// awaitToken takes the first frame, which must bring the token.
func (s *socket) awaitToken() (token string, who service.Caller, err error) {
	s.hub.streams.stranger(1)
	defer s.hub.streams.stranger(-1)
	ctx, cancel := context.WithTimeout(s.ctx, socketAuthWait)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { s.end(&closeReason{code: codes.NoToken, reason: "no token in time"}) })
	defer stop()
	_, raw, err := s.conn.ReadMessage()
	if err != nil {
		return "", who, err
	}
	var f clientFrame
	if err = json.Unmarshal(raw, &f); err == nil && f.Type == "auth" {
		if who, err = s.hub.listener(s.ctx, f.Token); err == nil {
			if err = s.join(who.User.ID); err == nil {
				return f.Token, who, nil
			}
		}
	}
	no := &closeReason{code: codes.Unauthorized, reason: "log in first"}
	if errors.Is(err, store.ErrUnavailable) { // whether the token is good cannot be known
		no = errStoreAway
	} else if errors.Is(err, api.ErrManyStreams) {
		no = errFull
	}
	s.end(no)
	return "", who, no
}

func (s *socket) on(f clientFrame) {
	switch f.Type {
	case "subscribe":
		p, err := s.hub.plan(s.ctx, s.who, f.follow)
		if err != nil {
			code, detail := s.hub.brief(s.ctx, err)
			s.answer(serverFrame{Type: "error", Code: code, Detail: detail})
			return
		}
		s.sub.add(p, func() { s.say(serverFrame{Type: "subscribed", Sessions: p.sessions}) })
	case "unsubscribe":
		s.sub.drop(f.Sessions, func() { s.say(serverFrame{Type: "unsubscribed", Sessions: f.Sessions}) })
	case "ping":
		s.answer(serverFrame{Type: "pong"})
	case "auth":
		s.answer(serverFrame{Type: "authenticated", UserID: s.who.User.ID})
	default:
		s.answer(serverFrame{Type: "error", Code: codes.UnknownType, Detail: "type must be subscribe, unsubscribe or ping"})
	}
}

// answer writes a frame in its turn.
func (s *socket) answer(f serverFrame) { s.sub.change(func() { s.say(f) }) }

// say writes a frame that is no event; what goes wrong ends the stream.
func (s *socket) say(f serverFrame) { _ = s.write(frame{bytes: f.encode()}) }

func (f serverFrame) encode() []byte {
	raw, err := json.Marshal(f)
	if err != nil { // a plain struct
		panic(err)
	}
	return raw
}

// writer is the only one who writes, but for answers to pings and close frames. At the end it
// says why.
func (s *socket) writer() {
	defer func() { _ = s.conn.Close() }() // it is of no use any more, whatever that says
	s.run()
	if !s.sayReason() {
		return
	}
	over := time.NewTimer(socketCloseWait)
	defer over.Stop()
	select {
	case <-s.gone:
	case <-over.C:
	}
}

// event writes an event. A client that leaves it untaken for long is given up: it learns, with
// what it takes after all, from where to resume.
func (s *socket) event(e store.Event) error {
	f, err := s.encode(e)
	if err != nil {
		return err
	}
	began := time.Now()
	if err = s.write(f); err == nil && time.Since(began) > streamPatience {
		err = s.cutSlow(&place{e.SessionID, e.Seq})
	}
	return err
}

func (s *socket) position(passed map[string]int64) error {
	return s.write(frame{bytes: serverFrame{Type: "position", After: passed}.encode()})
}

// beat asks for a sign of life. A client that is behind has more time for it: it reads the ping
// after everything that it has not taken yet, and when it takes nothing, a write tells.
func (s *socket) beat(behind bool) error {
	err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(streamWrite))
	if err == nil && behind {
		err = s.alive()
	}
	if err != nil {
		s.end(err)
	}
	return err
}

// flush has nothing to do: every frame is written at once.
func (s *socket) flush() error { return nil }

// sayReason sends the last word: for a lagging client where to resume, then the close frame. It
// says whether it could.
func (s *socket) sayReason() bool {
	f := s.reason()
	if f == nil { // the client has left, or cannot be written to
		return errors.Is(context.Cause(s.ctx), errLeft)
	}
	if f.lagged != nil {
		if s.write(frame{bytes: serverFrame{Type: "lagged", SessionID: f.lagged.session, ResumeAfter: &f.lagged.seq}.encode()}) != nil {
			return false
		}
	}
	text := websocket.FormatCloseMessage(closeCodes[f.code], f.reason)
	return s.conn.WriteControl(websocket.CloseMessage, text, time.Now().Add(socketCloseWait)) == nil
}

// write writes a frame, and ends the stream if it cannot.
func (s *socket) write(f frame) error {
	err := s.conn.SetWriteDeadline(time.Now().Add(streamWrite))
	switch {
	case err != nil:
	case f.socket != nil:
		err = s.conn.WritePreparedMessage(f.socket)
	default:
		err = s.conn.WriteMessage(websocket.TextMessage, f.bytes)
	}
	if overdue(err) {
		return s.cutSlow(nil)
	}
	if err != nil {
		s.end(err)
	}
	return err
}
