package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

const eventStreamAbout = `Server-Sent Events: each has event (its name), data (its envelope {"id","seq","event","sessionId","timestamp","data"}) and id, an opaque cursor over all sessions of the stream.
With Last-Event-ID (browsers send it themselves), or with after, the missed events come first, in order, then live ones, without gap or repetition; after=0 begins with what is kept. A cursor is for the same sessions that its stream was asked for.
A browser's EventSource cannot set Authorization: there the cookie that a login sets does, on pages of the same origin.
A comment comes every 20 s, and an id without data where events went by that were not asked for, so that the cursor does not grow old: it is no event, and browsers resume with it. A client that reads too slowly is cut and comes back with its cursor. The stream ends with its token, or with the server; a last comment says why.`

const eventStreamRetry = 3 * time.Second // before a browser comes back

// eventStreams are the streams over Server-Sent Events.
type eventStreams struct{ *Hub }

func (h eventStreams) routes() []api.Route {
	query := func(name, about string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: about, Schema: &huma.Schema{Type: "string"}}
	}
	return []api.Route{{
		Methods: []string{http.MethodGet}, Path: api.Base + "/events", Scope: scope, Plain: true, Handle: h.serve,
		Fails: append(followFails(), codes.NotFound, codes.ValidationFailed, codes.CursorExpired, codes.TooManyStreams),
		Operations: []*huma.Operation{{
			Method: http.MethodGet, OperationID: "streamEvents", Tags: []string{Chapter}, Summary: "Events as a stream (Server-Sent Events)",
			Description: eventStreamAbout, Security: []map[string][]string{{"bearer": {}}},
			Parameters: []*huma.Param{
				query("sessions", "Ids, comma-separated; without: all of one's own, those made later too"), query("events", "Names, comma-separated; without: all"),
				query("after", "The id of the last event that you have; 0: from the beginning of what is kept"),
				{Name: "Last-Event-ID", In: "header", Description: "As after, and before it", Schema: &huma.Schema{Type: "string"}},
			},
			Responses: map[string]*huma.Response{"200": {
				Description: "OK", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}},
			}},
		}},
	}}
}

func (h eventStreams) serve(w http.ResponseWriter, r *http.Request) error {
	if !h.streams.enter(kindEvents) {
		return whatsapp.ErrStopping
	}
	defer h.streams.leave(kindEvents)
	token := api.TokenOf(r)
	who, err := h.listener(r.Context(), token)
	if err != nil {
		return err
	}
	p, err := h.plan(r, who)
	if err != nil {
		return err
	}
	cursor, err := newCursor(p)
	if err == nil {
		err = cursor.settle(r.Context(), h.Places)
	}
	if err != nil {
		return err
	}
	if api.OnlyHead(r.Context()) {
		eventHeaders(w)
		return nil
	}
	api.Stays(r.Context())
	s := &eventStream{subscriber: h.newSubscriber(r.Context()), encode: h.encodings.in(formEvents), w: w, rc: http.NewResponseController(w), cursor: cursor}
	defer s.close()
	if err := s.join(who.User.ID); err != nil {
		return err
	}
	defer context.AfterFunc(r.Context(), func() { s.end(errLeft) })()
	s.serve(token, p)
	return nil
}

// plan reads what the client wants to follow.
func (h eventStreams) plan(r *http.Request, who service.Caller) (plan, error) {
	q := r.URL.Query()
	f := follow{Sessions: commaList(q.Get("sessions")), Events: commaList(q.Get("events"))}
	from, field, in := q.Get("after"), "after", "query"
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		from, field, in = last, "Last-Event-ID", "header"
	}
	switch from {
	case "":
	case "0":
		f.After.one = new(int64)
	default:
		var err error
		f.After, err = h.resume(r.Context(), who, f.Sessions, from)
		if errors.Is(err, errNoCursor) {
			return plan{}, api.WrongParameter(field, in, err.Error())
		}
		if err != nil {
			return plan{}, err
		}
	}
	p, err := h.Hub.plan(r.Context(), who, f)
	var wrong service.Invalid
	if errors.As(err, &wrong) {
		for field, why := range wrong {
			return plan{}, api.WrongParameter(field, "query", why)
		}
	}
	return p, err
}

// commaList splits a query parameter; an empty one is nil.
func commaList(s string) []string {
	if s == "" {
		return nil
	}
	list := strings.Split(s, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// eventStream is one client of Server-Sent Events.
type eventStream struct {
	*subscriber
	encode func(store.Event) (frame, error)
	w      http.ResponseWriter
	rc     *http.ResponseController
	cursor cursor
}

// serve serves the client until one side has had enough.
func (s *eventStream) serve(token string, p plan) {
	// The stream outlives the deadlines that the server sets for a request.
	if err := s.rc.SetReadDeadline(time.Time{}); err != nil {
		s.end(errLeft)
		return
	}
	eventHeaders(s.w)
	// An id without data is no event, but it is what the client comes back with.
	if s.send(fmt.Appendf(nil, "retry: %d\nid: %s\n\n", eventStreamRetry.Milliseconds(), &s.cursor)) != nil || s.flush() != nil {
		return
	}
	s.begin(token, p.who)
	s.sub = s.hub.subscription(s.ctx, s)
	s.sub.follow(p)
	s.run()
	if f := s.reason(); f != nil && f.code != codes.Lagged && s.send(fmt.Appendf(nil, ": %s: %s\n\n", f.code, f.reason)) == nil {
		_ = s.flush() // the stream ends anyway
	}
}

// eventHeaders begins the answer.
func eventHeaders(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies that gather the answer would hold events back
	w.WriteHeader(http.StatusOK)
}

// event writes an event with the cursor that resumes after it.
func (s *eventStream) event(e store.Event) error {
	f, err := s.encode(e)
	if err != nil {
		return err
	}
	if err := s.reached(e.SessionID, e.Seq); err != nil {
		return err
	}
	if err := s.cursor.settle(s.ctx, s.hub.Places); err != nil {
		return err
	}
	if err := s.send(fmt.Appendf(nil, "id: %s\n", &s.cursor)); err != nil {
		return err
	}
	return s.send(f.bytes)
}

// position writes the cursor without data: no event, but a browser resumes with it.
func (s *eventStream) position(passed map[string]int64) error {
	for session, seq := range passed {
		if err := s.reached(session, seq); err != nil {
			return err
		}
	}
	if err := s.cursor.settle(s.ctx, s.hub.Places); err != nil {
		return err
	}
	return s.send(fmt.Appendf(nil, "id: %s\n\n", &s.cursor))
}

// beat writes a comment, which keeps proxies from closing.
func (s *eventStream) beat(bool) error { return s.send([]byte(": ping\n\n")) }

func (s *eventStream) flush() error { return s.failed(s.rc.Flush()) }

// reached moves the cursor on.
func (s *eventStream) reached(session string, seq int64) error {
	if s.cursor.move(session, seq) {
		return nil
	}
	r, err := s.hub.Sessions.Get(s.ctx, s.who, session) // made since the stream began
	switch {
	case err == nil:
		s.cursor.add(r, seq)
	case !errors.Is(err, store.ErrNotFound): // a deleted one needs no place in the cursor
		return err
	}
	return nil
}

func (s *eventStream) send(raw []byte) error {
	err := s.rc.SetWriteDeadline(time.Now().Add(streamWrite))
	if err == nil {
		_, err = s.w.Write(raw)
	}
	return s.failed(err)
}

// failed ends the stream when the client cannot be written to.
func (s *eventStream) failed(err error) error {
	if overdue(err) {
		return s.cutSlow(nil)
	}
	if err != nil {
		s.end(errLeft)
	}
	return err
}

// newCursor is where a plan begins.
func newCursor(p plan) (cursor, error) {
	c := cursor{all: p.all}
	if len(p.sessions) > cursorSessions {
		return c, api.WrongParameter("sessions", "query", fmt.Sprintf("one stream holds up to %d sessions", cursorSessions))
	}
	for id, seq := range p.points {
		c.add(p.records[id], seq)
	}
	return c, nil
}

// resume turns a cursor into where to begin.
func (h eventStreams) resume(ctx context.Context, who service.Caller, sessions []string, text string) (start, error) {
	records, err := h.followed(ctx, who, sessions)
	if err != nil {
		return start{}, err
	}
	return parseCursor(ctx, h.Places, text, records)
}
