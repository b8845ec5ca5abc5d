package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

const webSocketAbout = `RFC 6455. The token goes into the header Authorization, or into Sec-WebSocket-Protocol as ["bearer", token], or into the first frame {"type":"auth","token":"…"}.
Client frames: {"type":"subscribe","sessions":[…],"events":[…],"after":seq}, {"type":"unsubscribe","sessions":[…]}, {"type":"ping"}. Without sessions: all of one's own, those made later too; without events: all.
With after (a seq for one session, {"<sessionId>":seq} for several, 0 for the beginning of what is kept) the missed events come first, in order, then live ones, without gap or repetition.
Server frames: an event is its envelope {"id","seq","event","sessionId","timestamp","data"}; others have a type: authenticated, subscribed, unsubscribed, pong, error {code, detail}, and lagged {sessionId, resumeAfter} before a client that reads too slowly is closed.
Close codes: 1001 the server stops, 4401 the token is not or no longer good, 4408 no token in time, 4409 too slow, 4503 the database is away.`

// Close codes of our own (4000–4999, RFC 6455 section 7.4.2).
const (
	closeUnauthorized websocket.StatusCode = 4401
	closeNoToken      websocket.StatusCode = 4408
	closeLagged       websocket.StatusCode = 4409
	closeStoreAway    websocket.StatusCode = 4503
)

const (
	socketReadLimit = 64 << 10         // bytes of a client's frame
	socketAuthWait  = 10 * time.Second // for the token in the first frame
	socketPing      = 25 * time.Second // keeps proxies from closing, and finds dead clients
	socketWrite     = 10 * time.Second // for one frame
	socketQueue     = 256              // frames that wait for the client
	socketPatience  = 5 * time.Second  // with a full queue, before the client counts as lagging
)

// webSocket serves GET /ws.
func (a *API) webSocket(c echo.Context) error {
	r := c.Request()
	token, protocol := socketToken(r)
	var who service.Caller
	if token != "" {
		var err error
		if who, err = a.Tokens.Check(r.Context(), token); err != nil {
			a.write(c, a.problemOf(r.Context(), err))
			return nil
		}
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		a.write(c, problem(http.StatusUpgradeRequired, "websocket_only", "This route speaks WebSocket only.", requestOf(r.Context())))
		return nil
	}
	// Pages of the configured origins may open a socket, beside those of this server itself and
	// clients that are no browsers.
	options := &websocket.AcceptOptions{OriginPatterns: a.Origins, CompressionMode: websocket.CompressionDisabled}
	if protocol != "" {
		options.Subprotocols = []string{protocol}
	}
	conn, err := websocket.Accept(c.Response(), r, options)
	if err != nil { // Accept has answered
		a.Logger.Debug("websocket refused", zap.Error(err))
		return nil
	}
	conn.SetReadLimit(socketReadLimit)
	s := newSocket(a, conn, token, who)
	a.streams.Go(s.run)
	<-s.done // the request ends with the stream
	return nil
}

// socketToken finds the token in the headers, and the subprotocol to agree on: a browser
// cannot set Authorization, but it can offer ["bearer", token].
func socketToken(r *http.Request) (token, protocol string) {
	if t, ok := bearer(r.Header.Get("Authorization")); ok {
		return t, ""
	}
	for _, header := range r.Header.Values("Sec-WebSocket-Protocol") {
		for offer := range strings.SplitSeq(header, ",") {
			offer = strings.TrimSpace(offer)
			bare := strings.TrimPrefix(offer, "bearer.")
			switch {
			case strings.Count(bare, ".") == 2:
				token = bare
				if protocol == "" {
					protocol = offer
				}
			case protocol == "" || strings.Count(protocol, ".") >= 2:
				protocol = offer
			}
		}
	}
	return token, protocol
}

// clientFrame is what a client may send.
type clientFrame struct {
	Type     string   `json:"type"`
	Token    string   `json:"token"`
	Sessions []string `json:"sessions"`
	Events   []string `json:"events"`
	After    after    `json:"after"`
}

// serverFrame is what the server says beside events.
type serverFrame struct {
	Type        string   `json:"type"`
	UserID      string   `json:"userId,omitempty"`
	Sessions    []string `json:"sessions,omitempty"`
	Code        string   `json:"code,omitempty"`
	Detail      string   `json:"detail,omitempty"`
	SessionID   string   `json:"sessionId,omitempty"`
	ResumeAfter *int64   `json:"resumeAfter,omitempty"`
}

// socket is one WebSocket client.
type socket struct {
	api   *API
	conn  *websocket.Conn
	token string
	who   service.Caller
	queue chan queued
	sub   *subscription
	done  chan struct{}
	ctx   context.Context // ends when the socket should; never handed to a write, which it would cut in the middle
	end   context.CancelCauseFunc
}

// queued is a frame that waits for the client.
type queued struct {
	frame []byte
	event *store.Event // nil for frames that are no event
}

// farewell is why a socket is closed, as its client is told.
type farewell struct {
	code   websocket.StatusCode
	reason string
	lagged *store.Event // the first event that the client does not get
}

func (f *farewell) Error() string { return f.reason }

func newSocket(a *API, conn *websocket.Conn, token string, who service.Caller) *socket {
	s := &socket{api: a, conn: conn, token: token, who: who, queue: make(chan queued, socketQueue), done: make(chan struct{})}
	s.ctx, s.end = context.WithCancelCause(context.Background())
	return s
}

// run serves the client until one side has had enough.
func (s *socket) run() {
	defer close(s.done)
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.writer()
	}()
	s.read()
	s.end(errors.New("client left"))
	if s.sub != nil {
		s.sub.close()
	}
	<-written
}

// read takes the client's frames.
func (s *socket) read() {
	if s.token == "" && !s.awaitToken() {
		return
	}
	s.sub = s.api.subscription(s.ctx, s.who, s.push)
	context.AfterFunc(s.sub.ctx, func() { s.end(s.closing(context.Cause(s.sub.ctx))) })
	s.sub.work.Go(s.guard)
	s.say(serverFrame{Type: "authenticated", UserID: s.who.User.ID})
	for {
		_, raw, err := s.conn.Read(context.Background()) // ends when the writer closes the socket
		if err != nil {
			return
		}
		var f clientFrame
		if err := json.Unmarshal(raw, &f); err != nil {
			detail := "A frame is a JSON object with a type: subscribe, unsubscribe or ping."
			if errors.Is(err, errAfter) {
				detail = errAfter.Error()
			}
			s.say(serverFrame{Type: "error", Code: "bad_frame", Detail: detail})
			continue
		}
		s.on(f)
	}
}

// awaitToken takes the first frame, which must bring the token.
func (s *socket) awaitToken() bool {
	ctx, cancel := context.WithTimeout(s.ctx, socketAuthWait)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { s.end(&farewell{code: closeNoToken, reason: "no token in time"}) })
	defer stop()
	_, raw, err := s.conn.Read(context.Background())
	if err != nil {
		return false
	}
	var f clientFrame
	if json.Unmarshal(raw, &f) == nil && f.Type == "auth" {
		if s.who, err = s.api.Tokens.Check(s.ctx, f.Token); err == nil {
			s.token = f.Token
			return true
		}
	}
	s.end(&farewell{code: closeUnauthorized, reason: "log in first"})
	return false
}

func (s *socket) on(f clientFrame) {
	switch f.Type {
	case "subscribe":
		begun := func(sessions []string) { s.say(serverFrame{Type: "subscribed", Sessions: sessions}) }
		if err := s.sub.add(follow{Sessions: f.Sessions, Events: f.Events, After: f.After}, begun); err != nil {
			p := s.api.problemOf(s.ctx, err)
			detail := p.Detail
			for _, e := range p.Errors {
				detail += " " + e.Field + ": " + e.Message
			}
			s.say(serverFrame{Type: "error", Code: p.Code, Detail: detail})
		}
	case "unsubscribe":
		s.sub.drop(f.Sessions)
		s.say(serverFrame{Type: "unsubscribed", Sessions: f.Sessions})
	case "ping":
		s.say(serverFrame{Type: "pong"})
	case "auth":
		s.say(serverFrame{Type: "authenticated", UserID: s.who.User.ID})
	default:
		s.say(serverFrame{Type: "error", Code: "unknown_type", Detail: "type must be subscribe, unsubscribe or ping"})
	}
}

// guard closes the socket when its token ends or its user may no longer call.
func (s *socket) guard() {
	expiry := time.NewTimer(time.Until(s.who.ExpiresAt))
	defer expiry.Stop()
	for {
		ended := s.api.Tokens.Ended()
		if _, err := s.api.Tokens.Check(s.ctx, s.token); errors.Is(err, service.ErrUnauthorized) {
			s.end(&farewell{code: closeUnauthorized, reason: "the token is no longer good"})
			return
		}
		select {
		case <-ended:
		case <-expiry.C:
		case <-s.ctx.Done():
			return
		}
	}
}

// push queues an event for the client; it is the subscription's sink. A client that takes
// nothing for a while although its queue is full is lagging.
func (s *socket) push(e store.Event) error {
	raw, err := json.Marshal(envelope(e))
	if err != nil {
		return err
	}
	item := queued{raw, &e}
	select {
	case s.queue <- item:
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	default:
	}
	patience := time.NewTimer(socketPatience)
	defer patience.Stop()
	select {
	case s.queue <- item:
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	case <-patience.C:
		bye := &farewell{code: closeLagged, reason: "the client reads too slowly", lagged: &e}
		s.end(bye)
		return bye
	}
}

// say queues a frame that is no event.
func (s *socket) say(f serverFrame) {
	raw, err := json.Marshal(f)
	if err != nil { // a plain struct
		panic(err)
	}
	select {
	case s.queue <- queued{frame: raw}:
	case <-s.ctx.Done():
	}
}

// closing gives the end of a subscription its close code.
func (s *socket) closing(cause error) error {
	var bye *farewell
	switch {
	case errors.As(cause, &bye):
		return bye
	case errors.Is(cause, store.ErrUnavailable):
		return &farewell{code: closeStoreAway, reason: "the database is away; come back and resume"}
	case errors.Is(cause, store.ErrExpired):
		return &farewell{code: closeLagged, reason: "events the client has not seen are no longer kept"}
	}
	return cause
}

// writer is the only one who writes. At the end it says why.
func (s *socket) writer() {
	ping := time.NewTicker(socketPing)
	defer ping.Stop()
	last := map[string]int64{} // what the client has, by session
	for {
		select {
		case item := <-s.queue:
			if err := s.writeFrame(item.frame); err != nil {
				s.cut(err)
				return
			}
			if item.event != nil {
				last[item.event.SessionID] = item.event.Seq
			}
		case <-ping.C:
			ctx, cancel := context.WithTimeout(context.Background(), socketWrite)
			err := s.conn.Ping(ctx)
			cancel()
			if err != nil {
				s.cut(err)
				return
			}
		case <-s.api.closing:
			s.end(&farewell{code: websocket.StatusGoingAway, reason: "the server stops"})
			s.bye(last)
			return
		case <-s.ctx.Done():
			s.bye(last)
			return
		}
	}
}

// bye sends the last word: for a lagging client where to resume, then the close frame.
func (s *socket) bye(last map[string]int64) {
	var f *farewell
	if !errors.As(context.Cause(s.ctx), &f) {
		s.cut(nil) // the client has left
		return
	}
	if f.lagged != nil {
		seq, known := last[f.lagged.SessionID]
		if !known {
			seq = f.lagged.Seq - 1 - int64(len(s.queue))
		}
		raw, err := json.Marshal(serverFrame{Type: "lagged", SessionID: f.lagged.SessionID, ResumeAfter: &seq})
		if err != nil || s.writeFrame(raw) != nil {
			s.cut(nil)
			return
		}
	}
	// Close waits for the client's answer, for five seconds; a client that does not read is cut.
	if err := s.conn.Close(f.code, f.reason); err != nil {
		s.cut(err)
	}
}

// cut ends the connection without a word.
func (s *socket) cut(why error) {
	s.end(why)
	_ = s.conn.CloseNow() // it is of no use any more, whatever that says
}

func (s *socket) writeFrame(frame []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), socketWrite)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, frame)
}
