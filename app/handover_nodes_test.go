package app

import (
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox"
)

// TestHandoverAtAnotherServer gives a session to another user at a server that neither runs it nor delivers
// to webhooks: the first one's streams end, his webhook hears nothing more, and the other's begins there.
func TestHandoverAtAnotherServer(t *testing.T) {
	onEachMongo(t, func(t *testing.T, at place) {
		first := spawn(t, at)
		for _, name := range []string{"ann", "eve"} {
			first.call("POST", "/api/v1/users", map[string]any{"email": name + "@example.com", "name": name, "password": "another password"}, 201)
		}
		ann, eve := first.as("ann@example.com", "another password"), first.as("eve@example.com", "another password")
		shop := ann.link("shop")
		anns, eves := newEndpoint(t), newEndpoint(t)
		ann.call("POST", "/api/v1/webhooks", map[string]any{"url": anns.URL, "events": []string{"new_messages"}}, 201)
		eve.call("POST", "/api/v1/webhooks", map[string]any{"url": eves.URL, "events": []string{"new_messages"}}, 201)
		stream := ann.stream(map[string]any{"type": "subscribe", "sessions": []string{"shop"}})
		require.Equal(t, "subscribed", stream.next().str("type"))
		bob := phone(t, "Bob")
		says := func(text string) {
			_, err := bob.Send(t.Context(), sandbox.Outgoing{To: shop.Number(), Text: text})
			require.NoError(t, err)
		}
		came := func(e *endpoint, text string) {
			all := e.await(func(all []hit) bool { return len(all) > 0 })
			require.Contains(t, string(all[0].raw), text)
		}
		says("while it is Ann's")
		came(anns, "while it is Ann's")

		second := beside(t, first)
		user := eve.call("GET", "/api/v1/users/me", nil, 200).str("id")
		second.call("PUT", "/api/v1/sessions/shop", map[string]any{"ownerId": user}, 200)
		require.Equal(t, websocket.StatusCode(4412), stream.closed())
		ann.call("GET", "/api/v1/sessions/shop", nil, 404)
		says("now that it is Eve's")
		came(eves, "now that it is Eve's")
		says("and again")
		eves.await(func(all []hit) bool { return len(all) == 2 })
		require.Len(t, anns.await(func([]hit) bool { return true }), 1, "Ann gets nothing any more")
	})
}
