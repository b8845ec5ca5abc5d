package app

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
)

// with is the same server seen with an API key.
func (r *rig) with(key string) *rig {
	other := *r
	other.token = key
	return &other
}

func TestAPIKeys(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		r.call("POST", "/api/v1/users", map[string]any{"email": "eve@example.com", "name": "Eve", "password": "another password"}, 201)
		eve := r.as("eve@example.com", "another password")
		for _, id := range []string{"shop", "other"} {
			r.call("POST", "/api/v1/sessions", map[string]any{"id": id, "name": id}, 201)
		}
		made := r.call("POST", "/api/v1/api-keys", map[string]any{"name": "Reader", "scopes": []string{"sessions:read", "messages:*"}, "sessions": []string{"shop"}}, 201)
		secret := made.str("key")
		require.True(t, strings.HasPrefix(secret, made.str("prefix")))
		require.Greater(t, len(secret), 40)
		require.Nil(t, made["lastUsedAt"])
		require.Nil(t, made["addresses"])
		key := r.with(secret)
		require.Len(t, key.call("GET", "/api/v1/sessions", nil, 200).list("data"), 1, "only its sessions")
		key.call("GET", "/api/v1/sessions/shop", nil, 200)
		key.call("GET", "/api/v1/sessions/other", nil, 404)
		key.call("GET", "/api/v1/messages/sessions/shop/chats", nil, 200)
		require.Equal(t, "scope_missing", key.call("POST", "/api/v1/sessions", map[string]any{"name": "x"}, 403).str("code"))
		missing := key.call("GET", "/api/v1/sessions/shop/events", nil, 403)
		require.Equal(t, "scope_missing", missing.str("code"))
		require.Contains(t, missing.str("detail"), "events:read")
		all := r.with(r.call("POST", "/api/v1/api-keys", map[string]any{"name": "All", "scopes": []string{"*"}}, 201).str("key"))
		for _, c := range [][2]string{{"POST", "/api/v1/api-keys"}, {"GET", "/api/v1/api-keys"}, {"PUT", "/api/v1/users/me/password"}, {"POST", "/api/v1/users"}} {
			require.Equal(t, "scope_missing", all.call(c[0], c[1], map[string]any{}, 403).str("code"), "a key does not make keys or users: %v", c)
		}
		all.call("GET", "/api/v1/audit", nil, 200)

		eve.call("GET", "/api/v1/api-keys/"+made.str("id"), nil, 404)
		require.Empty(t, eve.call("GET", "/api/v1/api-keys", nil, 200).list("data"))
		shown := r.call("GET", "/api/v1/api-keys/"+made.str("id"), nil, 200)
		require.NotContains(t, shown, "key", "it is shown once")
		require.NotContains(t, string(mustJSON(t, shown)), secret)

		rotated := r.call("POST", "/api/v1/api-keys/"+made.str("id")+"/rotate", nil, 200).str("key")
		key.call("GET", "/api/v1/sessions", nil, 401)
		key = r.with(rotated)
		key.call("GET", "/api/v1/sessions", nil, 200)
		r.call("PUT", "/api/v1/api-keys/"+made.str("id"), map[string]any{"addresses": []string{"203.0.113.0/24"}}, 200)
		require.Equal(t, "address_not_allowed", key.call("GET", "/api/v1/sessions", nil, 403).str("code"))
		r.call("PUT", "/api/v1/api-keys/"+made.str("id"), map[string]any{"addresses": []string{"127.0.0.0/8"}}, 200)
		key.call("GET", "/api/v1/sessions", nil, 200)
		r.call("DELETE", "/api/v1/api-keys/"+made.str("id"), nil, 204)
		key.call("GET", "/api/v1/sessions", nil, 401)

		short := r.call("POST", "/api/v1/api-keys", map[string]any{"name": "Short", "scopes": []string{"*"}, "expiresAt": time.Now().Add(time.Second).UTC().Format(time.RFC3339Nano)}, 201)
		require.Eventually(t, func() bool {
			code, _, _ := r.with(short.str("key")).raw("GET", "/api/v1/sessions", nil)
			return code == http.StatusUnauthorized
		}, 10*time.Second, 50*time.Millisecond)

		for _, bad := range []map[string]any{
			{"name": "x", "scopes": []string{"dance:all"}},
			{"name": "x", "scopes": []string{}},
			{"name": "x", "scopes": []string{"login"}},
			{"name": "x", "scopes": []string{"*"}, "addresses": []string{"10.0.0.1"}},
			{"name": "x", "scopes": []string{"*"}, "sessions": []string{"../x"}},
			{"name": "", "scopes": []string{"*"}},
			{"name": "x", "scopes": []string{"*"}, "expiresAt": "2020-01-01T00:00:00Z"},
		} {
			require.Equal(t, "validation_failed", r.call("POST", "/api/v1/api-keys", bad, 422).str("code"), "%v", bad)
		}
		hers := eve.call("POST", "/api/v1/api-keys", map[string]any{"name": "Hers", "scopes": []string{"*"}}, 201).str("key")
		id := eve.call("GET", "/api/v1/users/me", nil, 200).str("id")
		r.call("PUT", "/api/v1/users/"+id, map[string]any{"active": false}, 200)
		r.with(hers).call("GET", "/api/v1/sessions", nil, 401)
	})
}

func mustJSON(t *testing.T, v any) []byte {
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return raw
}

func TestAudit(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		me := r.call("GET", "/api/v1/users/me", nil, 200).str("id")
		r.call("DELETE", "/api/v1/sessions/none", nil, 404)
		r.call("GET", "/api/v1/sessions", nil, 200)
		r.with("").call("POST", "/api/v1/sessions", map[string]any{"name": "A stranger's"}, 401)
		r.with("").call("DELETE", "/api/v1/users/"+me, nil, 401)
		r.with("").call("POST", "/api/v1/users/login", map[string]any{"email": " Nobody@example.com", "password": "a wrong password"}, 401)
		key := r.call("POST", "/api/v1/api-keys", map[string]any{"name": "Key", "scopes": []string{"*"}}, 201)
		user := r.call("POST", "/api/v1/users", map[string]any{"email": "eve@example.com", "name": "Eve", "password": "another password"}, 201)
		hook := r.with(key.str("key")).call("POST", "/api/v1/webhooks", map[string]any{"url": "https://example.com/hook"}, 201)
		r.link("shop")
		r.call("GET", "/api/v1/sessions/shop/qr", nil, 409)
		want := []struct {
			action, target string
			status         int64
		}{
			{"POST /api/v1/users/login", "", 200},
			{"DELETE /api/v1/sessions/:sessionId", "none", 404},
			{"POST /api/v1/users/login", "sha256:e788ea2014693dcd", 401},
			{"POST /api/v1/api-keys", key.str("id"), 201},
			{"POST /api/v1/users", user.str("id"), 201},
			{"POST /api/v1/webhooks", hook.str("id"), 201},
			{"POST /api/v1/sessions", "shop", 201},
			{"GET /api/v1/sessions/:sessionId/qr", "shop", 200},
			{"session.linked", "shop", 0},
		}
		var entries []object
		require.Eventually(t, func() bool {
			entries = r.call("GET", "/api/v1/audit", nil, 200).list("data")
			return len(entries) >= len(want)
		}, 10*time.Second, 20*time.Millisecond)
		slices.Reverse(entries)
		for i, w := range want {
			e := entries[i]
			require.Equal(t, w.action, e.str("action"), "%v", e)
			require.Equal(t, w.target, e.str("target"), "%v", e)
			require.Equal(t, w.status, e.num("status"), "%v", e)
			switch w.action {
			case "session.linked":
				require.Empty(t, e.str("userId")+e.str("address"))
			default:
				require.Equal(t, "127.0.0.1", e.str("address"))
				require.Equal(t, w.status != 401, e.str("userId") == me, "%v", e)
			}
		}
		require.Equal(t, key.str("id"), entries[5].str("keyId"))
		require.NotContains(t, string(mustJSON(t, entries)), "password")
	})
}

func TestCookieAndCrossOrigin(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) {
		c.FrontendURL, c.TrustedProxies = []string{"https://app.example.com"}, []string{"127.0.0.1"}
	})
	_, _, header := r.raw("POST", "/api/v1/users/login", map[string]any{"email": adminEmail, "password": adminPassword}, "X-Forwarded-Proto", "https")
	cookie := header.Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Strict", "Secure", "Path=/"} {
		require.Contains(t, cookie, part)
	}
	pair, _, _ := strings.Cut(cookie, ";")
	browser := r.with("")
	browser.call("GET", "/api/v1/users/me", nil, 200, "Cookie", pair)
	body := map[string]any{"name": "x"}
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{[]string{"Sec-Fetch-Site", "same-origin"}, 201},
		{[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.com"}, 403},
		{[]string{"Origin", "https://evil.example.com"}, 403},
		{[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://app.example.com"}, 201},
		{nil, 201},
	} {
		code, raw, _ := browser.raw("POST", "/api/v1/sessions", body, append([]string{"Cookie", pair}, c.headers...)...)
		require.Equal(t, c.status, code, "%v: %s", c.headers, raw)
	}
	_, _, header = browser.raw("POST", "/api/v1/users/logout", nil, "Cookie", pair)
	require.Contains(t, header.Get("Set-Cookie"), "Max-Age=0")
	browser.call("GET", "/api/v1/users/me", nil, 401, "Cookie", pair)
	r.call("GET", "/api/v1/users/me", nil, 200)
}

func TestRateLimit(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.RateLimit = 5 })
	limited := false
	for range 40 {
		code, raw, header := r.raw("GET", "/api/v1/users/me", nil)
		require.NotEmpty(t, header.Get("RateLimit"))
		require.NotEmpty(t, header.Get("RateLimit-Policy"))
		if limited = code == http.StatusTooManyRequests; limited {
			require.NotEmpty(t, header.Get("Retry-After"))
			require.Contains(t, string(raw), "too_many")
			break
		}
		require.Equal(t, 200, code)
	}
	require.True(t, limited)
}

func TestStreamEndsWithItsKey(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	made := r.call("POST", "/api/v1/api-keys", map[string]any{"name": "Stream", "scopes": []string{"events:read"}}, 201)
	ws := r.with(made.str("key")).stream(map[string]any{"type": "subscribe"})
	require.Equal(t, "subscribed", ws.next().str("type"))
	r.call("DELETE", "/api/v1/api-keys/"+made.str("id"), nil, 204)
	require.Equal(t, websocket.StatusCode(4401), ws.closed())
}
