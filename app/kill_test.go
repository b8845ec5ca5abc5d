package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox"
)

// TestKilledWhileReceiving kills the server, more than once, while messages come in. All of
// them are there exactly once, in order, and a client that resumes sees each once.
func TestKilledWhileReceiving(t *testing.T) {
	const total = 2000
	eachStore(t, func(t *testing.T, at place) {
		r := spawn(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		sent := make(chan error, 1)
		go func() {
			_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "message {n}", Count: total})
			sent <- err
		}()
		seen := &ledger{t: t, texts: map[string]int{}}
		for kills := 0; seen.messages < total; kills++ {
			target := seen.messages + total/4 // a client that is cut with the server, three times
			if kills == 3 {
				target = total
			}
			seen.follow(r, min(target, total))
			if seen.messages < total {
				r.kill()
				r = spawn(t, at)
				r.awaitState("shop", "connected")
			}
		}
		require.NoError(t, <-sent)
		r.stop()
		r = spawn(t, at)
		texts := []string{}
		for _, e := range r.events("shop") { // checks that seq has no gap
			for _, m := range e.obj("data").list("messages") {
				texts = append(texts, m.str("text"))
			}
		}
		want := make([]string, total)
		for i := range want {
			want[i] = fmt.Sprintf("message %d", i+1)
		}
		require.Equal(t, want, texts, "the log tells each message once, in order")
		require.Equal(t, want, r.storedTexts("shop", bob.Number()), "REST lists each message once, in order")
		require.EqualValues(t, total, r.call("GET", "/api/v1/messages/sessions/shop/chats", nil, 200).list("data")[0].num("unreadCount"))
		for text, n := range seen.texts {
			require.Equal(t, 1, n, "%q came %d times over the socket", text, n)
		}
		require.Len(t, seen.texts, total)
	})
}

// ledger is what a resuming client has seen.
type ledger struct {
	t        *testing.T
	seq      int64
	messages int
	texts    map[string]int
}

// follow resumes where the ledger is and reads until it has seen so many messages.
func (l *ledger) follow(r *rig, until int) {
	l.t.Helper()
	conn, _, err := websocket.Dial(l.t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + r.token}},
	})
	require.NoError(l.t, err)
	defer func() { _ = conn.CloseNow() }()
	require.NoError(l.t, wsjson.Write(l.t.Context(), conn, map[string]any{"type": "subscribe", "sessions": []string{"shop"}, "after": l.seq}))
	for l.messages < until {
		var f object
		require.NoError(l.t, wsjson.Read(l.t.Context(), conn, &f))
		if f.str("type") != "" {
			require.NotEqual(l.t, "error", f.str("type"), "%v", f)
			continue
		}
		require.Equal(l.t, l.seq+1, f.num("seq"), "the stream goes on without gap and without repetition")
		l.seq++
		for _, m := range f.obj("data").list("messages") {
			l.messages++
			l.texts[m.str("text")]++
		}
	}
}

// storedTexts lists the texts of a chat, oldest first, page by page.
func (r *rig) storedTexts(session, chat string) []string {
	r.t.Helper()
	var texts []string
	for cursor := ""; ; {
		page := r.call("GET", fmt.Sprintf("/api/v1/messages/sessions/%s/chats/%s/messages?limit=200&cursor=%s", session, chat, cursor), nil, 200)
		for _, m := range page.list("data") {
			texts = append([]string{m.str("text")}, texts...)
		}
		if cursor = page.str("nextCursor"); cursor == "" {
			return texts
		}
	}
}

func TestRestartBringsBackWhoListened(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("on"), phone(t, "Bob")
		r.link("off")
		r.call("POST", "/api/v1/sessions/off/stop", nil, 200)
		r.call("POST", "/api/v1/sessions", map[string]any{"id": "new", "name": "Never started"}, 201)
		r.stop()

		_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "while you were away"})
		require.NoError(t, err)
		r = start(t, at)
		r.awaitState("on", "connected")
		m := r.awaitEvent("on", 0, named("new_messages"))
		require.Equal(t, "while you were away", m.obj("data").list("messages")[0].str("text"))
		require.Equal(t, "stopped", r.call("GET", "/api/v1/sessions/off", nil, 200).str("state"))
		require.Equal(t, "created", r.call("GET", "/api/v1/sessions/new", nil, 200).str("state"))
		r.call("POST", "/api/v1/sessions/off/listen", nil, 200)
		r.awaitState("off", "connected")
		r.events("on")
		r.events("off")
	})
}
