package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox"
)

var ways = map[string][]string{"websocket": {"websocket"}, "polling": {"polling"}, "upgrade": {"polling", "websocket"}}

func TestSocketIO(t *testing.T) {
	node := startNode(t)
	for way, transports := range ways {
		t.Run(way, func(t *testing.T) {
			r := start(t, place{dataDir: t.TempDir()})
			ana, bob := r.link("shop"), phone(t, "Bob")
			c := node.connect(r, way, transports, object{"token": r.token}, nil)
			require.Equal(t, "connect", c.next().str("what"))
			if way == "upgrade" {
				require.Equal(t, "websocket", c.until(is("upgrade")).str("transport"))
			}
			ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "¿Hay pan? 🥖"})
			require.NoError(t, err)
			got := c.until(event("new_messages"))
			require.Equal(t, "shop", got.obj("data").str("sessionId"))
			require.Equal(t, ids[0], got.obj("data").list("messages")[0].str("id"))
			require.Equal(t, "¿Hay pan? 🥖", got.obj("data").list("messages")[0].str("text"))
			stored := r.awaitEvent("shop", 0, named("new_messages"))
			data := stored.obj("data")
			delete(stored, "data")
			require.Equal(t, stored, got.obj("meta"), "meta is the envelope without data")
			data["sessionId"] = "shop"
			require.Equal(t, data, got.obj("data"))

			r.call("POST", "/api/v1/sessions", object{"id": "later", "name": "Later"}, 201)
			require.Equal(t, "later", c.until(event("session_initialized")).obj("meta").str("sessionId"), "sessions made later come too")

			require.Equal(t, "not_found", c.ask("subscribe", object{"sessions": []string{"nope"}}).obj("error").str("code"))
			require.Equal(t, "cursor_expired", c.ask("subscribe", object{"sessions": []string{"shop"}, "after": 100000}).obj("error").str("code"))
			require.Equal(t, "validation_failed", c.ask("subscribe", object{"sessions": "shop"}).obj("error").str("code"))
			require.Equal(t, []any{"shop"}, c.ask("subscribe", object{"sessions": []string{"shop"}, "events": []string{"session_connected"}, "after": 0})["sessions"])
			require.Equal(t, "session_connected", c.until(is("event")).str("name"), "from the beginning, and filtered")
			require.NotContains(t, c.ask("unsubscribe", object{}), "error")
			c.do("close", nil)
			require.Equal(t, "io client disconnect", c.until(is("disconnect")).str("reason"))
		})
	}
}
