package app

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
)

// TestForgedTokensBySocketIO tries to connect with tokens that are not good, in every transport:
// in the handshake, in the header and in the cookie.
func TestForgedTokensBySocketIO(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	node := startNode(t)
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.JWTSecret = secret })
	r.call("POST", "/api/v1/sessions", object{"id": "shop", "name": "Shop"}, 201)
	f := newForger(t, r.token, secret)
	bad := f.forged(t, r.token)
	out := r.as(adminEmail, adminPassword)
	out.call("POST", "/api/v1/users/logout", nil, 204)
	bad["logged out"] = out.token
	key := r.call("POST", "/api/v1/api-keys", object{"name": "Deleted", "scopes": []string{"*"}}, 201)
	r.call("DELETE", "/api/v1/api-keys/"+key.str("id"), nil, 204)
	bad["deleted key"], bad["changed key"] = key.str("key"), key.str("key")+"x"
	bad["not ASCII"], bad["long"] = "é\u0000\r\n", strings.Repeat("a.", 20_000)
	refused := func(c *nodeClient, code, what string) {
		require.Equal(t, code, c.until(is("connect_error")).obj("data").str("code"), what)
		c.do("close", nil)
	}
	for way, transports := range ways {
		require.Equal(t, "connect", node.connect(r, "able "+way, transports, object{"token": f.make(hs256, sha256.New, nil)}, nil).until(is("connect")).str("what"))
		for name, token := range bad {
			id := name + " by " + way
			refused(node.connect(r, id, transports, object{"token": token}, nil), "unauthorized", id)
			refused(node.connect(r, id+", Bearer", transports, object{"token": "Bearer " + token}, nil), "unauthorized", id)
			if len(token) < 5000 && !strings.ContainsAny(token, " \x00\r\n") { // what Node sends as a header
				refused(node.connect(r, id+", header", transports, object{}, object{"headers": object{"Authorization": "Bearer " + token}}), "unauthorized", id)
				refused(node.connect(r, id+", cookie", transports, object{}, object{"headers": object{"Cookie": "whatsapp_api_token=" + token}}), "unauthorized", id)
			}
		}
	}
}

// TestLimitedKeysBySocketIO connects with API keys that may do less than their owner.
func TestLimitedKeysBySocketIO(t *testing.T) {
	node := startNode(t)
	r := start(t, place{dataDir: t.TempDir()})
	r.call("POST", "/api/v1/sessions", object{"id": "shop", "name": "Shop"}, 201)
	r.call("POST", "/api/v1/sessions", object{"id": "other", "name": "Other"}, 201)
	key := func(more object) string {
		wish := object{"name": "Limited", "scopes": []string{"events:read"}}
		for k, v := range more {
			wish[k] = v
		}
		return r.call("POST", "/api/v1/api-keys", wish, 201).str("key")
	}
	elsewhere, unable, bound := key(object{"addresses": []string{"203.0.113.0/24"}}), key(object{"scopes": []string{"sessions:read"}}), key(object{"sessions": []string{"other"}})
	for way, transports := range ways {
		for name, c := range map[string]struct {
			auth object
			code string
		}{
			"elsewhere":       {object{"token": elsewhere}, "address_not_allowed"},
			"unable":          {object{"token": unable}, "scope_missing"},
			"another session": {object{"token": bound, "sessions": []string{"shop"}}, "not_found"},
			"one of two":      {object{"token": bound, "sessions": []string{"other", "shop"}}, "not_found"},
		} {
			require.Equal(t, c.code, node.connect(r, name+" by "+way, transports, c.auth, nil).until(is("connect_error")).obj("data").str("code"), "%s by %s", name, way)
		}
		c := node.connect(r, "bound by "+way, transports, object{"token": bound, "after": object{"shop": 0, "other": 0}}, nil)
		c.until(is("connect"))
		require.Equal(t, "other", c.until(is("event")).obj("meta").str("sessionId"), "nothing of the one before it")
		require.Equal(t, "not_found", c.ask("subscribe", object{"sessions": []string{"shop"}}).obj("error").str("code"))
		require.Equal(t, "not_found", c.ask("subscribe", object{"sessions": []string{"shop"}, "after": 0}).obj("error").str("code"))
	}
}

// TestTokenRunsOutBySocketIO lets tokens of connected clients run out, or be revoked.
func TestTokenRunsOutBySocketIO(t *testing.T) {
	node := startNode(t)
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.TokenTTL = 10 * time.Second })
	for name, end := range map[string]func(*rig){
		"run out": func(*rig) {},
		"revoked": func(out *rig) { out.call("POST", "/api/v1/users/logout", nil, 204) },
	} {
		mine := r.as(adminEmail, adminPassword)
		var clients []*nodeClient
		for way, transports := range ways {
			c := node.connect(r, name+" by "+way, transports, object{"token": mine.token}, nil)
			c.until(is("connect"))
			clients = append(clients, c)
		}
		end(mine)
		for _, c := range clients {
			require.Equal(t, "unauthorized", c.until(event("closing")).obj("data").str("code"))
			require.Equal(t, "io server disconnect", c.until(is("disconnect")).str("reason"))
		}
		for way, transports := range ways {
			again := node.connect(r, name+" by "+way+" again", transports, object{"token": mine.token}, nil)
			require.Equal(t, "unauthorized", again.until(is("connect_error")).obj("data").str("code"))
		}
	}
}
