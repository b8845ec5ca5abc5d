package app

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

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

// TestMetricsAreBounded asks in ways that nobody thought of: no label is made of what a stranger sends.
func TestMetricsAreBounded(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	for i := range 30 {
		r.raw(fmt.Sprint("EVIL", i), "/livez", nil)
		r.raw("GET", fmt.Sprint("/evil", i), nil)
		r.raw("GET", fmt.Sprintf("/api/v1/sessions/evil%d", i), nil)
		r.raw("HEAD", "/livez", nil)
	}
	got := r.metrics()
	require.NotContains(t, strings.ToLower(got), "evil")
	require.Contains(t, got, `whatsapp_api_http_request_seconds_count{method="other",route=`)
	require.Contains(t, got, `whatsapp_api_http_request_seconds_count{method="HEAD",route="/livez",status="2xx"} 30`)
}

// TestMetricsOfAllSessions restarts a server: sessions that it has not touched count as well.
func TestMetricsOfAllSessions(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		r := start(t, at)
		for i := range 5 {
			r.call("POST", "/api/v1/sessions", map[string]any{"id": fmt.Sprint("s", i), "name": "S"}, 201)
		}
		r.call("POST", "/api/v1/sessions/s0/stop", nil, 200)
		was := regexp.MustCompile("whatsapp_api_sessions{.*").FindAllString(r.metrics(), -1)
		require.Contains(t, was, `whatsapp_api_sessions{state="created"} 5`)
		r.stop()
		again := start(t, at)
		require.Equal(t, was, regexp.MustCompile("whatsapp_api_sessions{.*").FindAllString(again.metrics(), -1))
	})
}

// TestMetricsTellWhatHappens counts sends, deliveries, logins, streams and changes of state.
func TestMetricsTellWhatHappens(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.WebhookPrivateTargets = []string{"127.0.0.0/8"} })
	answers := make(chan int, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		code := http.StatusOK
		select {
		case code = <-answers:
		default:
		}
		w.WriteHeader(code)
	}))
	defer hook.Close()
	ws := r.stream(map[string]any{"type": "subscribe"})
	require.Equal(t, "subscribed", ws.next().str("type"))
	answers <- http.StatusBadRequest
	id := r.call("POST", "/api/v1/webhooks", map[string]any{"url": hook.URL, "retryFor": "0"}, 201).str("id")
	r.link("shop")
	bob := phone(t, "Bob")
	send := map[string]any{"to": bob.Number(), "text": "hello"}
	r.call("POST", "/api/v1/messages/sessions/shop/send/message", send, 201)
	r.call("POST", "/api/v1/messages/sessions/shop/send/message", map[string]any{"to": "34999999999", "text": "hello"}, 422)
	r.with("").call("POST", "/api/v1/users/login", map[string]any{"email": "nobody@example.com", "password": "a wrong password"}, 401)
	var got string
	for _, want := range []string{
		`whatsapp_api_send_seconds_count{outcome="ok"} 1`, `whatsapp_api_send_seconds_count{outcome="not_on_whatsapp"} 1`,
		`whatsapp_api_webhook_delivery_seconds_count{outcome="failed"} 1`, `whatsapp_api_webhook_delivery_seconds_count{outcome="delivered"} `, `whatsapp_api_webhook_dead_letters_total 1`,
		`whatsapp_api_logins_total{outcome="wrong"} 1`, `whatsapp_api_logins_total{outcome="ok"} 1`, `whatsapp_api_open_streams{kind="websocket"} 1`, `whatsapp_api_open_streams{kind="poll"} 0`,
		`whatsapp_api_session_changes_total{state="syncing"} 1`, `whatsapp_api_session_changes_total{state="reconnecting"} 0`, `whatsapp_api_clients_lagged_total 0`, `whatsapp_api_audit_lost_total 0`,
	} {
		require.Eventually(t, func() bool {
			got = r.metrics()
			return strings.Contains(got, want)
		}, 10*time.Second, 20*time.Millisecond, want)
	}
	require.False(t, strings.Contains(got, `route="/ws"`), "how long a stream was open says nothing of the server")
	r.call("DELETE", "/api/v1/webhooks/"+id, nil, 204)
}
