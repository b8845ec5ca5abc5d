package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"whatsapp-api/app/socketio"
)

// rig is a server with what its clients did.
type rig struct {
	t     *testing.T
	url   string
	s     *socketio.Server
	conns chan *socketio.Conn // that are connected to the namespace
	slow  atomic.Int32

	strangers atomic.Int32
}

type client struct {
	r *rig
	c *socketio.Conn
}

func (c client) Begin() { c.r.conns <- c.c }

func (c client) Event(name string, args []json.RawMessage, answer func(any)) {
	if name == "echo" {
		answer(args)
	}
}

var errNoToken = errors.New("no token")

// start serves clients that bring a token. They can ask for an echo, and for nothing.
func start(t *testing.T, change func(*socketio.Config)) *rig {
	r := &rig{t: t, conns: make(chan *socketio.Conn, 1000)}
	cfg := socketio.Config{
		PingInterval: time.Minute, PingTimeout: time.Minute, ConnectTimeout: time.Minute, WriteTimeout: time.Minute, Patience: time.Minute,
		MaxPayload: 64 << 10, Room: 1 << 20, Packets: 256, Inbox: 32,
		Opened: func() func() {
			r.strangers.Add(1)
			return func() { r.strangers.Add(-1) }
		},
		Slow: func() { r.slow.Add(1) },
		Connect: func(c *socketio.Conn, auth json.RawMessage) (socketio.Client, error) {
			var who struct{ Token string }
			if json.Unmarshal(auth, &who) != nil || who.Token == "" {
				return nil, errNoToken
			}
			return client{r, c}, nil
		},
		Refusal: func(_ *socketio.Conn, err error) (string, any) {
			return err.Error(), map[string]string{"code": "refused"}
		},
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int, detail string) { http.Error(w, detail, status) },
	}
	if change != nil {
		change(&cfg)
	}
	r.s = socketio.New(cfg)
	server := httptest.NewServer(r.s)
	r.url = server.URL
	t.Cleanup(func() {
		r.s.Close()
		require.Zero(t, r.strangers.Load())
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return r
}

// ask makes a request of a connection; sid is empty for a new one.
func (r *rig) ask(method, sid, body string) (status int, answer string) {
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+"/?EIO=4&transport=polling&sid="+sid, strings.NewReader(body))
	require.NoError(r.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	require.NoError(r.t, resp.Body.Close())
	return resp.StatusCode, string(raw)
}

// open begins a connection that polls.
func (r *rig) open() (sid string) {
	status, raw := r.ask("GET", "", "")
	require.Equal(r.t, 200, status, raw)
	return sidOf(r.t, raw)
}

func sidOf(t *testing.T, greeting string) string {
	require.Equal(t, byte('0'), greeting[0])
	var hello struct {
		ID         string `json:"sid"`
		MaxPayload int
	}
	require.NoError(t, json.Unmarshal([]byte(greeting[1:]), &hello))
	require.Equal(t, 64<<10, hello.MaxPayload)
	return hello.ID
}

// dial opens a WebSocket; sid is empty for a new connection.
func (r *rig) dial(sid string) *websocket.Conn {
	c, resp, err := websocket.DefaultDialer.DialContext(r.t.Context(), "ws"+strings.TrimPrefix(r.url, "http")+"/?EIO=4&transport=websocket&sid="+sid, nil)
	require.NoError(r.t, err)
	require.NoError(r.t, resp.Body.Close())
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

func write(t *testing.T, c *websocket.Conn, text string) {
	require.NoError(t, c.WriteMessage(websocket.TextMessage, []byte(text)))
}

func read(t *testing.T, c *websocket.Conn) string {
	_, raw, err := c.ReadMessage()
	require.NoError(t, err)
	return string(raw)
}

func event(t *testing.T, name string, args ...any) []byte {
	raw, err := socketio.Event(name, args...)
	require.NoError(t, err)
	return raw
}

func TestWebSocket(t *testing.T) {
	r := start(t, nil)
	c := r.dial("")
	sidOf(t, read(t, c))
	write(t, c, "40")
	require.JSONEq(t, `{"message":"no token","data":{"code":"refused"}}`, strings.TrimPrefix(read(t, c), "44"))
	write(t, c, "40/admin,")
	require.Equal(t, `44/admin,{"message":"Invalid namespace"}`, read(t, c))
	write(t, c, `40{"token":"x"}`)
	require.Contains(t, read(t, c), `40{"sid":`)
	write(t, c, `4217["echo",{"a":1},"é"]`)
	require.Equal(t, `4317[[{"a":1},"é"]]`, read(t, c))
	conn := <-r.conns
	require.NoError(t, conn.Send(t.Context(), event(t, "news", 1)))
	require.Equal(t, `42["news",1]`, read(t, c))
	conn.Disconnect()
	conn.Settle(time.Minute)
	conn.Close()
	require.Equal(t, "41", read(t, c))
	_, _, err := c.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseNormalClosure), err)
	require.ErrorIs(t, conn.Send(t.Context(), event(t, "late")), context.Canceled)
}

func TestPolling(t *testing.T) {
	r := start(t, nil)
	sid := r.open()
	status, raw := r.ask("POST", sid, `40{"token":"x"}`+"\x1e"+`421["echo"]`)
	require.Equal(t, 200, status, raw)
	got := ""
	for !strings.Contains(got, "431[[]]") {
		_, raw = r.ask("GET", sid, "")
		got += raw + "\x1e"
	}
	require.Contains(t, got, `40{"sid":`)
	conn := <-r.conns
	require.NoError(t, conn.Send(t.Context(), event(t, "one")))
	require.NoError(t, conn.Send(t.Context(), event(t, "two")))
	_, raw = r.ask("GET", sid, "")
	require.Equal(t, `42["one"]`+"\x1e"+`42["two"]`, raw)
	answered := make(chan string, 1)
	go func() {
		_, raw := r.ask("GET", sid, "")
		answered <- raw
	}()
	require.NoError(t, conn.Send(t.Context(), event(t, "three")))
	require.Equal(t, `42["three"]`, <-answered)
	_, raw = r.ask("POST", sid, "41")
	require.Equal(t, "ok", raw)
	<-conn.Context().Done()
	status, _ = r.ask("GET", sid, "")
	require.Equal(t, 400, status)
}

// TestChange changes polling to a WebSocket, while a poll waits: it is let go.
func TestChange(t *testing.T) {
	r := start(t, nil)
	sid := r.open()
	r.ask("POST", sid, `40{"token":"x"}`)
	conn := <-r.conns
	_, raw := r.ask("GET", sid, "")
	require.Contains(t, raw, "40")
	answered := make(chan string, 1)
	go func() {
		_, raw := r.ask("GET", sid, "")
		answered <- raw
	}()
	c := r.dial(sid)
	write(t, c, "2probe")
	require.Equal(t, "3probe", read(t, c))
	require.Equal(t, "6", <-answered)
	require.NoError(t, conn.Send(t.Context(), event(t, "between"))) // waits for the next poll, or the WebSocket
	write(t, c, "5")
	require.Equal(t, `42["between"]`, read(t, c))
	status, _ := r.ask("GET", sid, "")
	require.Equal(t, 400, status, "it polls no more")
	<-conn.Context().Done()
}

// TestChangeFails goes on polling when the WebSocket comes to nothing, and tries again.
func TestChangeFails(t *testing.T) {
	r := start(t, nil)
	sid := r.open()
	r.ask("POST", sid, `40{"token":"x"}`)
	conn := <-r.conns
	r.ask("GET", sid, "")
	c := r.dial(sid)
	_, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(r.url, "http")+"/?EIO=4&transport=websocket&sid="+sid, nil)
	require.ErrorIs(t, err, websocket.ErrBadHandshake, "one at a time")
	require.Equal(t, 400, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
	write(t, c, "2probe")
	require.Equal(t, "3probe", read(t, c))
	write(t, c, "4x")
	_, _, err = c.ReadMessage()
	require.Error(t, err)
	require.NoError(t, conn.Send(t.Context(), event(t, "still here")))
	_, raw := r.ask("GET", sid, "")
	for raw == "6" { // while the server has not seen that it failed
		_, raw = r.ask("GET", sid, "")
	}
	require.Equal(t, `42["still here"]`, raw)
}

// TestEndsAmidChange ends connections while they change their transport, at every moment: nothing of
// them stays.
func TestEndsAmidChange(t *testing.T) {
	r := start(t, nil)
	for i := range 300 {
		sid := r.open()
		c := r.dial(sid)
		var both sync.WaitGroup
		both.Go(func() { r.ask("POST", sid, "1") })
		both.Go(func() {
			for range i * 10 { // a little later each time
				_ = fmt.Sprint(i)
			}
			_ = c.WriteMessage(websocket.TextMessage, []byte("2probe"))
			_ = c.WriteMessage(websocket.TextMessage, []byte("5"))
		})
		both.Wait()
		require.NoError(t, c.Close())
	}
}

// TestMalformed sends what no client would: the connection ends, and the request gets a status.
func TestMalformed(t *testing.T) {
	r := start(t, nil)
	for body, want := range map[string]int{
		"": 400, "x": 400, "bAAAA": 400, "2probe": 400, "5": 400, "\x1e": 400, strings.Repeat("y", 70_000): 413,
		"4": 200, "49": 200, "42": 200, `451-["x"]`: 200, "42[": 200, `42["before"]`: 200, `42/admin,["x"]`: 200, `4299999999999999999999["x"]`: 200,
		strings.Repeat("40\x1e", 40):                                       200,
		`40{"token":"x"}` + "\x1e" + `40{"token":"x"}`:                     200,
		`40{"token":"x"}` + "\x1e" + `42[]`:                                200,
		`40{"token":"x"}` + "\x1e" + `42{}`:                                200,
		`40{"token":"x"}` + strings.Repeat("\x1e"+`421["echo","a"]`, 1000): 200,
	} {
		sid := r.open()
		status, _ := r.ask("POST", sid, body)
		require.Equal(t, want, status, "%.40q", body)
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			status, raw := r.ask("GET", sid, "")
			require.Equal(t, 400, status, "%.40q: %.40q", body, raw)
		}, 10*time.Second, time.Millisecond)
	}
	for _, kind := range []int{websocket.BinaryMessage, websocket.TextMessage} {
		c := r.dial("")
		read(t, c)
		require.NoError(t, c.WriteMessage(kind, []byte("7")))
		_, _, err := c.ReadMessage()
		require.Error(t, err)
	}
	for _, query := range []string{"", "EIO=3&transport=polling", "EIO=4", "EIO=4&transport=pigeon", "EIO=4&transport=websocket", "EIO=4&transport=polling&j=0", "EIO=4&transport=polling&sid=unknown"} {
		resp, err := http.Get(r.url + "/?" + query)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 400, resp.StatusCode, query)
	}
}

// TestTwoPolls lets a client poll twice at once: that ends the connection.
func TestTwoPolls(t *testing.T) {
	r := start(t, nil)
	sid := r.open()
	r.ask("POST", sid, `40{"token":"x"}`)
	conn := <-r.conns
	r.ask("GET", sid, "")
	codes := make(chan int, 2)
	for range 2 {
		go func() {
			status, _ := r.ask("GET", sid, "")
			codes <- status
		}()
	}
	<-conn.Context().Done()
	require.ElementsMatch(t, []int{200, 400}, []int{<-codes, <-codes})
}

// TestSilence ends the connection of a client that answers no ping, or never says who it is.
func TestSilence(t *testing.T) {
	r := start(t, func(c *socketio.Config) { c.PingInterval, c.PingTimeout = 5*time.Millisecond, 50*time.Millisecond })
	c := r.dial("")
	read(t, c)
	for range 3 {
		require.Equal(t, "2", read(t, c))
		write(t, c, "3")
	}
	_, _, err := c.ReadMessage()
	for err == nil {
		_, _, err = c.ReadMessage()
	}
	r = start(t, func(c *socketio.Config) { c.ConnectTimeout = 5 * time.Millisecond })
	c = r.dial("")
	read(t, c)
	_, _, err = c.ReadMessage()
	require.Error(t, err)
}

// TestSlow has a client read nothing: whoever sends learns it, and a write has its time.
func TestSlow(t *testing.T) {
	r := start(t, func(c *socketio.Config) { c.Patience, c.Room = 50*time.Millisecond, 1<<16 })
	c := r.dial("")
	read(t, c)
	write(t, c, `40{"token":"x"}`)
	conn := <-r.conns
	news := event(t, "news", strings.Repeat("x", 10_000))
	var err error
	for err == nil {
		err = conn.Send(t.Context(), news)
	}
	require.ErrorIs(t, err, socketio.ErrSlow)
	conn.Close() // though a write waits for the client
	<-conn.Context().Done()

	r = start(t, func(c *socketio.Config) { c.WriteTimeout, c.Packets = 50*time.Millisecond, 10_000 })
	c = r.dial("")
	read(t, c)
	write(t, c, `40{"token":"x"}`)
	conn = <-r.conns
	for conn.Context().Err() == nil {
		_ = conn.Send(conn.Context(), news)
	}
	require.Equal(t, int32(1), r.slow.Load())
}

// TestClose ends everything at once, with a poll and a WebSocket open.
func TestClose(t *testing.T) {
	r := start(t, nil)
	sid := r.open()
	c := r.dial("")
	read(t, c)
	answered := make(chan string, 1)
	go func() {
		_, raw := r.ask("GET", sid, "")
		answered <- raw
	}()
	r.s.Close()
	if raw := <-answered; raw != "1" { // it came later
		require.Equal(t, "The server stops.\n", raw)
	}
	_, _, err := c.ReadMessage()
	require.Error(t, err)
	status, _ := r.ask("GET", "", "")
	require.Equal(t, 503, status)
}
