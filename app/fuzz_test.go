package app

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
)

// poster posts bodies to a server of its own, with one header that may be anything.
func poster(f *testing.F, path, header string) func(t *testing.T, body []byte, value string) (status int) {
	r := start(f, place{dataDir: f.TempDir()}, func(c *configs.Config) { c.WebhookAllowedIPs, c.RateLimit = []string{"127.0.0.1"}, 0 })
	r.call("POST", "/api/v1/sessions", object{"id": "shop", "name": "Shop"}, 201)
	transport := &http.Transport{}
	f.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	do := func(t *testing.T, method, path string, body []byte, value string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, bytes.NewReader(body))
		require.NoError(t, err)
		req.Header = http.Header{"Authorization": {"Bearer " + r.token}, "Content-Type": {"application/json"}}
		if value != "" {
			req.Header.Set(header, value)
		}
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer func() { require.NoError(t, resp.Body.Close()) }()
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Less(t, resp.StatusCode, 500, "%s %s: %s", method, path, raw)
		require.True(t, utf8.Valid(raw) && json.Valid(raw), "%s %s: %q", method, path, raw)
		return resp.StatusCode
	}
	return func(t *testing.T, body []byte, value string) int {
		if strings.ContainsFunc(value, unicode.IsControl) { // no client can send it
			return 0
		}
		status := do(t, "POST", path, body, value)
		if status < 300 {
			require.Equal(t, 200, do(t, "GET", "/api/v1/messages/sessions/shop/chats?limit=3", nil, ""))
			require.Equal(t, 200, do(t, "GET", "/api/v1/sessions/shop/events?limit=3", nil, ""))
		}
		return status
	}
}

// FuzzInboundBody posts messages as another WhatsApp service might: whatever is taken can be read.
func FuzzInboundBody(f *testing.F) {
	for _, body := range []string{
		`{"sessionId":"shop","messages":[{"id":"A","chat":"+34 600 000 001","text":"hi","name":"Zoe","timestamp":"2026-11-24T10:00:00Z"}]}`,
		`{"sessionId":"shop","messages":[{"id":"\u202e","chat":"1-2@g.us","from":"1@lid","fromMe":true,"type":"\u0000","text":"\ud800","timestamp":"0001-01-01T00:00:00Z"}]}`,
		`{"sessionId":"shop","messages":[{"id":"A","chat":"status@broadcast","timestamp":"9999-12-31T23:59:59.999999999-23:59"}]}`,
		`{"sessionId":"shop","messages":[{"id":"A","chat":"120363000000000001@newsletter","timestamp":"-1"}]}`,
		`{"sessionId":"none","messages":[]}`, `{"sessionId":7}`, `[]`, `null`, ``, `{"messages":[{"chat":{}}]`,
	} {
		f.Add([]byte(body), "sha256=00")
	}
	post := poster(f, "/api/v1/messages/webhook", "X-Hub-Signature-256")
	f.Fuzz(func(t *testing.T, body []byte, signature string) { post(t, body, signature) })
}

// FuzzIdempotencyHeader sends with any Idempotency-Key on a session that is offline: it is refused
// for that, or for what is wrong, as often as it is tried.
func FuzzIdempotencyHeader(f *testing.F) {
	for _, key := range []string{"a", "\xff\xfe", "é\t/", "a, b", "\"a\"", "%00"} {
		f.Add([]byte(`{"to":"34600000001","text":"hi"}`), key)
	}
	f.Add([]byte(`{"to":"nobody","text":"hi"}`), "a")
	post := poster(f, "/api/v1/messages/sessions/shop/send/message", "Idempotency-Key")
	f.Fuzz(func(t *testing.T, body []byte, key string) {
		first := post(t, body, key)
		require.Contains(t, []int{0, 400, 409, 415, 422}, first)
		require.Equal(t, first, post(t, body, key), "what was refused leaves nothing behind")
	})
}
