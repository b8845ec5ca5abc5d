package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
)

// forger makes tokens as somebody would who knows the secret, or would like the server to think so.
type forger struct {
	secret []byte
	claims map[string]any // of a good token
}

func newForger(t *testing.T, token, secret string) *forger {
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	f := &forger{secret: []byte(secret)}
	require.NoError(t, json.Unmarshal(raw, &f.claims))
	return f
}

// make signs a token with a header, with the good claims and these changes; nil leaves one out.
func (f *forger) make(header string, sign func() hash.Hash, changes map[string]any) string {
	claims := maps.Clone(f.claims)
	for name, v := range changes {
		claims[name] = v
		if v == nil {
			delete(claims, name)
		}
	}
	raw, err := json.Marshal(claims)
	if err != nil { // strings and numbers
		panic(err)
	}
	enc := base64.RawURLEncoding
	head := enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString(raw)
	if sign == nil {
		return head + "."
	}
	mac := hmac.New(sign, f.secret)
	mac.Write([]byte(head))
	return head + "." + enc.EncodeToString(mac.Sum(nil))
}

// hs256 is the header of the server's own tokens.
const hs256 = `{"alg":"HS256","typ":"JWT"}`

// forged are tokens that the server did not make, or no longer takes, by what is wrong with them.
func (f *forger) forged(t *testing.T, good string) map[string]string {
	later := time.Now().Add(time.Hour).Unix()
	forged := map[string]string{
		"HS384":            f.make(`{"alg":"HS384","typ":"JWT"}`, sha512.New384, nil),
		"HS512":            f.make(`{"alg":"HS512","typ":"JWT"}`, sha512.New, nil),
		"RS256 by secret":  f.make(`{"alg":"RS256","typ":"JWT"}`, sha256.New, nil),
		"ES256 by secret":  f.make(`{"alg":"ES256","typ":"JWT"}`, sha256.New, nil),
		"EdDSA by secret":  f.make(`{"alg":"EdDSA","typ":"JWT"}`, sha256.New, nil),
		"no algorithm":     f.make(`{"typ":"JWT"}`, sha256.New, nil),
		"empty algorithm":  f.make(`{"alg":""}`, sha256.New, nil),
		"algorithm list":   f.make(`{"alg":["HS256"]}`, sha256.New, nil),
		"lower-case hs256": f.make(`{"alg":"hs256"}`, sha256.New, nil),
		"expired":          f.make(hs256, sha256.New, map[string]any{"exp": time.Now().Add(-time.Second).Unix()}),
		"expiry as text":   f.make(hs256, sha256.New, map[string]any{"exp": "never"}),
		"no expiry":        f.make(hs256, sha256.New, map[string]any{"exp": nil}),
		"not yet valid":    f.make(hs256, sha256.New, map[string]any{"nbf": later}),
		"from the future":  f.make(hs256, sha256.New, map[string]any{"iat": later}),
		"no id":            f.make(hs256, sha256.New, map[string]any{"jti": nil}),
		"unknown id":       f.make(hs256, sha256.New, map[string]any{"jti": "tok_x"}),
		"of another":       f.make(hs256, sha256.New, map[string]any{"sub": "usr_other"}),
		"own key":          (&forger{[]byte("0123456789abcdef0123456789abcdeF"), f.claims}).make(hs256, sha256.New, nil),
		"empty key":        (&forger{nil, f.claims}).make(hs256, sha256.New, nil),
		"own key in kid":   (&forger{[]byte("x"), f.claims}).make(`{"alg":"HS256","kid":"../../dev/null","jwk":{"kty":"oct","k":"eA"}}`, sha256.New, nil),
		"signature cut":    strings.TrimRight(good, "=")[:len(good)-4],
		"signature added":  good + ".AAAA",
		"padding":          good + "=",
	}
	for _, none := range []string{"none", "None", "NONE", "nOnE", "none ", " none", "none\x00"} {
		header, err := json.Marshal(map[string]string{"alg": none})
		require.NoError(t, err)
		forged["alg "+none] = f.make(string(header), nil, nil)
		forged["signed alg "+none] = f.make(string(header), sha256.New, nil)
	}
	return forged
}

// TestForgedTokens tries every way to make a token that the server did not, over REST, WebSocket, SSE
// and the cookie.
func TestForgedTokens(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.JWTSecret = secret })
	f := newForger(t, r.token, secret)
	r.with(f.make(hs256, sha256.New, nil)).call("GET", "/api/v1/users/me", nil, 200) // the forger is able
	nobody := r.with("")
	for name, token := range f.forged(t, r.token) {
		require.Equal(t, "unauthorized", r.with(token).call("GET", "/api/v1/users/me", nil, 401).str("code"), name)
		require.Equal(t, "unauthorized", r.with(token).call("GET", "/api/v1/events", nil, 401).str("code"), name)
		if !strings.ContainsAny(token, " \x00") {
			nobody.call("GET", "/api/v1/users/me", nil, 401, "Cookie", "whatsapp_api_token="+token)
		}
		conn, _, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", nil)
		require.NoError(t, err)
		s := &wsClient{t, conn}
		s.say(map[string]any{"type": "auth", "token": token})
		require.Equal(t, websocket.StatusCode(4401), s.closed(), name)
	}
	r.call("GET", "/api/v1/users/me", nil, 200)
}

// TestTokenAfterLogout takes a token that was good, by every way in.
func TestTokenAfterLogout(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	s := r.stream()
	r.call("POST", "/api/v1/users/logout", nil, 204)
	require.Equal(t, websocket.StatusCode(4401), s.closed())
	r.call("GET", "/api/v1/users/me", nil, 401)
	r.call("GET", "/api/v1/events", nil, 401)
	code, _, _ := r.raw("GET", "/metrics", nil)
	require.Equal(t, 401, code)
	_, resp, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{Subprotocols: []string{"bearer", r.token}})
	require.Error(t, err)
	require.Equal(t, 401, resp.StatusCode)
}
