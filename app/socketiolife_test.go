package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
	"whatsapp-api/whatsapp/sandbox"
)

// reader checks what a client of Socket.IO gets: each message once, in order.
type reader struct {
	*nodeClient
	texts []string
	seq   int64
}

// take reads an event that the client got.
func (r *reader) take(e object) {
	require.Greater(r.t, e.obj("meta").num("seq"), r.seq)
	r.seq = e.obj("meta").num("seq")
	for _, m := range e.obj("data").list("messages") {
		r.texts = append(r.texts, m.str("text"))
	}
}

func (r *reader) read(total int) {
	r.t.Helper()
	for len(r.texts) < total {
		r.take(r.until(event("new_messages")))
	}
}

// TestSocketIOResumes restarts the server under clients that come back by themselves: they see
// each event once, in order.
func TestSocketIOResumes(t *testing.T) {
	node := startNode(t)
	at := place{dataDir: t.TempDir()}
	r := start(t, at)
	ana, bob := r.link("shop"), phone(t, "Bob")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(r.url, "http://"))
	require.NoError(t, err)
	clients := map[string]*reader{}
	for way, transports := range ways {
		auth := object{"token": r.token, "events": []string{"new_messages"}}
		clients[way] = &reader{nodeClient: node.connect(r, way, transports, auth, object{"reconnection": true})}
		clients[way].until(is("connect"))
	}
	var want []string
	send := func() {
		for range 50 {
			want = append(want, fmt.Sprint("message ", len(want)))
			_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: want[len(want)-1]})
			require.NoError(t, err)
		}
	}
	send()
	for _, c := range clients {
		c.read(50)
	}
	send() // some of it reaches the clients before the stop, some after
	r.stop()
	for way, c := range clients {
		o := c.next()
		for ; !event("closing")(o); o = c.next() {
			c.take(o)
		}
		require.Equal(t, "stopping", o.obj("data").str("code"), way)
		require.NotEqual(t, "io server disconnect", c.until(is("disconnect")).str("reason"), "a client comes back by itself")
	}
	send()
	r = start(t, at, func(c *configs.Config) {
		_, err := fmt.Sscan(port, &c.Port)
		require.NoError(t, err)
	})
	r.awaitState("shop", "connected")
	send()
	for way, c := range clients {
		c.read(len(want))
		require.Equal(t, want, c.texts, way)
	}
}

// TestSocketIOSlowClient lets one client read nothing: it is cut, and nobody waits for it. It pays
// no heed to "lagged", which may not reach it, and resumes from what came last.
func TestSocketIOSlowClient(t *testing.T) {
	node, other := startNode(t), startNode(t)
	r, cut := startWatched(t)
	ana, bob := r.link("shop"), phone(t, "Bob")
	auth := object{"token": r.token, "events": []string{"new_messages"}}
	slow := &reader{nodeClient: node.connect(r, "slow", ways["websocket"], auth, object{"reconnection": true})}
	fast := &reader{nodeClient: other.connect(r, "fast", ways["websocket"], auth, nil)}
	slow.until(is("connect"))
	fast.until(is("connect"))
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "first"})
	require.NoError(t, err)
	slow.read(1) // without a place to resume from, it would get what is new only
	fast.read(1)
	slow.do("pause", nil)
	slow.until(is("paused"))
	total := floodUntil(t, cut, bob, ana, func(total int) { fast.read(1 + total) })
	slow.do("resume", nil)
	slow.read(1 + total) // it comes back and has missed nothing
	require.Equal(t, fast.texts, slow.texts)
}

// TestSocketIOGarbage sends what no client would, by hand.
func TestSocketIOGarbage(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	const path = "/socket.io/?EIO=4&transport=polling"
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	send := func(method, path, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer func() { require.NoError(t, resp.Body.Close()) }()
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err, "%.40q: %d %v", body, resp.StatusCode, resp.Header)
		require.NoError(t, checkCode(method, path, resp.StatusCode, resp.Header, raw))
		return resp.StatusCode, string(raw)
	}
	open := func() string {
		code, raw := send("GET", path, "")
		require.Equal(t, 200, code, raw)
		var hello object
		require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(raw, "0")), &hello))
		return path + "&sid=" + url.QueryEscape(hello.str("sid"))
	}
	for _, bad := range []string{"/socket.io/", "/socket.io/?EIO=3&transport=polling", path + "&j=0", path + "&sid=unknown", "/socket.io/?EIO=4&transport=pigeon", "/socket.io/?EIO=4&transport=websocket"} {
		code, raw := send("GET", bad, "")
		require.Equal(t, 400, code, "%s: %s", bad, raw)
	}
	const and = "\x1e"
	connect := fmt.Sprintf(`40{"token":%q}`, r.token)
	for _, body := range []string{
		"", "x", "4", "49", "42", `42[]`, `42{}`, `42["connect"]`, "4" + strings.Repeat("[", 60_000), "451-", `451-["x",{"_placeholder":true,"num":0}]`,
		"bAAAA", "\x00\x1e\x1e", "1", "5", "6", "2probe", "3", strings.Repeat("40"+and, 10_000), strings.Repeat("40/admin,"+and, 5_000), strings.Repeat("y", 70_000),
		connect, connect + and + connect, connect + strings.Repeat(and+`420["subscribe",{"sessions":["nope"]}]`, 500),
		connect + and + `42["subscribe"]` + and + `42["subscribe",7]` + and + `420["unsubscribe",{"sessions":7}]` + and + `42[7]` + and + `439[1]` + and + "41",
	} {
		at := open()
		code, _ := send("POST", at, body)
		require.Contains(t, []int{200, 400, 413, 429}, code, "%.40q", body)
		code, _ = send("POST", at, "1") // goodbye, where it is not over already
		require.Contains(t, []int{200, 400}, code, "%.40q", body)
		code, _ = send("GET", at, "")
		require.Equal(t, 400, code, "%.40q: the connection has ended", body)
	}
	conn, _, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket", nil)
	require.NoError(t, err)
	err = conn.Write(t.Context(), websocket.MessageText, []byte("4"+strings.Repeat("x", 100_000)))
	for err == nil { // it is cut, now or soon
		_, _, err = conn.Read(t.Context())
	}
	_ = conn.CloseNow() // the server has closed it
	r.call("GET", "/livez", nil, 200)
}
