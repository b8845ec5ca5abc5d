package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"whatsapp-api/app/api"
	"whatsapp-api/configs"
	"whatsapp-api/store/mongo/mongotest"
)

// TestEveryRouteChecksItsOwner walks the route table as nobody, as another owner, and as a
// user where only admins may.
func TestEveryRouteChecksItsOwner(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	r.call("POST", "/api/v1/users", map[string]any{"email": "eve@example.com", "name": "Eve", "password": "another password"}, 201)
	r.call("POST", "/api/v1/sessions", map[string]any{"id": "shop", "name": "Shop"}, 201)
	hook := r.call("POST", "/api/v1/webhooks", map[string]any{"url": "https://example.com/hook", "sessionId": "shop"}, 201).str("id")
	eve := r.as("eve@example.com", "another password")
	nobody := *r
	nobody.token = ""
	for _, e := range r.app.front.Endpoints {
		t.Run(e.Method+" "+e.Path, func(t *testing.T) {
			id := "usr_none"
			if strings.HasPrefix(e.Path, "/api/v1/webhooks/") {
				id = hook
			}
			path := strings.NewReplacer("{sessionId}", "shop", "{chatId}", "34600000000", "{id}", id, "{deliveryId}", "dlv_none", "{messageId}", "none").Replace(e.Path)
			require.NotContains(t, path, "{", "a parameter this test does not know")
			var body any
			if e.Method == http.MethodPost || e.Method == http.MethodPut {
				body = map[string]any{}
			}
			if e.Access != api.Public {
				require.Equal(t, "unauthorized", nobody.call(e.Method, path, body, 401).str("code"))
				require.NotEmpty(t, e.Scope)
			}
			if id == hook {
				require.Equal(t, "not_found", eve.call(e.Method, path, body, 404).str("code"), "another's webhook looks as if it did not exist")
			}
			switch e.Access {
			case api.ForSession:
				require.Equal(t, "not_found", eve.call(e.Method, path, body, 404).str("code"))
				missing := strings.Replace(path, "shop", "no-such-session", 1)
				require.Equal(t, "not_found", eve.call(e.Method, missing, body, 404).str("code"), "another's session looks as if it did not exist")
			case api.AdminOnly:
				require.Equal(t, "forbidden", eve.call(e.Method, path, body, 403).str("code"))
			}
		})
	}
	require.Equal(t, "unauthorized", nobody.call("GET", "/api/v1/events", nil, 401).str("code")) // streams have no row; Socket.IO's are in TestSocketIORefusals
	require.Equal(t, "not_found", eve.call("GET", "/api/v1/events?sessions=shop", nil, 404).str("code"))
	ws := eve.stream(map[string]any{"type": "subscribe", "sessions": []string{"shop"}})
	require.Equal(t, "not_found", ws.next().str("code"))
	require.Empty(t, eve.call("GET", "/api/v1/sessions", nil, 200).list("data"))
	require.Empty(t, eve.call("GET", "/api/v1/webhooks", nil, 200).list("data"))
	eve.call("GET", "/api/v1/webhooks?sessionId=shop", nil, 404)
	eve.call("POST", "/api/v1/webhooks", map[string]any{"url": "https://example.com/hook", "sessionId": "shop"}, 404)
	require.Equal(t, "active", r.call("GET", "/api/v1/webhooks/"+hook, nil, 200).str("state"))
	require.Equal(t, "shop", r.call("GET", "/api/v1/sessions/shop", nil, 200).str("id"), "nothing that Eve tried had an effect")
}

func TestTokens(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.JWTSecret = secret })
	parts := strings.Split(r.token, ".")
	sign := func(header, payload string) string {
		enc := base64.RawURLEncoding
		head := enc.EncodeToString([]byte(header)) + "." + payload
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(head))
		return head + "." + enc.EncodeToString(mac.Sum(nil))
	}
	var claims map[string]any
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &claims))
	require.Contains(t, claims, "exp")
	require.Contains(t, claims, "iat")
	require.Contains(t, claims, "jti")
	altered := func(change func()) string {
		change()
		raw, err := json.Marshal(claims)
		require.NoError(t, err)
		return sign(`{"alg":"HS256","typ":"JWT"}`, base64.RawURLEncoding.EncodeToString(raw))
	}
	good := claims["jti"]
	for name, token := range map[string]string{
		"none":           base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		"HS512 header":   sign(`{"alg":"HS512","typ":"JWT"}`, parts[1]),
		"RS256 header":   sign(`{"alg":"RS256","typ":"JWT"}`, parts[1]),
		"tampered":       parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"unknown id":     altered(func() { claims["jti"] = "tok_unknown" }),
		"no id":          altered(func() { delete(claims, "jti") }),
		"another's":      altered(func() { claims["jti"], claims["sub"] = good, "usr_other" }),
		"no expiry":      altered(func() { delete(claims, "exp") }),
		"expired":        altered(func() { claims["exp"] = time.Now().Add(-time.Hour).Unix() }),
		"no token":       "",
		"not a token":    "x",
		"very long":      strings.Repeat("a.", 5000),
		"control chars?": "a.b.c",
	} {
		other := *r
		other.token = token
		require.Equal(t, "unauthorized", other.call("GET", "/api/v1/users/me", nil, 401).str("code"), name)
	}
	r.call("GET", "/api/v1/users/me", nil, 200)
}

func TestTokensEnd(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	user := r.call("POST", "/api/v1/users", map[string]any{"email": "eve@example.com", "name": "Eve", "password": "another password"}, 201)
	first, second := r.as("eve@example.com", "another password"), r.as("eve@example.com", "another password")
	ws := first.stream(map[string]any{"type": "subscribe"})
	ws.next()

	second.call("PUT", "/api/v1/users/me/password", map[string]any{"currentPassword": "wrong password", "password": "the new password"}, 422)
	second.call("PUT", "/api/v1/users/me/password", map[string]any{"currentPassword": "another password", "password": "the new password"}, 204)
	first.call("GET", "/api/v1/users/me", nil, 401)
	second.call("GET", "/api/v1/users/me", nil, 200)
	require.Equal(t, websocket.StatusCode(4401), ws.closed(), "the stream ends with its token")

	third := r.as("eve@example.com", "the new password")
	ws = third.stream()
	r.call("PUT", "/api/v1/users/"+user.str("id"), map[string]any{"active": false}, 200)
	third.call("GET", "/api/v1/users/me", nil, 401)
	require.Equal(t, websocket.StatusCode(4401), ws.closed(), "the stream ends with the user's deactivation")
	nobody := *r
	nobody.token = ""
	nobody.call("POST", "/api/v1/users/login", map[string]any{"email": "eve@example.com", "password": "the new password"}, 401)
}

// closed reads on to the end of the stream and returns how it was closed.
func (s *wsClient) closed() websocket.StatusCode {
	for {
		if _, _, err := s.conn.Read(s.t.Context()); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

// TestTokenWhileTheStoreIsAway brings a token that nobody can look up: it is not said to be bad.
func TestTokenWhileTheStoreIsAway(t *testing.T) {
	server := mongotest.Start(t, false)
	r := start(t, place{t.TempDir(), server.URI("away") + "&timeoutMS=1000"})
	r.login(adminEmail, adminPassword) // a token that was not used yet
	conn, _, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", nil)
	require.NoError(t, err)
	require.NoError(t, server.Kill())
	s := &wsClient{t, conn}
	s.say(map[string]any{"type": "auth", "token": r.token})
	require.Equal(t, websocket.StatusCode(4503), s.closed())
}

func TestLoginIsSlowedDown(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	nobody := *r
	nobody.token = ""
	try := func(email, password string) (int, http.Header, []byte) {
		code, raw, header := nobody.raw("POST", "/api/v1/users/login", map[string]any{"email": email, "password": password})
		return code, header, raw
	}
	_, _, wrong := try(adminEmail, "wrong password")
	_, _, unknown := try("nobody@example.com", "wrong password")
	require.Equal(t, codeAndDetail(t, wrong), codeAndDetail(t, unknown), "the answer does not tell whether the user exists")
	limited := false
	for range 6 {
		code, header, _ := try(adminEmail, "wrong password")
		if limited = code == http.StatusTooManyRequests; limited {
			require.NotEmpty(t, header.Get("Retry-After"))
			break
		}
		require.Equal(t, http.StatusUnauthorized, code)
	}
	require.True(t, limited)
	code, _, _ := try(adminEmail, adminPassword)
	require.Equal(t, http.StatusTooManyRequests, code, "the right password has to wait as well, or it could be guessed on")
}

func codeAndDetail(t *testing.T, raw []byte) string {
	var p object
	require.NoError(t, json.Unmarshal(raw, &p))
	return fmt.Sprint(p.num("status"), p.str("code"), p.str("detail"))
}

func TestLastAdmin(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		me := r.call("GET", "/api/v1/users/me", nil, 200).str("id")
		require.Equal(t, "last_admin", r.call("PUT", "/api/v1/users/"+me, map[string]any{"role": "user"}, 409).str("code"))
		require.Equal(t, "last_admin", r.call("PUT", "/api/v1/users/"+me, map[string]any{"active": false}, 409).str("code"))
		require.Equal(t, "last_admin", r.call("DELETE", "/api/v1/users/"+me, nil, 409).str("code"))
		other := r.call("POST", "/api/v1/users", map[string]any{"email": "b@example.com", "name": "B", "password": "another password", "role": "admin"}, 201)
		r.call("PUT", "/api/v1/users/"+me, map[string]any{"role": "user"}, 200)
		r.as("b@example.com", "another password").call("DELETE", "/api/v1/users/"+other.str("id"), nil, 409)
	})
}

func TestBrowsers(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.FrontendURL = []string{"https://app.example.com"} })
	_, _, header := r.raw("GET", "/livez", nil, "Origin", "https://app.example.com")
	require.Equal(t, "https://app.example.com", header.Get("Access-Control-Allow-Origin"))
	_, _, header = r.raw("GET", "/livez", nil, "Origin", "https://evil.example.com")
	require.Empty(t, header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
	for origin, good := range map[string]bool{"https://app.example.com": true, "https://evil.example.com": false, "http://app.example.com": false} {
		conn, resp, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{
			HTTPHeader: http.Header{"Authorization": {"Bearer " + r.token}, "Origin": {origin}},
		})
		if good {
			require.NoError(t, err, origin)
			require.NoError(t, conn.CloseNow())
			continue
		}
		require.Error(t, err, origin)
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
	}
}
