package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
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
			seen := map[string]bool{}
			c.until(func(o object) bool { // connected and upgraded, whichever comes first
				seen[o.str("what")] = true
				return seen["connect"] && (seen["upgrade"] || way != "upgrade")
			})
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

func TestSocketIORefusals(t *testing.T) {
	node := startNode(t)
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.FrontendURL = []string{"https://app.example.com"} })
	r.call("POST", "/api/v1/sessions", object{"id": "shop", "name": "Shop"}, 201)
	r.call("POST", "/api/v1/users", object{"email": "eve@example.com", "name": "Eve", "password": "another password"}, 201)
	eve := r.as("eve@example.com", "another password")
	for name, c := range map[string]struct {
		auth object
		code string
	}{
		"no token":         {object{}, "unauthorized"},
		"bad token":        {object{"token": "a.b.c"}, "unauthorized"},
		"token of no text": {object{"token": 7}, "validation_failed"},
		"another's":        {object{"token": eve.token, "sessions": []string{"shop"}}, "not_found"},
		"missing":          {object{"token": r.token, "sessions": []string{"nope"}}, "not_found"},
		"ahead of the log": {object{"token": r.token, "sessions": []string{"shop"}, "after": 100000}, "cursor_expired"},
		"bad after":        {object{"token": r.token, "after": "x"}, "validation_failed"},
		"no such event":    {object{"token": r.token, "events": []string{"new_message"}}, "validation_failed"},
		"one seq for many": {object{"token": r.token, "sessions": []string{"shop", "shop"}, "after": 1}, "validation_failed"},
	} {
		for way, transports := range ways {
			refused := node.connect(r, name+" by "+way, transports, c.auth, nil).until(is("connect_error"))
			require.Equal(t, c.code, refused.obj("data").str("code"), "%s by %s", name, way)
			require.NotEmpty(t, refused.str("message"))
		}
	}
	header := node.connect(r, "header", ways["websocket"], object{}, object{"headers": object{"Authorization": "Bearer " + r.token}})
	require.Equal(t, "connect", header.next().str("what"), "the token may come in the header")

	// Eve gets nothing of others, whatever she follows.
	hers := node.connect(r, "eve", ways["websocket"], object{"token": eve.token, "after": 0}, nil)
	require.Equal(t, "connect", hers.next().str("what"))
	r.call("PUT", "/api/v1/sessions/shop", object{"name": "Renamed"}, 200)
	r.call("POST", "/api/v1/sessions", object{"id": "second", "name": "Second"}, 201)
	eve.call("POST", "/api/v1/sessions", object{"id": "hers", "name": "Hers"}, 201)
	require.Equal(t, "hers", hers.next().obj("meta").str("sessionId"))
	require.Equal(t, "not_found", hers.ask("subscribe", object{"sessions": []string{"shop"}}).obj("error").str("code"))

	for origin, status := range map[string]int{"https://app.example.com": 200, r.url: 200, "https://evil.example.com": 403, "http://app.example.com": 403, "null": 403} {
		code, _, header := r.raw("GET", "/socket.io/?EIO=4&transport=polling", nil, "Origin", origin)
		require.Equal(t, status, code, origin)
		require.NotEqual(t, "*", header.Get("Access-Control-Allow-Origin"))
		conn, resp, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
		require.Equal(t, status == 200, err == nil, origin)
		if err != nil {
			require.Equal(t, status, resp.StatusCode)
			continue
		}
		require.NoError(t, conn.CloseNow())
	}
}

func TestSocketIOTokenEnds(t *testing.T) {
	node := startNode(t)
	r := start(t, place{dataDir: t.TempDir()})
	user := r.call("POST", "/api/v1/users", object{"email": "eve@example.com", "name": "Eve", "password": "another password"}, 201)
	for i, end := range []func(){
		func() {
			r.call("PUT", "/api/v1/users/"+user.str("id")+"/password", object{"password": "another password"}, 204)
		},
		func() { r.call("PUT", "/api/v1/users/"+user.str("id"), object{"active": false}, 200) },
	} {
		eve := r.as("eve@example.com", "another password")
		clients := []*nodeClient{}
		for way, transports := range ways {
			c := node.connect(r, fmt.Sprint(way, i), transports, object{"token": eve.token}, object{"reconnection": true})
			c.until(is("connect"))
			clients = append(clients, c)
		}
		end()
		for _, c := range clients {
			require.Equal(t, "unauthorized", c.until(event("closing")).obj("data").str("code"))
			require.Equal(t, "io server disconnect", c.until(is("disconnect")).str("reason"))
		}
	}
}
