package socketio

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// closeWait is how long the client's answer to a close frame is waited for: whoever closes a connection
// on which something comes in takes from the other side what was said last.
const closeWait = time.Second

// webSocket serves a connection by WebSocket, or has one that polls change to it.
func (s *Server) webSocket(w http.ResponseWriter, r *http.Request, c *Conn) {
	fresh := c == nil
	if !fresh && !c.tries() {
		s.cfg.Refuse(w, r, http.StatusBadRequest, "This connection is a WebSocket already, or about to become one.")
		return
	}
	socket, err := s.upgrader.Upgrade(w, r, nil)
	if err == nil {
		socket.SetReadLimit(int64(s.cfg.MaxPayload))
		if !fresh {
			err = c.upgrade(socket)
		} else if c = s.open(r, socket); c == nil {
			err = errOver
		}
		defer func() { _ = socket.Close() }() // nothing is waited for any more
	}
	if err == nil {
		c.talk(socket)
	} else if !fresh {
		c.gaveUp()
	}
}

// tries says whether a WebSocket may be tried: one at a time, while the client polls.
func (c *Conn) tries() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.socket != nil || c.trying {
		return false
	}
	c.trying = true
	return true
}

// gaveUp has the client go on polling.
func (c *Conn) gaveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trying, c.probed = false, false
}

// upgrade makes a WebSocket the connection's transport: the client probes it, polls no more, and says so.
// Meanwhile a poll is answered at once, or the client would have to wait for it.
func (c *Conn) upgrade(socket *websocket.Conn) error {
	stop := context.AfterFunc(c.ctx, func() { _ = socket.NetConn().Close() })
	defer stop()
	if err := socket.SetReadDeadline(time.Now().Add(c.s.cfg.ConnectTimeout)); err != nil {
		return fmt.Errorf("limit the time of a probe: %w", err)
	}
	if err := expect(socket, string(enginePing)+probe); err != nil {
		return err
	}
	if err := c.frame(socket, []byte(string(enginePong)+probe)); err != nil {
		return err
	}
	c.mu.Lock()
	c.probed = true
	c.mu.Unlock()
	signal(c.more)
	if err := expect(socket, string(engineUpgrade)); err != nil {
		return err
	}
	if err := socket.SetReadDeadline(time.Time{}); err != nil { // pings watch over it
		return fmt.Errorf("lift the limit of a probe: %w", err)
	}
	c.mu.Lock()
	c.socket, c.trying, c.probed = socket, false, false
	c.mu.Unlock()
	signal(c.more) // a poll that waits nevertheless
	return nil
}

// expect reads the frame that has to come next.
func expect(socket *websocket.Conn, want string) error {
	kind, raw, err := socket.ReadMessage()
	if err != nil {
		return fmt.Errorf("read a frame: %w", err)
	}
	if kind != websocket.TextMessage || string(raw) != want {
		return errMalformed
	}
	return nil
}

// talk reads and writes until the connection ends.
func (c *Conn) talk(socket *websocket.Conn) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.writer(socket)
	}()
	for {
		kind, raw, err := socket.ReadMessage()
		if err != nil {
			break
		}
		if c.ctx.Err() != nil {
			continue // until the client has said that it is over, or for as long as a closeWait lasts
		}
		if kind != websocket.TextMessage || c.came(raw) != nil {
			c.Close()
		}
	}
	c.Close()
	<-written
}

// writer writes what is in line, and a close frame at the end.
func (c *Conn) writer(socket *websocket.Conn) {
	for c.ctx.Err() == nil {
		packets := c.take()
		for _, p := range packets {
			if err := c.frame(socket, p); err != nil {
				c.Close()
				_ = socket.NetConn().Close() // it is of no use any more, and the reader waits for it
				break
			}
		}
		if len(packets) > 0 {
			c.landed()
			continue
		}
		select {
		case <-c.more:
		case <-c.ctx.Done():
		}
	}
	until := time.Now().Add(closeWait)
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = socket.WriteControl(websocket.CloseMessage, bye, until) // who is not there any more does not need it
	_ = socket.NetConn().SetReadDeadline(until)
}

// frame writes a packet in time, or fails.
func (c *Conn) frame(socket *websocket.Conn, packet []byte) error {
	err := socket.SetWriteDeadline(time.Now().Add(c.s.cfg.WriteTimeout))
	if err == nil {
		err = socket.WriteMessage(websocket.TextMessage, packet)
	}
	c.overdue(err)
	if err != nil {
		return fmt.Errorf("write a frame: %w", err)
	}
	return nil
}
