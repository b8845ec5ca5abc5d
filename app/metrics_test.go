package app

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
	"whatsapp-api/whatsapp/sandbox"
)

func TestMetricsAndHealth(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	own := l.Addr().String()
	require.NoError(t, l.Close())
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.MetricsListen = own })
	ana, bob := r.link("shop"), phone(t, "Bob")
	_, err = bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "count me"})
	require.NoError(t, err)
	r.awaitEvent("shop", 0, named("new_messages"))

	h := r.call("GET", "/api/v1/sessions/shop/health", nil, 200)
	require.Equal(t, "connected", h.str("state"))
	require.NotNil(t, h["lastFrameAt"])
	require.Less(t, h.num("silentMs"), int64(60_000))
	require.Zero(t, h.num("queuedMessages"))
	require.Positive(t, h.num("lastSeq"))

	code, raw, _ := r.raw("GET", "/metrics", nil)
	require.Equal(t, 200, code)
	for _, want := range []string{
		`whatsapp_api_messages_total{from_me="false"} 1`, `whatsapp_api_events_total{event="new_messages"} 1`, `whatsapp_api_sessions{state="connected"} 1`,
		`whatsapp_api_session_connected{session="shop"} 1`, `whatsapp_api_store_up{store="sqlite"} 1`, `whatsapp_api_commit_seconds_bucket{outcome="ok",le="`,
		`whatsapp_api_http_request_seconds_count{method="GET",route="/api/v1/sessions/:sessionId/health",status="2xx"} 1`, "process_resident_memory_bytes", "process_open_fds", "go_goroutines",
	} {
		require.Contains(t, string(raw), want)
	}
	require.NotContains(t, string(raw), strings.TrimPrefix(bob.Number(), "+"), "no numbers in labels")
	code, _, _ = r.with("").raw("GET", "/metrics", nil)
	require.Equal(t, 401, code)
	reader := r.call("POST", "/api/v1/api-keys", map[string]any{"name": "Prometheus", "scopes": []string{"metrics:read"}}, 201).str("key")
	code, _, _ = r.with(reader).raw("GET", "/metrics", nil)
	require.Equal(t, 200, code)
	other := r.call("POST", "/api/v1/api-keys", map[string]any{"name": "Other", "scopes": []string{"messages:read"}}, 201).str("key")
	code, _, _ = r.with(other).raw("GET", "/metrics", nil)
	require.Equal(t, 403, code)

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + own + "/metrics")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
}
