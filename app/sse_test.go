package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox"
)

// sse is a client of Server-Sent Events.
type sse struct {
	t     testing.TB
	lines *bufio.Reader
	close func()
	last  string // id to resume with
}

// sse opens a stream; last is a cursor, or empty.
func (r *rig) sse(query, last string) *sse {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	req, err := http.NewRequestWithContext(ctx, "GET", r.url+"/api/v1/events"+query, nil)
	require.NoError(r.t, err)
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(r.t, err)
	require.Equal(r.t, 200, resp.StatusCode)
	require.Equal(r.t, "text/event-stream", resp.Header.Get("Content-Type"))
	s := &sse{t: r.t, lines: bufio.NewReader(resp.Body), close: func() { cancel(); _ = resp.Body.Close() }}
	r.t.Cleanup(s.close)
	begin, ok := s.next()
	require.True(r.t, ok)
	require.Equal(r.t, "3000", begin["retry"])
	require.NotEmpty(r.t, begin["id"], "there is a cursor before the first event")
	return s
}

// next reads a message: its fields, comments as field "". ok is false at the end.
func (s *sse) next() (fields map[string]string, ok bool) {
	s.t.Helper()
	fields = map[string]string{}
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return fields, false
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return fields, true
		}
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimPrefix(value, " ")
		if name == "id" {
			s.last = fields["id"]
		}
	}
}

// event is the next event's envelope.
func (s *sse) event() object {
	s.t.Helper()
	for {
		fields, ok := s.next()
		require.True(s.t, ok, "the stream has ended: %v", fields)
		if fields["data"] == "" {
			continue
		}
		var o object
		require.NoError(s.t, json.Unmarshal([]byte(fields["data"]), &o))
		require.Equal(s.t, fields["event"], o.str("event"))
		return o
	}
}

// ended reads on to the end and returns the last comment.
func (s *sse) ended() string {
	s.t.Helper()
	comment := ""
	for {
		fields, ok := s.next()
		if fields[""] != "" {
			comment = fields[""]
		}
		if !ok {
			return comment
		}
	}
}

// TestSSE follows two sessions, one of which is made later, over a restart: each event once, in order.
func TestSSE(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		send := func(text string) {
			_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: text})
			require.NoError(t, err)
		}
		s := r.sse("?events=new_messages,session_initialized", "")
		seqs := map[string]int64{}
		var got []string
		read := func(n int) {
			for len(got) < n {
				e := s.event()
				require.Greater(t, e.num("seq"), seqs[e.str("sessionId")])
				seqs[e.str("sessionId")] = e.num("seq")
				got = append(got, e.str("sessionId"))
			}
		}
		send("one")
		read(1)
		r.call("POST", "/api/v1/sessions", object{"id": "later", "name": "Later"}, 201)
		read(2)
		send("two")
		read(3)
		s.close()
		send("missed")
		r.call("POST", "/api/v1/sessions", object{"id": "missed", "name": "Missed"}, 201)
		r.stop()
		r = start(t, at)
		r.awaitState("shop", "connected")
		s = r.sse("?events=new_messages,session_initialized", s.last)
		read(5)
		send("live")
		read(6)
		require.ElementsMatch(t, []string{"shop", "later", "shop", "shop", "missed", "shop"}, got)
		cursor := s.last
		s.close()
		s = r.sse("?after="+cursor, "")
		send("once more")
		require.Equal(t, seqs["shop"]+1, s.event().num("seq"), "nothing again, nothing left out")

		// The cursor of a session that was deleted and made anew is refused, not misread.
		r.call("DELETE", "/api/v1/sessions/later", nil, 204)
		r.call("POST", "/api/v1/sessions", object{"id": "later", "name": "Later"}, 201)
		require.Equal(t, "cursor_expired", r.call("GET", "/api/v1/events", nil, 410, "Last-Event-ID", cursor).str("code"))
		r.stop()
		require.Contains(t, s.ended(), "stopping")
	})
}

func TestSSERefusals(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	r.call("POST", "/api/v1/sessions", object{"id": "shop", "name": "Shop"}, 201)
	r.call("POST", "/api/v1/sessions", object{"id": "other", "name": "Other"}, 201)
	for query, code := range map[string]string{
		"?sessions=nope": "not_found", "?sessions=shop,nope": "not_found", "?after=x": "validation_failed", "?after=AQ": "validation_failed", "?after=AQEC": "validation_failed",
	} {
		status := map[string]int{"not_found": 404, "validation_failed": 422}[code]
		require.Equal(t, code, r.call("GET", "/api/v1/events"+query, nil, status).str("code"), query)
	}
	s := r.sse("?sessions=shop,%20other&after=0", "")
	require.Equal(t, "session_initialized", s.event().str("event"))
	s.close()

	user := r.call("POST", "/api/v1/users", object{"email": "eve@example.com", "name": "Eve", "password": "another password"}, 201)
	s = r.as("eve@example.com", "another password").sse("", "")
	r.call("PUT", "/api/v1/users/"+user.str("id"), object{"active": false}, 200)
	require.Contains(t, s.ended(), "unauthorized")
}

// TestSSESlowClient lets one client read nothing: it is cut, and resumes without a gap.
func TestSSESlowClient(t *testing.T) {
	r, cut := startWatched(t)
	ana, bob := r.link("shop"), phone(t, "Bob")
	slow, fast := r.sse("?events=new_messages", ""), r.sse("?events=new_messages", "")
	seen := 0
	total := floodUntil(t, cut, bob, ana, func(total int) {
		for seen < total {
			seen += len(fast.event().obj("data").list("messages"))
		}
	})
	n, last := 0, int64(0)
	count := func(raw string) {
		var e object
		require.NoError(t, json.Unmarshal([]byte(raw), &e))
		require.Greater(t, e.num("seq"), last)
		last = e.num("seq")
		n += len(e.obj("data").list("messages"))
	}
	resume := ""
	for {
		fields, ok := slow.next()
		if !ok {
			break // what was cut in the middle does not count
		}
		if fields["data"] != "" {
			count(fields["data"])
			resume = fields["id"]
		}
	}
	require.Less(t, n, total, "it was cut")
	again := r.sse("?events=new_messages", resume)
	for n < total {
		raw, err := json.Marshal(again.event())
		require.NoError(t, err)
		count(string(raw))
	}
	require.Equal(t, total, n)
}

// TestAllTransportsTellTheSame compares what WebSocket, Socket.IO, Server-Sent Events and the
// event log say.
func TestAllTransportsTellTheSame(t *testing.T) {
	node := startNode(t)
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "before {n}", Count: 20})
		require.NoError(t, err)
		id := fmt.Sprint("same-", numbers.Add(1))
		io := node.connect(r, id, ways["upgrade"], object{"token": r.token, "sessions": []string{"shop"}, "after": 0}, nil)
		ws := r.stream(map[string]any{"type": "subscribe", "sessions": []string{"shop"}, "after": 0})
		sse := r.sse("?sessions=shop&after=0", "")
		_, err = bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "live {n}", Count: 50})
		require.NoError(t, err)
		n := 0
		r.awaitEvent("shop", 0, func(e object) bool {
			n += len(e.obj("data").list("messages"))
			return n == 70
		})
		sent := r.call("POST", "/api/v1/messages/sessions/shop/send/message", object{"to": bob.Number(), "text": "last"}, 201)
		r.awaitEvent("shop", 0, func(e object) bool {
			return e.str("event") == "message_status" && e.obj("data").str("messageId") == sent.str("id") && e.obj("data").str("status") == "delivered"
		})
		for i, want := range r.events("shop") {
			require.Equal(t, want, ws.until(func(o object) bool { return o.str("event") != "" }), "WebSocket, event %d", i)
			require.Equal(t, want, sse.event(), "Server-Sent Events, event %d", i)
			got := io.until(is("event"))
			require.Equal(t, want.str("event"), got.str("name"))
			envelope := got.obj("meta")
			data := got.obj("data")
			require.Equal(t, "shop", data.str("sessionId"))
			delete(data, "sessionId")
			envelope["data"] = map[string]any(data)
			require.Equal(t, want, envelope, "Socket.IO, event %d", i)
		}
		io.do("close", nil)
	})
}
