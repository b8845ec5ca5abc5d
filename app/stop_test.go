package app

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
	"whatsapp-api/whatsapp/sandbox"
)

// late is the answer of a call that was under way when the server was stopped.
type late struct {
	status int
	body   string
	err    error
}

// asking makes a call that is answered on a channel, whatever comes.
func (r *rig) asking(method, path, body string, answers chan<- late) {
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	require.NoError(r.t, err)
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Content-Type", "application/json")
	go func() {
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			answers <- late{err: err}
			return
		}
		raw, err := io.ReadAll(resp.Body)
		err = errors.Join(err, checkCode(method, path, resp.StatusCode, resp.Header, raw), resp.Body.Close())
		answers <- late{resp.StatusCode, string(raw), err}
	}()
}

// TestStopAnswersWhoWaits stops a server while clients wait for events and for a QR code: all of them
// are answered, and the server has not used up its time for that.
func TestStopAnswersWhoWaits(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		r := start(t, at, func(c *configs.Config) { c.ShutdownGrace = 60 * time.Second })
		r.call("POST", "/api/v1/sessions", map[string]any{"id": "shop", "name": "Shop"}, 201)
		r.link("open")
		last := r.call("GET", "/api/v1/sessions/shop", nil, 200).num("lastSeq")
		answers := make(chan late, 2)
		r.asking("GET", fmt.Sprintf("/api/v1/sessions/shop/events?wait=60&after=%d", last), "", answers)
		r.asking("GET", fmt.Sprintf("/api/v1/sessions/shop/events?after=%d&wait=50&limit=1", last), "", answers)
		require.Eventually(t, func() bool { return strings.Contains(r.metrics(), `whatsapp_api_open_streams{kind="poll"} 2`) }, 10*time.Second, 20*time.Millisecond)
		began := time.Now()
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			r.stop()
		}()
		for range 2 {
			a := <-answers
			require.NoError(t, a.err)
			require.Equal(t, 200, a.status, a.body)
			require.Contains(t, a.body, `"data":[]`)
		}
		<-stopped
		require.Less(t, time.Since(began), 20*time.Second)
	})
}

// TestStopCutsNobodyShort stops a server while a send waits for an acknowledgement that does not come: it
// is answered before the server ends, which it does in order.
func TestStopCutsNobodyShort(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.ShutdownGrace = 3 * time.Second })
	ana, bob := r.link("shop"), phone(t, "Bob")
	require.NoError(t, theWorld.server.AddFaults(sandbox.Fault{Kind: sandbox.FaultAckLost, Phone: ana.Number(), Count: 1}))
	answers := make(chan late, 1)
	r.asking("POST", "/api/v1/messages/sessions/shop/send/message", `{"to":"`+bob.Number()+`","text":"hello"}`, answers)
	_, err := bob.WaitMessages(t.Context(), 0, 1)
	require.NoError(t, err)
	r.stop()
	a := <-answers
	require.NoError(t, a.err)
	require.Equal(t, 504, a.status, a.body)
	require.Contains(t, a.body, "send_unconfirmed")
}

// TestEverythingHasAHead asks for the head of all that can be got.
func TestEverythingHasAHead(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	r.call("POST", "/api/v1/sessions", map[string]any{"id": "shop", "name": "Shop"}, 201)
	paths := []string{"/ws", "/api/v1/events", "/metrics", "/docs", "/api/v1/openapi.json", "/nothing"}
	for _, e := range r.app.front.Endpoints {
		if e.Method == http.MethodGet && !strings.HasSuffix(e.Path, "/qr") {
			paths = append(paths, strings.NewReplacer("{sessionId}", "shop", "{chatId}", "34600000000", "{id}", "none", "{deliveryId}", "dlv_none", "{messageId}", "none").Replace(e.Path))
		}
	}
	for _, path := range paths {
		code, raw, header := r.raw("HEAD", path, nil)
		require.Empty(t, raw, path)
		require.NotEqual(t, 405, code, path)
		if path != "/api/v1/events" { // whose GET has no end
			got, _, same := r.raw("GET", path, nil)
			require.Equal(t, got, code, path)
			require.Equal(t, same.Get("Content-Type"), header.Get("Content-Type"), path)
		}
	}
	code, _, header := r.raw("HEAD", "/api/v1/users/me/password", nil)
	require.Equal(t, 405, code)
	require.NotContains(t, header.Get("Allow"), "HEAD")
	code, _, header = r.raw("DELETE", "/livez", nil)
	require.Equal(t, 405, code)
	require.Contains(t, header.Get("Allow"), "HEAD")
	code, _, _ = r.raw("HEAD", "/socket.io/?EIO=4&transport=polling", nil)
	require.Equal(t, 405, code)
}

// metrics is what Prometheus would read.
func (r *rig) metrics() string {
	r.t.Helper()
	code, raw, _ := r.raw("GET", "/metrics", nil)
	require.Equal(r.t, 200, code)
	return string(raw)
}
