package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

const eventStreamAbout = `Server-Sent Events: each has event (its name), data (its envelope {"id","seq","event","sessionId","timestamp","data"}) and id, an opaque cursor over all sessions of the stream.
With Last-Event-ID (browsers send it themselves), or with after, the missed events come first, in order, then live ones, without gap or repetition; after=0 begins with what is kept. A cursor is for the same sessions that its stream was asked for.
A comment comes every 20 s, and an id without data where events went by that were not asked for, so that the cursor does not grow old: it is no event, and browsers resume with it. A client that reads too slowly is cut and comes back with its cursor. The stream ends with its token, or with the server; a last comment says why.`

const (
	eventStreamPing  = 20 * time.Second
	eventStreamRetry = 3 * time.Second // before a browser comes back
)

// eventStream serves GET /api/v1/events.
func (a *API) eventStream(c echo.Context) error {
	r := c.Request()
	if !a.streams.enter() {
		a.write(c, a.problemOf(r.Context(), whatsapp.ErrStopping))
		return nil
	}
	defer a.streams.leave()
	token := tokenOf(r)
	who, err := a.listener(r.Context(), token)
	if err != nil {
		a.write(c, a.problemOf(r.Context(), err))
		return nil
	}
	p, err := a.eventPlan(r, who)
	if err != nil {
		a.write(c, a.problemOf(r.Context(), err))
		return nil
	}
	cursor, err := newCursor(p)
	if err != nil {
		a.write(c, a.problemOf(r.Context(), err))
		return nil
	}
	s := &eventStream{stream: a.open(r.Context(), a.encodings.in(formEvents), idAlone), w: c.Response(), rc: http.NewResponseController(c.Response()), cursor: cursor}
	defer s.close()
	defer context.AfterFunc(r.Context(), func() { s.end(errLeft) })()
	s.run(token, p)
	return nil
}

// eventPlan reads what the client wants to follow.
func (a *API) eventPlan(r *http.Request, who service.Caller) (plan, error) {
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
		f.After, err = a.resume(r.Context(), who, f.Sessions, from)
		if errors.Is(err, errNoCursor) {
			return plan{}, wrongParameter(field, in, err.Error())
		}
		if err != nil {
			return plan{}, err
		}
	}
	return a.plan(r.Context(), who, f)
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
	*stream
	w      http.ResponseWriter
	rc     *http.ResponseController
	cursor cursor
}

// run serves the client until one side has had enough.
func (s *eventStream) run(token string, p plan) {
	// The stream outlives the deadlines that the server sets for a request.
	if err := s.rc.SetReadDeadline(time.Time{}); err != nil {
		s.end(errLeft)
		return
	}
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // proxies that gather the answer would hold events back
	s.w.WriteHeader(http.StatusOK)
	// An id without data is no event, but it is what the client comes back with.
	if s.send(fmt.Appendf(nil, "retry: %d\nid: %s\n\n", eventStreamRetry.Milliseconds(), &s.cursor)) != nil || s.rc.Flush() != nil {
		return
	}
	s.begin(token, p.who)
	s.sub.add(p, func() {})
	s.writer()
	if f := s.bye(); f != nil && s.send(fmt.Appendf(nil, ": %s: %s\n\n", f.code, f.reason)) == nil {
		_ = s.rc.Flush() // the stream ends anyway
	}
}

// writer writes until the stream ends.
func (s *eventStream) writer() {
	ping := time.NewTicker(eventStreamPing)
	defer ping.Stop()
	for s.ctx.Err() == nil {
		var err error
		if f, ok := s.queue.take(); ok {
			err = s.event(f)
		} else if err = s.rc.Flush(); err == nil {
			select {
			case <-s.queue.more:
			case <-ping.C:
				err = s.send([]byte(": ping\n\n"))
			case <-s.ctx.Done():
			}
		}
		if err != nil {
			s.end(errLeft)
		}
	}
}

// idAlone ends a message that has only its id: no event, but a browser resumes with it.
func idAlone(map[string]int64) []byte { return []byte("\n") }

// event writes an event with the cursor that resumes after it, or that cursor alone.
func (s *eventStream) event(f frame) error {
	if f.session != "" {
		f.passed = map[string]int64{f.session: f.seq}
	}
	for session, seq := range f.passed {
		if err := s.reached(session, seq); err != nil {
			return err
		}
	}
	if err := s.send(fmt.Appendf(nil, "id: %s\n", &s.cursor)); err != nil {
		return err
	}
	return s.send(f.bytes)
}

// reached moves the cursor on.
func (s *eventStream) reached(session string, seq int64) error {
	if s.cursor.move(session, seq) {
		return nil
	}
	r, err := s.api.Sessions.Get(s.ctx, s.who, session) // made since the stream began
	switch {
	case err == nil:
		s.cursor.add(r, seq)
	case !errors.Is(err, store.ErrNotFound): // a deleted one needs no place in the cursor
		return err
	}
	return nil
}

func (s *eventStream) send(raw []byte) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	_, err := s.w.Write(raw)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.api.Logger.Info(slowCut, zap.String("user", s.who.User.ID))
	}
	return err
}

// newCursor is where a plan begins.
func newCursor(p plan) (cursor, error) {
	c := cursor{all: p.all}
	if len(p.sessions) > cursorSessions {
		return c, wrongParameter("sessions", "query", fmt.Sprintf("one stream holds up to %d sessions", cursorSessions))
	}
	for id, seq := range p.points {
		c.add(p.records[id], seq)
	}
	return c, nil
}

// resume turns a cursor into where to begin.
func (a *API) resume(ctx context.Context, who service.Caller, sessions []string, text string) (after, error) {
	records, err := a.followed(ctx, who, sessions)
	if err != nil {
		return after{}, err
	}
	return parseCursor(text, records)
}

func wrongParameter(name, in, why string) *Problem {
	p := problem(http.StatusUnprocessableEntity, "validation_failed", "Some fields are wrong.", "")
	p.Errors = []FieldProblem{{Field: name, In: in, Message: why}}
	return p
}
