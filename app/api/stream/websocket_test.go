package stream

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"whatsapp-api/app/codes"
	"whatsapp-api/store"
)

// hijacked is a response whose connection can be taken over.
type hijacked struct {
	http.ResponseWriter
	conn net.Conn
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

// pair is a socket and its client, on a connection that holds nothing: a write lasts until it is read.
func pair(t *testing.T) (*Hub, *socket, *websocket.Conn) {
	h, lone := lone(t)
	ours, theirs := net.Pipe()
	s := &socket{subscriber: lone, encode: newEncodings().in(formEnvelope), gone: make(chan struct{})}
	upgraded := make(chan error, 1)
	go func() {
		r, err := http.ReadRequest(bufio.NewReader(ours))
		if err == nil {
			s.conn, err = (&websocket.Upgrader{}).Upgrade(hijacked{httptest.NewRecorder(), ours}, r, nil)
		}
		upgraded <- err
	}()
	dialer := websocket.Dialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) { return theirs, nil }}
	conn, _, err := dialer.DialContext(t.Context(), "ws://test/ws", nil) //nolint:bodyclose // of an upgrade it is empty
	require.NoError(t, err)
	require.NoError(t, <-upgraded)
	s.sub = h.subscription(s.ctx, s)
	s.sub.follow(plan{points: map[string]int64{"a": 0}})
	s.work.Go(s.writer)
	s.work.Go(s.stay)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return h, s, conn
}

// happen keeps so many events.
func (h *Hub) happen(t *testing.T, n int) {
	for range n {
		_, err := h.Log.Commit(t.Context(), store.Unit{Session: "a", Events: []store.Event{{Name: "e"}}})
		require.NoError(t, err)
	}
	synctest.Wait()
}

func TestSlowSocket(t *testing.T) {
	seq := func(t *testing.T, conn *websocket.Conn) int64 {
		var e struct{ Seq int64 }
		require.NoError(t, conn.ReadJSON(&e))
		synctest.Wait()
		return e.Seq
	}
	t.Run("that takes everything in the end is waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, s, conn := pair(t)
			h.happen(t, 500)
			for want := range int64(500) {
				time.Sleep(streamPatience - time.Second)
				require.Equal(t, want+1, seq(t, conn))
			}
			require.NoError(t, s.ctx.Err())
		})
	})
	t.Run("that takes nothing for long learns where to resume", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, s, conn := pair(t)
			h.happen(t, 3)
			require.EqualValues(t, 1, seq(t, conn))
			time.Sleep(streamPatience + time.Second)
			require.EqualValues(t, 2, seq(t, conn))
			_, said, err := conn.ReadMessage()
			require.NoError(t, err)
			require.JSONEq(t, `{"type":"lagged","sessionId":"a","resumeAfter":2}`, string(said))
			_, _, err = conn.ReadMessage()
			require.True(t, websocket.IsCloseError(err, closeLagged), "%v", err)
			<-s.ctx.Done()
		})
	})
	t.Run("that takes nothing at all is cut", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, s, _ := pair(t)
			h.happen(t, 1)
			time.Sleep(streamWrite)
			synctest.Wait()
			require.Equal(t, codes.Lagged, s.reason().code)
			s.work.Wait() // long before anything else would end it
			require.LessOrEqual(t, time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), streamWrite+time.Second)
		})
	})
}

// TestPings counts on a client's answer to a ping, which comes late when much waits before it.
func TestPings(t *testing.T) {
	t.Run("a client that is gone is noticed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, s, conn := pair(t)
			require.NoError(t, s.alive())
			conn.SetPingHandler(func(string) error { return nil }) // does not answer
			go func() { _, _, _ = conn.ReadMessage() }()
			time.Sleep(streamBeat + socketPong)
			<-s.gone
		})
	})
	t.Run("one that is behind has more time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, s, conn := pair(t)
			s.conn.SetPongHandler(func(string) error { return s.alive() })
			require.NoError(t, s.alive())
			h.happen(t, 400)
			for range 400 {
				time.Sleep(streamPatience / 2)
				_, _, err := conn.ReadMessage()
				require.NoError(t, err)
			}
		})
	})
}
