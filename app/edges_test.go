package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
)

// TestKeyAsSubprotocol brings an API key as a browser's page can: in Sec-WebSocket-Protocol.
func TestKeyAsSubprotocol(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	key := r.call("POST", "/api/v1/api-keys", map[string]any{"name": "Page", "scopes": []string{"events:read"}}, 201).str("key")
	for _, protocols := range [][]string{{"bearer", key}, {key, "bearer"}, {"bearer", r.token}, {"bearer." + key}} {
		conn, resp, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{Subprotocols: protocols})
		require.NoError(t, err)
		require.Contains(t, protocols, resp.Header.Get("Sec-WebSocket-Protocol"))
		require.Equal(t, "authenticated", (&wsClient{t, conn}).next().str("type"))
		require.NoError(t, conn.CloseNow())
	}
	_, resp, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{Subprotocols: []string{"bearer", key + "x"}})
	require.Error(t, err)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
}

// TestFilterOfEachSession subscribes twice: the events that the second asks for are those of its
// sessions alone.
func TestFilterOfEachSession(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	for _, id := range []string{"a", "b"} {
		r.call("POST", "/api/v1/sessions", map[string]any{"id": id, "name": id}, 201)
	}
	ws := r.stream(
		map[string]any{"type": "subscribe", "sessions": []string{"a"}, "events": []string{"session_initialized"}, "after": 0},
		map[string]any{"type": "subscribe", "sessions": []string{"b"}, "after": 0},
	)
	seen := map[string]int{}
	watch := func(session, event string) {
		ws.until(func(o object) bool {
			if o.str("event") != "" {
				seen[o.str("sessionId")+" "+o.str("event")]++
			}
			return o.str("sessionId") == session && o.str("event") == event
		})
	}
	watch("b", "session_initialized")
	r.call("POST", "/api/v1/sessions/a/listen", nil, 200)
	r.awaitEvent("a", 0, named("qr_code"))
	r.call("POST", "/api/v1/sessions/b/listen", nil, 200)
	watch("b", "qr_code")
	require.Equal(t, 1, seen["a session_initialized"])
	require.Zero(t, seen["a session_status_update"]+seen["a qr_code"])
}

// TestLimitsOfAKeyAreTakenAway sets and takes away what limits a key, which null does and absence does not.
func TestLimitsOfAKeyAreTakenAway(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		r := start(t, at)
		limits := map[string]any{"sessions": []any{"shop"}, "addresses": []any{"127.0.0.0/8"}, "expiresAt": "2099-01-01T00:00:00.000Z"}
		body := map[string]any{"name": "Key", "scopes": []string{"*"}}
		for name, v := range limits {
			body[name] = v
		}
		made := r.call("POST", "/api/v1/api-keys", body, 201)
		path := "/api/v1/api-keys/" + made.str("id")
		key := r.with(made.str("key"))
		require.Equal(t, "session_not_allowed", key.call("POST", "/api/v1/sessions", map[string]any{"id": "other", "name": "Other"}, 403).str("code"))
		require.Equal(t, "session_not_allowed", key.call("POST", "/api/v1/sessions", map[string]any{"name": "Other"}, 403).str("code"))
		r.call("GET", "/api/v1/sessions/other", nil, 404)
		key.call("POST", "/api/v1/sessions", map[string]any{"id": "shop", "name": "Shop"}, 201)

		kept := r.call("PUT", path, map[string]any{"name": "Still"}, 200)
		for name, v := range limits {
			require.Equal(t, v, kept[name], name)
		}
		r.call("PUT", path, map[string]any{"sessions": "shop"}, 422)
		r.call("PUT", path, map[string]any{"sessions": []string{"NO"}}, 422)
		free := r.call("PUT", path, map[string]any{"sessions": nil, "addresses": nil, "expiresAt": nil}, 200)
		for name := range limits {
			require.Nil(t, free[name], name)
		}
		key.call("POST", "/api/v1/sessions", map[string]any{"id": "other", "name": "Other"}, 201)
		require.Equal(t, []any{}, r.call("PUT", path, map[string]any{"sessions": []string{}}, 200)["sessions"], "no session at all is no absence of limits")
	})
}

// TestHeadersOfWebhooksAreMasked shows a webhook's headers to whoever may read webhooks.
func TestHeadersOfWebhooksAreMasked(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		r := start(t, at)
		const secret = "Bearer of a secret"
		body := map[string]any{"url": "https://example.com/hook", "headers": map[string]string{"Authorization": secret, "X-Old": "old"}}
		made := r.call("POST", "/api/v1/webhooks", body, 201)
		path := "/api/v1/webhooks/" + made.str("id")
		shown := object{"Authorization": "***", "X-Old": "***"}
		for _, o := range []object{made, r.call("GET", path, nil, 200), r.call("GET", "/api/v1/webhooks", nil, 200).list("data")[0]} {
			require.Equal(t, shown, o.obj("headers"))
		}
		kept := func() map[string]string {
			w, err := r.app.store.Webhooks().Get(t.Context(), made.str("id"))
			require.NoError(t, err)
			return w.Headers
		}
		r.call("PUT", path, map[string]any{"headers": map[string]string{"Authorization": "***", "X-New": "new"}}, 200)
		require.Equal(t, map[string]string{"Authorization": secret, "X-New": "new"}, kept())
		r.call("PUT", path, map[string]any{"headers": map[string]string{"X-Other": "***"}}, 422)
		r.call("POST", "/api/v1/webhooks", map[string]any{"url": "https://example.com/hook", "headers": map[string]string{"X-Other": "***"}}, 422)
		require.Equal(t, secret, kept()["Authorization"])
	})
}

// TestLimitsOfUsersAndSockets opens more than one may.
func TestLimitsOfUsersAndSockets(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) {
		c.SessionsPerUser, c.StreamsPerUser, c.Unauthenticated, c.FramesPerSecond = 2, 3, 2, 10
	})
	for _, id := range []string{"a", "b"} {
		r.call("POST", "/api/v1/sessions", map[string]any{"id": id, "name": id}, 201)
	}
	refused := r.call("POST", "/api/v1/sessions", map[string]any{"id": "c", "name": "c"}, 409)
	require.Equal(t, "too_many_sessions", refused.str("code"))
	require.Contains(t, refused.str("detail"), "SESSIONS_PER_USER")
	r.call("DELETE", "/api/v1/sessions/a", nil, 204)
	r.call("POST", "/api/v1/sessions", map[string]any{"id": "c", "name": "c"}, 201)

	dial := func() *wsClient {
		conn, _, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.CloseNow() })
		return &wsClient{t, conn}
	}
	strangers := []*wsClient{dial(), dial()}
	full := func() bool {
		conn, resp, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", nil)
		if err == nil {
			return conn.CloseNow() == nil && false
		}
		return resp != nil && resp.StatusCode == http.StatusTooManyRequests
	}
	require.Eventually(t, full, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, "too_many_sockets", r.with("").call("GET", "/socket.io/?EIO=4&transport=polling", nil, 429).str("code"))
	for _, s := range strangers { // who brings a token is none any more
		s.say(map[string]any{"type": "auth", "token": r.token})
		require.Equal(t, "authenticated", s.next().str("type"))
	}
	third := dial()
	third.say(map[string]any{"type": "auth", "token": r.token})
	require.Equal(t, "authenticated", third.next().str("type"))
	fourth := dial()
	fourth.say(map[string]any{"type": "auth", "token": r.token})
	require.Equal(t, websocket.StatusCode(4429), fourth.closed())
	require.Equal(t, "too_many_streams", r.call("GET", "/api/v1/events", nil, 429).str("code"))
	_, resp, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + r.token}}})
	require.Error(t, err)
	require.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
	require.NoError(t, strangers[0].conn.Close(websocket.StatusNormalClosure, ""))
	require.Eventually(t, func() bool {
		conn, _, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + r.token}}})
		return err == nil && conn.CloseNow() == nil
	}, 10*time.Second, 20*time.Millisecond, "a stream that has ended makes room")

	began := time.Now()
	for range 40 {
		third.say(map[string]any{"type": "ping"})
	}
	for range 40 {
		require.Equal(t, "pong", third.next().str("type"))
	}
	require.Greater(t, time.Since(began), 1500*time.Millisecond, "20 at once, and then 10 a second")
}

// TestOwnEmailNeedsThePassword changes one's own email as somebody would who has got hold of a token.
func TestOwnEmailNeedsThePassword(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		r := start(t, at)
		const me = "/api/v1/users/me"
		r.call("PUT", me, map[string]any{"email": "thief@example.com"}, 422)
		r.call("PUT", me, map[string]any{"email": "thief@example.com", "currentPassword": "a wrong password"}, 422)
		require.Equal(t, adminEmail, r.call("GET", me, nil, 200).str("email"))
		r.call("PUT", me, map[string]any{"name": "Root II", "email": strings.ToUpper(adminEmail)}, 200)
		r.call("PUT", me, map[string]any{"email": "new@example.com", "currentPassword": adminPassword}, 200)
		r.login("new@example.com", adminPassword)
		for range 4 {
			r.call("PUT", me, map[string]any{"email": "thief@example.com", "currentPassword": "a wrong password"}, 422)
		}
		r.call("PUT", me, map[string]any{"email": "thief@example.com", "currentPassword": "a wrong password"}, 429)
		r.call("PUT", me+"/password", map[string]any{"password": "the thief's own", "currentPassword": "a wrong password"}, 429)
	})
}
