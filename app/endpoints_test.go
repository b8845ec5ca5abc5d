package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
	"whatsapp-api/whatsapp/sandbox"
)

func TestBadInput(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	r.link("shop")
	r.call("POST", "/api/v1/sessions", map[string]any{"id": "idle", "name": "Idle"}, 201)
	send := "/api/v1/messages/sessions/shop/send/message"
	for _, c := range []struct {
		name, method, path string
		body               any
		status             int
		code, field        string
	}{
		{"no such route", "GET", "/api/v1/nothing", nil, 404, "no_such_route", ""},
		{"wrong method", "PATCH", "/api/v1/sessions", nil, 405, "method_not_allowed", ""},
		{"bad email", "POST", "/api/v1/users", map[string]any{"email": "x", "name": "X", "password": "long enough 1"}, 422, "validation_failed", "email"},
		{"short password", "POST", "/api/v1/users", map[string]any{"email": "x@y.es", "name": "X", "password": "short"}, 422, "validation_failed", "password"},
		{"bad role", "POST", "/api/v1/users", map[string]any{"email": "x@y.es", "name": "X", "password": "long enough 1", "role": "king"}, 422, "validation_failed", "role"},
		{"taken email", "POST", "/api/v1/users", map[string]any{"email": strings.ToUpper(adminEmail), "name": "X", "password": "long enough 1"}, 409, "email_taken", ""},
		{"bad session id", "POST", "/api/v1/sessions", map[string]any{"id": "No Good", "name": "X"}, 422, "validation_failed", "id"},
		{"path in session id", "POST", "/api/v1/sessions", map[string]any{"id": "../x", "name": "X"}, 422, "validation_failed", "id"},
		{"taken session id", "POST", "/api/v1/sessions", map[string]any{"id": "shop", "name": "X"}, 409, "session_exists", ""},
		{"no name", "POST", "/api/v1/sessions", map[string]any{}, 422, "validation_failed", "name"},
		{"unknown field", "POST", "/api/v1/sessions", map[string]any{"name": "X", "nmae": "X"}, 422, "validation_failed", "nmae"},
		{"limit too large", "GET", "/api/v1/sessions?limit=1000", nil, 422, "validation_failed", "limit"},
		{"bad cursor", "GET", "/api/v1/sessions?cursor=x", nil, 400, "bad_cursor", ""},
		{"bad address", "POST", send, map[string]any{"to": "hello", "text": "x"}, 422, "bad_address", ""},
		{"trunk zero", "POST", send, map[string]any{"to": "0600112233", "text": "x"}, 422, "bad_address", ""},
		{"no text", "POST", send, map[string]any{"to": "34600000000"}, 422, "validation_failed", "text"},
		{"blank text", "POST", send, map[string]any{"to": "34600000000", "text": " "}, 422, "validation_failed", "text"},
		{"long text", "POST", send, map[string]any{"to": "34600000000", "text": strings.Repeat("x", 70_000)}, 422, "validation_failed", "text"},
		{"unknown number", "POST", send, map[string]any{"to": "+34 999 999 999", "text": "x"}, 422, "not_on_whatsapp", ""},
		{"unknown quote", "POST", send, map[string]any{"to": phone(t, "P").Number(), "text": "x", "quotedMessageId": "NONE"}, 422, "quoted_not_found", ""},
		{"offline", "POST", "/api/v1/messages/sessions/idle/send/message", map[string]any{"to": "34600000000", "text": "x"}, 409, "session_offline", ""},
		{"unlink unlinked", "POST", "/api/v1/sessions/idle/disconnect", nil, 409, "not_linked", ""},
		{"no code yet", "GET", "/api/v1/sessions/idle/qr?wait=0", nil, 409, "qr_not_ready", ""},
		{"empty limit", "GET", "/api/v1/sessions?limit=", nil, 422, "validation_failed", "limit"},
		{"unknown chat", "GET", "/api/v1/messages/sessions/shop/chats/34999999999", nil, 404, "not_found", ""},
		{"bad chat", "GET", "/api/v1/messages/sessions/shop/chats/..%2f..%2fetc/messages", nil, 422, "bad_address", ""},
		{"bad moment", "GET", "/api/v1/messages/sessions/shop/chats/34999999999/messages?before=yesterday", nil, 422, "validation_failed", "before"},
		{"cleanup without limit", "POST", "/api/v1/messages/sessions/shop/cleanup", map[string]any{}, 422, "validation_failed", "olderThanDays"},
		{"no such event", "GET", "/api/v1/events?events=new_message", nil, 422, "validation_failed", "events"},
		{"events ahead of the log", "GET", "/api/v1/sessions/shop/events?after=100000", nil, 410, "cursor_expired", ""},
		{"too large", "POST", send, map[string]any{"to": "34600000000", "text": strings.Repeat("x", 2<<20)}, 413, "body_too_large", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, raw, header := r.raw(c.method, c.path, c.body)
			require.Equal(t, c.status, code, "%s", raw)
			require.Equal(t, "application/problem+json", header.Get("Content-Type"))
			var p object
			require.NoError(t, json.Unmarshal(raw, &p))
			require.Equal(t, c.code, p.str("code"))
			require.EqualValues(t, c.status, p.num("status"))
			require.NotEmpty(t, p.str("title"))
			require.NotEmpty(t, p.str("detail"))
			require.Equal(t, header.Get("X-Request-Id"), p.str("requestId"))
			if c.field != "" {
				fields := []string{}
				for _, e := range p.list("errors") {
					fields = append(fields, e.str("field"))
					require.NotEmpty(t, e.str("message"))
				}
				require.Contains(t, fields, c.field)
				require.Equal(t, "Some fields are wrong.", p.str("detail"))
				require.NotContains(t, string(raw), "2006-01-02", "a pattern of Go's tells nobody anything")
			}
		})
	}
	t.Run("not JSON", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), "POST", r.url+"/api/v1/sessions", strings.NewReader(`{"name":`))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+r.token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultTransport.(*http.Transport).Clone().RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 400, resp.StatusCode)
	})
}

func TestUsers(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		u := r.call("POST", "/api/v1/users", map[string]any{"email": "Ana@Example.com", "name": "Ana Ñ", "password": "another password"}, 201)
		require.Equal(t, "ana@example.com", u.str("email"))
		require.Equal(t, "user", u.str("role"))
		require.Equal(t, true, u["active"])
		require.Nil(t, u["lastLoginAt"])
		require.NotContains(t, fmt.Sprint(u), "argon2id", "no hash leaves the server")
		ana := r.as("ana@example.com", "another password")
		require.NotNil(t, ana.call("GET", "/api/v1/users/me", nil, 200)["lastLoginAt"])
		require.Equal(t, "Ana", ana.call("PUT", "/api/v1/users/me", map[string]any{"name": "Ana"}, 200).str("name"))
		ana.call("PUT", "/api/v1/users/me", map[string]any{"role": "admin"}, 422)
		require.Len(t, r.call("GET", "/api/v1/users", nil, 200).list("data"), 2)
		page := r.call("GET", "/api/v1/users?limit=1", nil, 200)
		require.Len(t, page.list("data"), 1)
		require.Len(t, r.call("GET", "/api/v1/users?limit=1&cursor="+page.str("nextCursor"), nil, 200).list("data"), 1)
		r.call("PUT", "/api/v1/users/"+u.str("id")+"/password", map[string]any{"password": "set by the admin"}, 204)
		ana.call("GET", "/api/v1/users/me", nil, 401)
		r.call("DELETE", "/api/v1/users/"+u.str("id"), nil, 204)
		r.call("GET", "/api/v1/users/"+u.str("id"), nil, 404)
	})
}

func TestSessionsLife(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		s := r.call("POST", "/api/v1/sessions", map[string]any{"name": "Sin id"}, 201)
		require.Regexp(t, regexp.MustCompile(`^[a-z0-9_-]{1,64}$`), s.str("id"))
		require.Equal(t, "created", s.str("state"))
		require.Equal(t, true, s["sandbox"])
		r.call("DELETE", "/api/v1/sessions/"+s.str("id"), nil, 204)
		r.call("GET", "/api/v1/sessions/"+s.str("id"), nil, 404)

		ana, bob := r.link("shop"), phone(t, "Bob")
		require.Equal(t, "listening", r.call("POST", "/api/v1/sessions/shop/listen", nil, 200).str("desired"), "once more does no harm")
		require.Equal(t, "Tienda", r.call("PUT", "/api/v1/sessions/shop", map[string]any{"name": "Tienda"}, 200).str("name"))
		_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "kept"})
		require.NoError(t, err)
		r.awaitEvent("shop", 0, named("new_messages"))

		require.Equal(t, "stopped", r.call("POST", "/api/v1/sessions/shop/stop", nil, 200).str("state"))
		require.Equal(t, "already_linked", r.call("GET", "/api/v1/sessions/shop/qr", nil, 409).str("code"))
		r.call("POST", "/api/v1/sessions/shop/listen", nil, 200)
		r.awaitState("shop", "connected")

		gone := r.call("POST", "/api/v1/sessions/shop/disconnect", nil, 200)
		require.Equal(t, "logged_out", gone.str("state"))
		require.Nil(t, gone["phone"])
		require.Empty(t, ana.Devices(), "the phone knows that the device has left")
		require.Len(t, r.call("GET", "/api/v1/messages/sessions/shop/chats", nil, 200).list("data"), 1, "data stay")

		code := r.call("GET", "/api/v1/sessions/shop/qr?wait=30", nil, 200).str("code")
		_, err = ana.Scan(t.Context(), code)
		require.NoError(t, err)
		r.awaitState("shop", "connected")
		require.NoError(t, ana.LogoutDevice(ana.Devices()[0]))
		r.awaitState("shop", "logged_out")
		r.events("shop")
		r.call("DELETE", "/api/v1/sessions/shop", nil, 204)
		r.call("GET", "/api/v1/messages/sessions/shop/chats", nil, 404)
	})
}

func TestIdempotentSends(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		r.link("shop")
		bob := phone(t, "Bob")
		body := map[string]any{"to": bob.Number(), "text": "once"}
		send := func(key string, body any) (int, object, http.Header) {
			code, raw, header := r.raw("POST", "/api/v1/messages/sessions/shop/send/message", body, "Idempotency-Key", key)
			var o object
			require.NoError(t, json.Unmarshal(raw, &o))
			return code, o, header
		}
		code, first, header := send("k1", body)
		require.Equal(t, 201, code, "%v", first)
		require.Empty(t, header.Get("Idempotency-Replayed"))
		code, again, header := send("k1", body)
		require.Equal(t, 201, code)
		require.Equal(t, "true", header.Get("Idempotency-Replayed"))
		require.Equal(t, first, again)
		code, p, _ := send("k1", map[string]any{"to": bob.Number(), "text": "other"})
		require.Equal(t, 422, code)
		require.Equal(t, "idempotency_key_reused", p.str("code"))

		var wg sync.WaitGroup
		codes := make([]int, 10)
		for i := range codes {
			wg.Go(func() { codes[i], _, _ = send("k2", map[string]any{"to": bob.Number(), "text": "raced"}) })
		}
		wg.Wait()
		for _, c := range codes {
			require.Contains(t, []int{201, 409}, c)
		}
		require.Contains(t, codes, 201)
		code, _, _ = send("k3", map[string]any{"to": bob.Number(), "text": "last"})
		require.Equal(t, 201, code)
		got, err := bob.WaitMessages(t.Context(), 0, 3)
		require.NoError(t, err)
		require.Len(t, got, 3)
		require.Equal(t, []string{"once", "raced", "last"}, []string{got[0].Text, got[1].Text, got[2].Text})
	})
}

func TestRefusedAndUnconfirmedSends(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.SendTimeout = time.Second })
	ana, bob := r.link("shop"), phone(t, "Bob")
	send := func(text string, status int) object {
		return r.call("POST", "/api/v1/messages/sessions/shop/send/message", map[string]any{"to": bob.Number(), "text": text}, status)
	}
	send("first", 201)
	require.NoError(t, theWorld.server.AddFaults(sandbox.Fault{Kind: sandbox.FaultAckError, Phone: ana.Number(), Code: 463, Count: 1}))
	p := send("refused", 502)
	require.Equal(t, "whatsapp_refused", p.str("code"))
	require.Contains(t, p.str("detail"), "463")
	failed := r.awaitEvent("shop", 0, named("message_error")).obj("data")
	require.Equal(t, "failed", failed.obj("message").str("status"))
	status := r.awaitEvent("shop", 0, func(e object) bool {
		return e.str("event") == "message_status" && e.obj("data").str("status") == "failed"
	}).obj("data")
	require.Equal(t, failed.obj("message").str("id"), status.str("messageId"))
	require.Equal(t, "whatsapp_refused", status.obj("error").str("code"))
	require.Equal(t, ana.Number(), status.obj("by").str("phone"))

	require.NoError(t, theWorld.server.AddFaults(sandbox.Fault{Kind: sandbox.FaultAckLost, Phone: ana.Number(), Count: 1}))
	require.Equal(t, "send_unconfirmed", send("acknowledgement lost", 504).str("code"))
	// It reached Bob, whose receipt proves it; when the session comes back nothing is sent twice.
	r.call("POST", "/api/v1/sessions/shop/stop", nil, 200)
	r.call("POST", "/api/v1/sessions/shop/listen", nil, 200)
	r.awaitState("shop", "connected")
	send("after", 201)
	got, err := bob.WaitMessages(t.Context(), 0, 3)
	require.NoError(t, err)
	texts := []string{}
	for _, m := range got {
		texts = append(texts, m.Text)
	}
	require.Equal(t, []string{"first", "acknowledgement lost", "after"}, texts)
	r.awaitEvent("shop", 0, func(e object) bool {
		return e.str("event") == "message_status" && e.obj("data").str("messageId") == got[2].ID && e.obj("data").str("status") == "delivered"
	})
	texts = nil
	for _, e := range r.events("shop") {
		if e.str("event") == "message_sent" {
			texts = append(texts, e.obj("data").obj("message").str("text"))
		}
	}
	require.Equal(t, []string{"first", "acknowledgement lost", "after"}, texts, "each is told to be sent once")
}

func TestCleanup(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	ana, bob := r.link("shop"), phone(t, "Bob")
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "old {n}", Count: 5})
	require.NoError(t, err)
	n := 0
	r.awaitEvent("shop", 0, func(e object) bool {
		n += len(e.obj("data").list("messages"))
		return n == 5
	})
	path := "/api/v1/messages/sessions/shop/cleanup"
	require.Zero(t, r.call("POST", path, map[string]any{"olderThanDays": 1}, 200).num("deletedMessages"))
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	require.EqualValues(t, 5, r.call("POST", path, map[string]any{"before": later, "dryRun": true}, 200).num("deletedMessages"))
	require.EqualValues(t, 5, r.call("POST", path, map[string]any{"before": later}, 200).num("deletedMessages"))
	chats := r.call("GET", "/api/v1/messages/sessions/shop/chats", nil, 200).list("data")
	require.Len(t, chats, 1)
	require.Nil(t, chats[0]["lastMessage"])
}

func TestDocumentMatchesRoutes(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	doc := r.call("GET", "/api/v1/openapi.json", nil, 200)
	require.Regexp(t, `^3\.1\.`, doc.str("openapi"))
	described := map[string]bool{}
	for path, methods := range doc.obj("paths") {
		for method, op := range methods.(map[string]any) {
			key := strings.ToUpper(method) + " " + path
			described[key] = true
			declared := map[string]bool{}
			for _, p := range object(op.(map[string]any)).list("parameters") {
				declared[p.str("in")+" "+p.str("name")] = true
			}
			for _, m := range regexp.MustCompile(`\{([^}]+)\}`).FindAllStringSubmatch(path, -1) {
				require.True(t, declared["path "+m[1]], "%s does not declare {%s}", key, m[1])
			}
		}
	}
	for route := range r.app.front.Served() {
		if path := strings.SplitN(route, " ", 2)[1]; strings.HasPrefix(path, "/docs") || strings.HasPrefix(path, "/sandbox") {
			continue // pages, and what exists in sandbox mode only
		}
		require.True(t, described[strings.TrimSuffix(route, "/")], "%s is not in the document", route) // /socket.io/ is /socket.io
	}
	for key := range described {
		require.True(t, r.app.front.Served()[key], "%s is in the document but not served", key)
	}
	code, page, header := r.raw("GET", "/docs", nil)
	require.Equal(t, 200, code)
	require.Contains(t, string(page), "/docs/init.js")
	require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'self'")
}

func TestWebSocketProtocol(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	r.link("shop")
	r.call("POST", "/api/v1/sessions", map[string]any{"id": "other", "name": "Other"}, 201)
	address := strings.Replace(r.url, "http", "ws", 1) + "/ws"

	t.Run("token as subprotocol", func(t *testing.T) {
		conn, _, err := websocket.Dial(t.Context(), address, &websocket.DialOptions{Subprotocols: []string{"bearer", r.token}})
		require.NoError(t, err)
		require.Equal(t, "bearer", conn.Subprotocol())
		require.Equal(t, "authenticated", (&wsClient{t, conn}).next().str("type"))
		require.NoError(t, conn.CloseNow())
	})
	t.Run("token as first frame", func(t *testing.T) {
		conn, _, err := websocket.Dial(t.Context(), address, nil)
		require.NoError(t, err)
		s := &wsClient{t, conn}
		s.say(map[string]any{"type": "auth", "token": r.token})
		require.Equal(t, "authenticated", s.next().str("type"))
		require.NoError(t, conn.CloseNow())
	})
	t.Run("bad token", func(t *testing.T) {
		conn, _, err := websocket.Dial(t.Context(), address, nil)
		require.NoError(t, err)
		s := &wsClient{t, conn}
		s.say(map[string]any{"type": "auth", "token": "a.b.c"})
		require.Equal(t, websocket.StatusCode(4401), s.closed())
		_, resp, err := websocket.Dial(t.Context(), address, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer a.b.c"}}})
		require.Error(t, err)
		require.Equal(t, 401, resp.StatusCode)
	})
	t.Run("frames", func(t *testing.T) {
		s := r.stream()
		s.say(map[string]any{"type": "ping"})
		require.Equal(t, "pong", s.next().str("type"))
		for _, bad := range []struct {
			frame map[string]any
			code  string
		}{
			{map[string]any{"type": "dance"}, "unknown_type"},
			{map[string]any{"type": "subscribe", "sessions": []string{"nope"}}, "not_found"},
			{map[string]any{"type": "subscribe", "sessions": []string{"shop"}, "after": 100000}, "cursor_expired"},
			{map[string]any{"type": "subscribe", "sessions": []string{"shop", "other"}, "after": 1}, "validation_failed"},
			{map[string]any{"type": "subscribe", "events": []string{"new_message"}}, "validation_failed"},
			{map[string]any{"type": "subscribe", "sessions": []string{"shop"}, "after": "x"}, "bad_frame"},
			{map[string]any{"type": "subscribe", "sessions": "shop"}, "bad_frame"},
		} {
			s.say(bad.frame)
			f := s.next()
			require.Equal(t, "error", f.str("type"), "%v", f)
			require.Equal(t, bad.code, f.str("code"), "%v", bad.frame)
		}
		s.say(map[string]any{"type": "subscribe", "sessions": []string{"shop"}, "events": []string{"session_connected"}, "after": 0})
		require.Equal(t, "subscribed", s.next().str("type"))
		require.Equal(t, "session_connected", s.next().str("event"))
		s.say(map[string]any{"type": "subscribe", "sessions": []string{"shop", "other"}, "after": map[string]any{"other": 0}})
		require.Equal(t, "subscribed", s.next().str("type"))
		s.until(func(e object) bool { return e.str("sessionId") == "other" }) // the linked one may have news as well
		s.say(map[string]any{"type": "unsubscribe"})
		s.until(func(e object) bool { return e.str("type") == "unsubscribed" })
	})
	t.Run("sessions made later", func(t *testing.T) {
		s := r.stream(map[string]any{"type": "subscribe"})
		require.Equal(t, "subscribed", s.next().str("type"))
		r.call("POST", "/api/v1/sessions", map[string]any{"id": "later", "name": "Later"}, 201)
		e := s.until(named("session_initialized"))
		require.Equal(t, "later", e.str("sessionId"))
		require.EqualValues(t, 1, e.num("seq"))
	})
	t.Run("the server stops", func(t *testing.T) {
		s := r.stream()
		r.stop()
		require.Equal(t, websocket.StatusGoingAway, s.closed())
	})
}
