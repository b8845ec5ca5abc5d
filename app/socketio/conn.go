package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// ErrSlow says that a client takes nothing of what waits for it.
var ErrSlow = errors.New("socketio: the client takes nothing")

// Conn is the connection of one client, whatever its transport.
type Conn struct {
	s       *Server
	id      string
	request *http.Request
	ctx     context.Context
	end     context.CancelFunc
	known   func()        // see Config.Opened
	inbox   chan []byte   // messages of the client
	more    chan struct{} // has a token when something was put in line, or the transport changed
	moved   chan struct{} // has a token when something was written

	mu      sync.Mutex
	line    [][]byte        // Engine.IO packets that wait for the client
	size    int             // of these, in bytes
	writing bool            // what was taken from the line is being written
	reading bool            // a POST is being read
	waits   bool            // a poll waits for packets
	socket  *websocket.Conn // the transport; nil: long-polling
	trying  bool            // a WebSocket is tried
	probed  bool            // it works: polls are answered at once
	beat    *time.Timer     // when the next ping is due, or the client is given up
	pinged  bool            // the client has to answer
}

// Request is the connection's first. Its body must not be read, and its context does not end with
// the connection.
func (c *Conn) Request() *http.Request { return c.request }

// Context ends with the connection.
func (c *Conn) Context() context.Context { return c.ctx }

// Send puts a packet that Event has made in line, once there is room. It fails with ErrSlow when the
// client takes nothing for as long as Config.Patience lasts, or with the cause of the end of ctx or of
// the connection.
func (c *Conn) Send(ctx context.Context, event []byte) error {
	if err := c.await(ctx); err != nil {
		return err
	}
	c.add(event)
	return nil
}

// Put is Send without waiting, for what is not one of many.
func (c *Conn) Put(event []byte) { c.add(event) }

// Disconnect has the client leave the namespace, and not come back by itself.
func (c *Conn) Disconnect() { c.add([]byte{engineMessage, packetDisconnect}) }

// Settle returns when everything in line has been written, the connection has ended, or d has passed.
func (c *Conn) Settle(d time.Duration) {
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		c.mu.Lock()
		done := len(c.line) == 0 && !c.writing
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-c.moved:
		case <-c.ctx.Done():
			return
		case <-over.C:
			return
		}
	}
}

// Close ends the connection; what is in line is lost. It may be called more than once.
func (c *Conn) Close() {
	c.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.socket != nil && c.writing { // else it is told that it is over
		_ = c.socket.NetConn().Close() // a write that waits for the client ends so
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// add puts an Engine.IO packet in line.
func (c *Conn) add(packet []byte) {
	c.mu.Lock()
	c.line = append(c.line, packet)
	c.size += len(packet)
	over := len(c.line) > 2*c.s.cfg.Packets
	c.mu.Unlock()
	signal(c.more)
	if over {
		c.Close()
	}
}

// take takes what is in line, to write it. landed must be called when that is done.
func (c *Conn) take() (packets [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	packets = c.line
	c.line, c.size, c.writing = nil, 0, len(packets) > 0
	return packets
}

func (c *Conn) landed() {
	c.mu.Lock()
	c.writing = false
	c.mu.Unlock()
	signal(c.moved)
}

// await waits until there is room in line.
func (c *Conn) await(ctx context.Context) error {
	over := time.NewTimer(c.s.cfg.Patience)
	defer over.Stop()
	for {
		c.mu.Lock()
		room := len(c.line) == 0 || len(c.line) < c.s.cfg.Packets && c.size < c.s.cfg.Room
		c.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case c.ctx.Err() != nil:
			return context.Cause(c.ctx)
		case room:
			return nil
		}
		select {
		case <-c.moved:
			over.Reset(c.s.cfg.Patience)
		case <-over.C:
			return ErrSlow
		case <-ctx.Done():
		case <-c.ctx.Done():
		}
	}
}

// live works on what the client sends until the connection ends.
func (c *Conn) live() {
	defer c.s.forget(c)
	defer c.known()
	defer c.Close()
	c.mu.Lock()
	c.beat = time.AfterFunc(c.s.cfg.PingInterval, c.ping)
	c.mu.Unlock()
	defer c.beat.Stop()
	late := time.AfterFunc(c.s.cfg.ConnectTimeout, c.Close)
	defer late.Stop()
	var client Client // nil: it is not connected
	for n := 0; ; n++ {
		select {
		case raw := <-c.inbox:
			p, err := parse(raw)
			if err == nil {
				client, err = c.work(p, client)
			}
			if err != nil || client == nil && n == c.s.cfg.Inbox {
				return
			}
			if client != nil {
				late.Stop()
			}
		case <-c.ctx.Done():
			return
		}
	}
}

// errOver ends a connection.
var errOver = errors.New("the connection is over")

// work does what a packet says.
func (c *Conn) work(p packet, client Client) (Client, error) {
	switch {
	case p.namespace != "/" && p.kind == packetConnect:
		c.add(message(packetConnectError, p.namespace+",", map[string]string{"message": "Invalid namespace"}))
	case p.namespace != "/":
		return nil, errOver
	case p.kind == packetConnect && client == nil:
		return c.connect(p.data), nil
	case p.kind == packetEvent && client != nil:
		name, args, err := p.arguments()
		if err != nil {
			return nil, err
		}
		answer := func(any) {}
		if p.id != "" {
			answer = func(v any) { c.add(message(packetAck, p.id, []any{v})) }
		}
		client.Event(name, args, answer)
	case p.kind == packetAck && client != nil: // of nothing that was asked for
	default: // it leaves, or says what it may not
		return nil, errOver
	}
	return client, nil
}

// connect connects the client, or refuses it.
func (c *Conn) connect(auth json.RawMessage) Client {
	if len(auth) == 0 {
		auth = json.RawMessage("{}")
	}
	client, err := c.s.cfg.Connect(c, auth)
	if err != nil {
		text, data := c.s.cfg.Refusal(c, err)
		c.add(message(packetConnectError, "", map[string]any{"message": text, "data": data}))
		return nil
	}
	c.known()
	c.add(message(packetConnect, "", map[string]string{"sid": c.id}))
	client.Begin()
	return client
}

// ping asks for a sign of life, or ends the connection when none came.
func (c *Conn) ping() {
	c.mu.Lock()
	dead := c.pinged || c.ctx.Err() != nil
	if !dead {
		c.pinged = true
		c.beat.Reset(c.s.cfg.PingTimeout)
	}
	c.mu.Unlock()
	if dead {
		c.Close()
		return
	}
	c.add([]byte{enginePing})
}

// came takes an Engine.IO packet of the client. errMalformed or errOver end the connection.
func (c *Conn) came(raw []byte) error {
	if len(raw) == 0 {
		return errMalformed
	}
	switch raw[0] {
	case engineMessage:
		select {
		case c.inbox <- raw[1:]:
			return nil
		default: // it wants more at once than anybody would
			return errOver
		}
	case enginePong:
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.pinged {
			c.pinged = false
			c.beat.Reset(c.s.cfg.PingInterval)
		}
		return nil
	case engineNoop:
		return nil
	case engineClose:
		return errOver
	}
	return errMalformed
}
