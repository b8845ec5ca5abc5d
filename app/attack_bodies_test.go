package app

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// TestSlowAndEndlessRequests sends requests that are too slow, too large or without end. The server
// cuts each of them and goes on.
func TestSlowAndEndlessRequests(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	t.Run("all", func(t *testing.T) {
		for name, attack := range map[string]func(*testing.T, *rig){
			"headers that stop": headersThatStop, "body that stops": bodyThatStops, "body without end": bodyWithoutEnd, "huge header": hugeHeader,
			"huge frame": hugeFrame, "frame without end": frameWithoutEnd, "deep JSON": deepJSON,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				attack(t, r)
			})
		}
	})
	r.call("GET", "/livez", nil, 200)
	r.call("GET", "/api/v1/sessions", nil, 200)
}

// patience is how long a test waits to be cut; the server's own limits are far below.
const patience = time.Minute

// wire is a connection on which bytes are sent as they are.
func (r *rig) wire(t *testing.T, text string) net.Conn {
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(r.url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(c, text)
	require.NoError(t, err)
	return c
}

// answered reads the answer, and that the server closes after it.
func answered(t *testing.T, c net.Conn, status int) {
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, status, resp.StatusCode)
	_, _ = io.Copy(io.Discard, resp.Body) // whole or cut
	require.NoError(t, resp.Body.Close())
	cut(t, in)
}

// cut reads on until the connection has ended.
func cut(t *testing.T, in io.Reader) {
	_, err := io.Copy(io.Discard, in)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server keeps the connection")
}

func headersThatStop(t *testing.T, r *rig) {
	cut(t, r.wire(t, "GET /livez HTTP/1.1\r\nHost: server.test\r\nX-Slow: "))
}

const loginHead = "POST /api/v1/users/login HTTP/1.1\r\nHost: server.test\r\nContent-Type: application/json\r\n"

func bodyThatStops(t *testing.T, r *rig) {
	answered(t, r.wire(t, loginHead+"Content-Length: 1000\r\n\r\n{"), http.StatusRequestTimeout)
}

func bodyWithoutEnd(t *testing.T, r *rig) {
	c := r.wire(t, loginHead+"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
	chunk := fmt.Sprintf("10000\r\n%s\r\n", strings.Repeat(" ", 0x10000))
	sent := 0
	for err := error(nil); err == nil; sent += len(chunk) {
		require.Less(t, sent, 64<<20, "the server takes it all")
		_, err = io.WriteString(c, chunk)
	}
}

func hugeHeader(t *testing.T, r *rig) {
	answered(t, r.wire(t, "GET /livez HTTP/1.1\r\nHost: server.test\r\nX-Huge: "+strings.Repeat("x", 36<<10)+"\r\n\r\n"), http.StatusRequestHeaderFieldsTooLarge)
}

func (r *rig) rawSocket(t *testing.T) *websocket.Conn {
	conn, _, err := websocket.Dial(t.Context(), strings.Replace(r.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + r.token}}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func hugeFrame(t *testing.T, r *rig) {
	conn := r.rawSocket(t)
	require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"ping","token":"`+strings.Repeat("x", 70_000)+`"}`)))
	require.Equal(t, websocket.StatusMessageTooBig, (&wsClient{t, conn}).closed())
}

func frameWithoutEnd(t *testing.T, r *rig) {
	conn := r.rawSocket(t)
	w, err := conn.Writer(t.Context(), websocket.MessageText)
	require.NoError(t, err)
	sent := 0
	for ; err == nil; sent += 4096 {
		require.Less(t, sent, 64<<20, "the server takes it all")
		_, err = w.Write(make([]byte, 4096))
	}
}

func deepJSON(t *testing.T, r *rig) {
	deep := strings.Repeat(`{"a":`, 150_000)
	answered(t, r.wire(t, fmt.Sprintf("%sConnection: close\r\nContent-Length: %d\r\n\r\n%s", loginHead, len(deep), deep)), http.StatusBadRequest)
	s := &wsClient{t, r.rawSocket(t)}
	require.NoError(t, s.conn.Write(t.Context(), websocket.MessageText, []byte(strings.Repeat("[", 60_000))))
	require.Equal(t, "bad_frame", s.until(func(o object) bool { return o.str("type") == "error" }).str("code"))
}
