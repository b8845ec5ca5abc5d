package app

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox"
)

// TestRefusedChat has an endpoint refuse what Bob writes, and take all else. What Carol writes comes, the
// webhook says that Bob's chat waits, and when the endpoint is mended all of it comes, in order.
func TestRefusedChat(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		const count = 1200 // more than memory holds
		r := start(t, at)
		ana, bob, carol := r.link("shop"), phone(t, "Bob"), phone(t, "Carol")
		var mended atomic.Bool
		to := newEndpoint(t)
		var refused atomic.Int32
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			raw, err := io.ReadAll(req.Body)
			if err != nil || !mended.Load() && strings.Contains(string(raw), `"text":"bob `) {
				refused.Add(1)
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			req.Body = io.NopCloser(bytes.NewReader(raw))
			to.Config.Handler.ServeHTTP(w, req)
		}))
		t.Cleanup(front.Close)
		hook := "/api/v1/webhooks/" + r.call("POST", "/api/v1/webhooks", map[string]any{"url": front.URL, "events": []string{"new_messages"}}, 201).str("id")
		_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "bob {n}", Count: count})
		require.NoError(t, err)
		_, err = carol.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "carol"})
		require.NoError(t, err)
		to.await(func(all []hit) bool { return len(all) == 1 })
		w := r.call("GET", hook, nil, 200)
		require.Equal(t, "active", w.str("state"))
		waiting := w.list("waiting")
		require.Len(t, waiting, 1)
		require.Equal(t, "shop", waiting[0].str("sessionId"))
		require.Equal(t, strings.TrimPrefix(bob.Number(), "+")+"@s.whatsapp.net", waiting[0].str("chat"))
		require.Contains(t, waiting[0].str("lastError"), "answered 400")
		require.Equal(t, "retry", w.str("onRefusal"))
		mended.Store(true)
		require.Equal(t, "active", r.call("POST", hook+"/resume", nil, 200).str("state"))
		texts := firsts(to.await(func(all []hit) bool { return len(all) == count+1 }))
		require.Equal(t, "bob 1200", texts[count])
		require.Equal(t, "dead", r.call("PUT", hook, map[string]any{"onRefusal": "dead"}, 200).str("onRefusal"))
		require.Less(t, refused.Load(), int32(50))
	})
}
