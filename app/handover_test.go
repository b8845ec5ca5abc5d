package app

import (
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
	"whatsapp-api/whatsapp/sandbox"
)

// TestHandover gives a session from one user to another, with what hangs on it.
func TestHandover(t *testing.T) {
	eachStore(t, func(t *testing.T, at place) {
		r := start(t, at, func(c *configs.Config) { c.WebhookPrivateTargets = []string{"127.0.0.0/8"} })
		users := map[string]string{}
		for _, name := range []string{"ann", "eve"} {
			users[name] = r.call("POST", "/api/v1/users", map[string]any{"email": name + "@example.com", "name": name, "password": "another password"}, 201).str("id")
		}
		ann, eve := r.as("ann@example.com", "another password"), r.as("eve@example.com", "another password")
		phoneOfShop := ann.link("shop")
		anns, eves := newEndpoint(t), newEndpoint(t)
		ann.call("POST", "/api/v1/webhooks", map[string]any{"url": anns.URL, "events": []string{"new_messages"}}, 201)
		eve.call("POST", "/api/v1/webhooks", map[string]any{"url": eves.URL, "events": []string{"new_messages"}}, 201)
		own := ann.call("POST", "/api/v1/webhooks", map[string]any{"url": "https://example.com/hook", "sessionId": "shop"}, 201).str("id")
		alone := ann.call("POST", "/api/v1/api-keys", map[string]any{"name": "Alone", "scopes": []string{"*"}, "sessions": []string{"shop"}}, 201).str("key")
		all := ann.call("POST", "/api/v1/api-keys", map[string]any{"name": "All", "scopes": []string{"*"}}, 201).str("key")
		stream := ann.stream(map[string]any{"type": "subscribe", "sessions": []string{"shop"}})
		require.Equal(t, "subscribed", stream.next().str("type"))
		bob := phone(t, "Bob")
		says := func(text string) {
			_, err := bob.Send(t.Context(), sandbox.Outgoing{To: phoneOfShop.Number(), Text: text})
			require.NoError(t, err)
		}
		says("while it is Ann's")
		came := func(e *endpoint, text string) {
			all := e.await(func(all []hit) bool { return len(all) > 0 })
			require.Contains(t, string(all[0].raw), text)
		}
		came(anns, "while it is Ann's")

		const path = "/api/v1/sessions/shop"
		ann.call("PUT", path, map[string]any{"ownerId": users["eve"]}, 403)
		r.call("PUT", path, map[string]any{"ownerId": "usr_none"}, 422)
		require.Equal(t, users["eve"], r.call("PUT", path, map[string]any{"ownerId": users["eve"], "name": "Eve's"}, 200).str("ownerId"))
		require.Equal(t, websocket.StatusCode(4412), stream.closed())
		ann.call("GET", path, nil, 404)
		ann.call("GET", "/api/v1/webhooks/"+own, nil, 404)
		r.with(all).call("GET", path, nil, 404)
		require.Equal(t, "Eve's", eve.call("GET", path, nil, 200).str("name"))
		eve.call("GET", "/api/v1/webhooks/"+own, nil, 200)
		require.Equal(t, "eve@example.com", r.with(alone).call("GET", "/api/v1/users/me", nil, 200).str("email"))
		r.with(alone).call("GET", path, nil, 200)
		says("now that it is Eve's")
		came(eves, "now that it is Eve's") // and nothing from before

		me := r.call("GET", "/api/v1/users/me", nil, 200).str("id")
		r.call("PUT", path, map[string]any{"ownerId": me}, 200)
		r.with(alone).call("GET", path, nil, 404)
		require.Equal(t, "eve@example.com", r.with(alone).call("GET", "/api/v1/users/me", nil, 200).str("email"), "a user's key does not become an admin's")
		require.Len(t, anns.await(func([]hit) bool { return true }), 1, "Ann gets nothing any more")
	})
}
