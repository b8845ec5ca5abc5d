package app

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox"
)

// TestBacklogOfADeadEndpoint watches what waits for webhooks whose endpoint is gone, until it is back.
func TestBacklogOfADeadEndpoint(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		r.call("POST", "/api/v1/sessions", map[string]any{"id": "other", "name": "Other"}, 201)
		newest := func() int64 { return r.call("GET", "/api/v1/sessions/shop", nil, 200).num("lastSeq") }
		backlog := func(r *rig) map[string]int64 {
			waits := map[string]int64{}
			for _, w := range r.call("GET", "/api/v1/sessions/shop/health", nil, 200).list("webhooks") {
				waits[w.str("webhookId")] = w.num("backlog")
			}
			return waits
		}
		begins := map[string][2]int64{} // where a webhook's first event is looked for: between these
		hook := func(body map[string]any) string {
			body["url"] = "http://127.0.0.1:1/nobody"
			before := newest()
			id := r.call("POST", "/api/v1/webhooks", body, 201).str("id")
			begins[id] = [2]int64{before, newest()}
			return id
		}
		one, all := hook(map[string]any{"sessionId": "shop"}), hook(map[string]any{})
		hook(map[string]any{"sessionId": "other"})
		key := r.with(r.call("POST", "/api/v1/api-keys", map[string]any{"name": "K", "scopes": []string{"*"}, "sessions": []string{"shop"}}, 201).str("key"))
		require.Len(t, backlog(r), 2, "those of other sessions are not this one's")

		for i := range 5 {
			_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: fmt.Sprint(i)})
			require.NoError(t, err)
		}
		r.awaitEvent("shop", begins[one][0], func(e object) bool { return strings.Contains(string(mustJSON(t, e)), `"text":"4"`) })
		require.Eventually(t, func() bool {
			before, waits, after := newest(), backlog(r), newest()
			for _, id := range []string{one, all} {
				if waits[id] < before-begins[id][1] || waits[id] > after-begins[id][0] {
					return false
				}
			}
			return true
		}, time.Minute, 50*time.Millisecond, "all that came since waits")
		require.Len(t, backlog(key), 1, "a key for one session sees the webhook of that session alone")
		_, raw, _ := r.raw("GET", "/metrics", nil)
		require.Regexp(t, `whatsapp_api_webhook_backlog\{webhook="`+one+`",state="(active|failing)"\} [1-9]`, string(raw))
		require.Regexp(t, `whatsapp_api_webhooks\{state="(active|failing)"\} [1-3]\n`, string(raw))

		r.call("POST", "/api/v1/webhooks/"+all+"/pause", nil, 200)
		e := newEndpoint(t)
		for _, id := range []string{one, all} {
			r.call("PUT", "/api/v1/webhooks/"+id, map[string]any{"url": e.URL}, 200)
		}
		require.Eventually(t, func() bool { return backlog(r)[one] == 0 }, time.Minute, 50*time.Millisecond, "the endpoint is back")
		require.GreaterOrEqual(t, backlog(r)[all], int64(5), "a paused one keeps what waits")
		paused := regexp.MustCompile(`whatsapp_api_webhook_backlog\{webhook="` + all + `",state="paused"\} [1-9]`)
		require.Eventually(t, func() bool { // what a look found is shown for a while
			_, raw, _ := r.raw("GET", "/metrics", nil)
			return paused.Match(raw)
		}, time.Minute, 50*time.Millisecond)
	})
}
