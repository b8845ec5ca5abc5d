package app

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"whatsapp-api/configs"
	"whatsapp-api/whatsapp/sandbox"
)

// TestOneChatOneMessage gets them by their ids, and a chat that nothing was written in yet.
func TestOneChatOneMessage(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		const chats = "/api/v1/messages/sessions/shop/chats/"
		number := strings.TrimPrefix(bob.Number(), "+")
		require.Equal(t, object{"data": []any{}, "nextCursor": nil}, r.call("GET", chats+number+"/messages", nil, 200))
		require.Equal(t, "not_found", r.call("GET", chats+number, nil, 404).str("code"))
		require.Equal(t, "bad_address", r.call("GET", chats+"nobody/messages", nil, 422).str("code"))
		r.call("GET", "/api/v1/messages/sessions/none/chats/"+number+"/messages", nil, 404)

		sent := r.call("POST", "/api/v1/messages/sessions/shop/send/message", map[string]any{"to": bob.Number(), "text": "hello"}, 201)
		r.awaitEvent("shop", 0, func(e object) bool {
			return e.str("event") == "message_status" && e.obj("data").str("status") == "delivered"
		})
		one := r.call("GET", chats+number+"/messages/"+sent.str("id"), nil, 200)
		require.Equal(t, "hello", one.str("text"))
		require.Len(t, one.list("receipts"), 1)
		require.Equal(t, bob.Number(), one.list("receipts")[0].obj("by").str("phone"))
		require.Equal(t, "delivered", one.list("receipts")[0].str("status"))
		r.call("GET", chats+number+"/messages/none", nil, 404)
		chat := r.call("GET", chats+number, nil, 200)
		require.Equal(t, r.call("GET", strings.TrimSuffix(chats, "/"), nil, 200).list("data")[0], chat)
		require.Equal(t, sent.str("id"), chat.obj("lastMessage").str("id"))
		_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "well"})
		require.NoError(t, err)
		id := r.awaitEvent("shop", 0, named("new_messages")).obj("data").list("messages")[0].str("id")
		require.Equal(t, []any{}, r.call("GET", chats+number+"/messages/"+id, nil, 200)["receipts"])
	})
}

// TestAnswersAreCompressed asks with and without Accept-Encoding.
func TestAnswersAreCompressed(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	const document, short = "/api/v1/openapi.json", "/livez"
	_, plain, header := r.raw("GET", document, nil, "Accept-Encoding", "identity")
	require.Empty(t, header.Get("Content-Encoding"))
	for coding, open := range map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(in io.Reader) (io.Reader, error) { return gzip.NewReader(in) },
		"zstd": func(in io.Reader) (io.Reader, error) { return zstd.NewReader(in) },
	} {
		_, raw, header := r.raw("GET", document, nil, "Accept-Encoding", coding)
		require.Equal(t, coding, header.Get("Content-Encoding"))
		require.Contains(t, header.Values("Vary"), "Accept-Encoding")
		require.Less(t, len(raw), len(plain)/3)
		in, err := open(strings.NewReader(string(raw)))
		require.NoError(t, err)
		got, err := io.ReadAll(in)
		require.NoError(t, err)
		require.True(t, json.Valid(got))
		require.Equal(t, plain, got)
		code, raw, _ := r.raw("HEAD", document, nil, "Accept-Encoding", coding)
		require.Equal(t, 200, code)
		require.Empty(t, raw)
		_, _, header = r.raw("GET", short, nil, "Accept-Encoding", coding)
		require.Empty(t, header.Get("Content-Encoding"), "it would not become shorter")
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/api/v1/events", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Accept-Encoding", "gzip, zstd")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}).Do(req)
	require.NoError(t, err)
	require.Empty(t, resp.Header.Get("Content-Encoding"), "events go out at once")
	require.NoError(t, resp.Body.Close())
}

// TestFirstAdmin starts servers that are told of an admin: on an empty store he is made, and never
// changed afterwards.
func TestFirstAdmin(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		serve := func(email, password string) *rig {
			r := &rig{t: t, at: at}
			cfg := r.config()
			cfg.Host, cfg.Port, cfg.AdminEmail, cfg.AdminPassword = "127.0.0.1", 0, email, configs.Secret(password)
			a, err := New(t.Context(), cfg, Options{SandboxAt: theWorld.control, Version: "test"}, zaptest.NewLogger(t))
			require.NoError(t, err)
			r.run(a)
			return r
		}
		r := serve("Root@example.com", adminPassword)
		r.login(adminEmail, adminPassword)
		require.Equal(t, "admin", r.call("GET", "/api/v1/users/me", nil, 200).str("role"))
		r.stop()
		r = serve(adminEmail, "another long password")
		r.with("").call("POST", "/api/v1/users/login", map[string]any{"email": adminEmail, "password": "another long password"}, 401)
		r.login(adminEmail, adminPassword)
		r.stop()
		r = serve("second@example.com", adminPassword)
		r.with("").call("POST", "/api/v1/users/login", map[string]any{"email": "second@example.com", "password": adminPassword}, 401)
		r.stop()
	})
	cfg := (&rig{at: place{dataDir: t.TempDir()}}).config()
	cfg.Host, cfg.Port, cfg.AdminEmail, cfg.AdminPassword = "127.0.0.1", 0, adminEmail, "short"
	_, err := New(t.Context(), cfg, Options{SandboxAt: theWorld.control}, zaptest.NewLogger(t))
	require.ErrorContains(t, err, "ADMIN_PASSWORD")
	require.NotContains(t, err.Error(), "short")
}
