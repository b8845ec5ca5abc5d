package app

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
)

func TestInboundWebhook(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		const secret = "the secret of the other service"
		r := start(t, at, func(c *configs.Config) { c.WebhookToken = secret })
		r.call("POST", "/api/v1/sessions", map[string]any{"id": "shop", "name": "Shop"}, 201)
		nobody := r.with("")
		post := func(body map[string]any, sign string) (int, object) {
			raw, err := json.Marshal(body)
			require.NoError(t, err)
			mac := hmac.New(sha256.New, []byte(sign))
			mac.Write(raw)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/api/v1/messages/webhook", bytes.NewReader(raw))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
			resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
			require.NoError(t, err)
			defer func() { _ = resp.Body.Close() }()
			raw, err = io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, checkCode(req.Method, req.URL.Path, resp.StatusCode, resp.Header, raw))
			var o object
			require.NoError(t, json.Unmarshal(raw, &o))
			return resp.StatusCode, o
		}
		body := map[string]any{"sessionId": "shop", "messages": []map[string]any{
			{"id": "A1", "chat": "+34 600 000 777", "text": "from elsewhere", "name": "Zoe\u202e", "timestamp": "2026-11-24T10:00:00Z"},
			{"id": "A2", "chat": "34600000777@s.whatsapp.net", "text": "second", "timestamp": "2026-11-24T10:00:01Z"},
		}}
		code, _ := post(body, "wrong")
		require.Equal(t, 401, code)
		nobody.call("POST", "/api/v1/messages/webhook", body, 401)
		wrong := map[string]any{"sessionId": 7, "messages": "none"} // strangers learn nothing of what is right
		code, _ = post(wrong, "wrong")
		require.Equal(t, 401, code)
		code, _ = post(wrong, secret)
		require.Equal(t, 422, code)
		code, got := post(body, secret)
		require.Equal(t, 200, code, "%v", got)
		require.EqualValues(t, 2, got.num("received"))
		_, got = post(body, secret)
		require.EqualValues(t, 2, got.num("duplicates"))
		require.Zero(t, got.num("received"))
		chats := r.call("GET", "/api/v1/messages/sessions/shop/chats", nil, 200).list("data")
		require.Len(t, chats, 1)
		require.Equal(t, "Zoe", chats[0].str("name"))
		require.EqualValues(t, 2, chats[0].num("unreadCount"))
		require.Equal(t, []string{"from elsewhere", "second"}, r.storedTexts("shop", "34600000777"))
		told := 0
		for _, e := range r.events("shop") {
			if e.str("event") == "new_messages" {
				told++
			}
		}
		require.Equal(t, 2, told)
		code, got = post(map[string]any{"sessionId": "none", "messages": body["messages"]}, secret)
		require.Equal(t, 404, code, "%v", got)
		code, got = post(map[string]any{"sessionId": "shop", "messages": []map[string]any{{"id": "x", "chat": "nobody", "timestamp": "2026-11-24T10:00:00Z"}}}, secret)
		require.Equal(t, 422, code)
		require.Equal(t, "bad_address", got.str("code"))
	})
	t.Run("off, and by address", func(t *testing.T) {
		body := map[string]any{"sessionId": "shop", "messages": []map[string]any{{"id": "x", "chat": "34600000777", "timestamp": "2026-11-24T10:00:00Z"}}}
		off := start(t, place{dataDir: t.TempDir()})
		off.call("POST", "/api/v1/messages/webhook", body, 404)
		elsewhere := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.WebhookAllowedIPs = []string{"203.0.113.7"} })
		off.call("POST", "/api/v1/messages/webhook", map[string]any{"sessionId": 7}, 404)
		elsewhere.call("POST", "/api/v1/messages/webhook", map[string]any{"sessionId": 7}, 401)
		elsewhere.call("POST", "/api/v1/messages/webhook", body, 401)
		here := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.WebhookAllowedIPs = []string{"127.0.0.0/8"} })
		here.call("POST", "/api/v1/sessions", map[string]any{"id": "shop", "name": "Shop"}, 201)
		here.call("POST", "/api/v1/messages/webhook", body, 200)
	})
}
