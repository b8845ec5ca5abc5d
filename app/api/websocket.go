package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp"
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

var closeCodes = map[string]websocket.StatusCode{
	byeUnauthorized: closeUnauthorized, byeNoToken: closeNoToken, byeLagged: closeLagged, byeExpired: closeLagged,
	byeStoreAway: closeStoreAway, byeStopping: websocket.StatusGoingAway,
}

const (
	socketReadLimit = 64 << 10         // bytes of a client's frame
	socketAuthWait  = 10 * time.Second // for the token in the first frame
	socketPing      = 25 * time.Second // keeps proxies from closing, and finds dead clients
)

// webSocket serves GET /ws.
func (a *API) webSocket(c echo.Context) error {
	r := c.Request()
	token, protocol := socketToken(r)
	var who service.Caller
	var err error
	switch {
	case token != "":
		if who, err = a.listener(r.Context(), token); err != nil {
			a.write(c, a.problemOf(r.Context(), err))
			return nil
		}
	default: // a browser's cookie will do, if it is good; else the first frame brings the token
		if who, err = a.listener(r.Context(), tokenOf(r)); err == nil {
			token = tokenOf(r)
		}
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		a.write(c, problem(http.StatusUpgradeRequired, "websocket_only", "This route speaks WebSocket only.", requestOf(r.Context())))
		return nil
	}
	if !a.streams.enter() {
		a.write(c, a.problemOf(r.Context(), whatsapp.ErrStopping))
		return nil
	}
	defer a.streams.leave()
	// Pages of the configured origins may open a socket, beside those of this server itself and
	// clients that are no browsers.
	options := &websocket.AcceptOptions{OriginPatterns: a.Origins, CompressionMode: websocket.CompressionDisabled}
	if protocol != "" {
		options.Subprotocols = []string{protocol}
	}
	answer := &refusal{ResponseWriter: c.Response()}
	conn, err := websocket.Accept(answer, r, options)
	if err != nil {
		a.Logger.Debug("websocket refused", zap.Error(err))
		a.write(c, problem(answer.status, "websocket_refused", "The handshake is not one of RFC 6455, or comes from a page of another site (FRONTEND_URL).", requestOf(r.Context())))
		return nil
	}
	conn.SetReadLimit(socketReadLimit)
	s := &socket{stream: a.open(r.Context(), a.encodings.in(formEnvelope)), conn: conn}
	s.run(token, who) // the request ends with the stream
	return nil
}

// refusal keeps back the plain text with which a handshake is refused; we answer with a problem.
type refusal struct {
	http.ResponseWriter
	status int // of the refusal; 0: none
}

// WriteHeader notes a refusal and lets anything else through.
func (r *refusal) WriteHeader(status int) {
	if r.status = status; status < 400 {
		r.ResponseWriter.WriteHeader(status)
	}
}

// Write drops the text of a refusal; after the handshake nobody writes here.
func (r *refusal) Write(p []byte) (int, error) { return len(p), nil }

// Unwrap is for whoever looks for a Hijacker.
func (r *refusal) Unwrap() http.ResponseWriter { return r.ResponseWriter }

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
	Type  string `json:"type"`
	Token string `json:"token"`
	follow
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
	*stream
	conn *websocket.Conn
}

// run serves the client until one side has had enough.
func (s *socket) run(token string, who service.Caller) {
	var written sync.WaitGroup
	written.Go(s.writer)
	if token != "" || s.awaitToken(&token, &who) {
		s.begin(token, who)
		s.answer(serverFrame{Type: "authenticated", UserID: who.User.ID})
		s.read()
	}
	s.close()
	written.Wait()
}

// read takes the client's frames.
func (s *socket) read() {
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
			s.answer(serverFrame{Type: "error", Code: "bad_frame", Detail: detail})
			continue
		}
		s.on(f)
	}
}

// awaitToken takes the first frame, which must bring the token.
func (s *socket) awaitToken(token *string, who *service.Caller) bool {
	ctx, cancel := context.WithTimeout(s.ctx, socketAuthWait)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { s.end(&farewell{code: byeNoToken, reason: "no token in time"}) })
	defer stop()
	_, raw, err := s.conn.Read(context.Background())
	if err != nil {
		return false
	}
	var f clientFrame
	if json.Unmarshal(raw, &f) == nil && f.Type == "auth" {
		if *who, err = s.api.listener(s.ctx, f.Token); err == nil {
			*token = f.Token
			return true
		}
	}
	s.end(&farewell{code: byeUnauthorized, reason: "log in first"})
	return false
}

func (s *socket) on(f clientFrame) {
	switch f.Type {
	case "subscribe":
		p, err := s.api.plan(s.ctx, s.who, f.follow)
		if err != nil {
			code, detail := s.api.brief(s.ctx, err)
			s.answer(serverFrame{Type: "error", Code: code, Detail: detail})
			return
		}
		s.sub.add(p, func() { s.answer(serverFrame{Type: "subscribed", Sessions: p.sessions}) })
	case "unsubscribe":
		s.sub.drop(f.Sessions, func() { s.answer(serverFrame{Type: "unsubscribed", Sessions: f.Sessions}) })
	case "ping":
		s.answer(serverFrame{Type: "pong"})
	case "auth":
		s.answer(serverFrame{Type: "authenticated", UserID: s.who.User.ID})
	default:
		s.answer(serverFrame{Type: "error", Code: "unknown_type", Detail: "type must be subscribe, unsubscribe or ping"})
	}
}

// answer queues a frame that is no event.
func (s *socket) answer(f serverFrame) {
	raw, err := json.Marshal(f)
	if err != nil { // a plain struct
		panic(err)
	}
	s.say(raw)
}

// writer is the only one who writes. At the end it says why.
func (s *socket) writer() {
	ping := time.NewTicker(socketPing)
	defer ping.Stop()
	for s.ctx.Err() == nil {
		if f, ok := s.queue.take(); ok {
			if err := s.writeFrame(f.bytes); err != nil {
				s.cut(err)
				return
			}
			continue
		}
		select {
		case <-s.queue.more:
		case <-ping.C:
			ctx, cancel := context.WithTimeout(context.Background(), streamWrite)
			err := s.conn.Ping(ctx)
			cancel()
			if err != nil {
				s.cut(err)
				return
			}
		case <-s.ctx.Done():
		}
	}
	s.sayBye()
}

// sayBye sends the last word: for a lagging client where to resume, then the close frame.
func (s *socket) sayBye() {
	f := s.bye()
	if f == nil {
		s.cut(errLeft)
		return
	}
	if f.lagged != nil {
		session, seq := s.resumeAfter(f)
		raw, err := json.Marshal(serverFrame{Type: "lagged", SessionID: session, ResumeAfter: &seq})
		if err != nil || s.writeFrame(raw) != nil {
			s.cut(err)
			return
		}
	}
	// Close waits for the client's answer, for five seconds; a client that does not read is cut.
	if err := s.conn.Close(closeCodes[f.code], f.reason); err != nil {
		s.cut(err)
	}
}

// cut ends the connection without a word.
func (s *socket) cut(why error) {
	s.end(why)
	_ = s.conn.CloseNow() // it is of no use any more, whatever that says
}

func (s *socket) writeFrame(frame []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), streamWrite)
	defer cancel()
	err := s.conn.Write(ctx, websocket.MessageText, frame)
	if ctx.Err() != nil {
		s.api.Logger.Info(slowCut, zap.String("user", s.who.User.ID))
	}
	return err
}
