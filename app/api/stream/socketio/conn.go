package socketio

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	socket "github.com/zishang520/socket.io/servers/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// The library queues packets without bound: in an Engine.IO socket's write buffer while its
// transport is busy (a WebSocket that does not take the last batch, a poll that does not
// come). These bound what waits there.
const (
	mostPackets  = 256     // packets, before the client's subscription has to wait
	mostBytes    = 1 << 20 // bytes, likewise
	endPackets   = 512     // packets: more answers than that wait for nobody who asks without reading
	mostCommands = 32      // packets of a client that wait to be worked on
	mostIdle     = 16      // packets of a client that is not connected to the namespace
)

// Conn is the connection of one client: what it says, how much waits for it, and the way to end it.
type Conn struct {
	engine   engine.Socket
	sock     *socket.Socket // once the handshake was good
	patience time.Duration

	ctx    context.Context // ends with the connection
	end    context.CancelFunc
	moved  chan struct{} // has a token when something left the library's buffer
	joined atomic.Bool   // a stream is on it
	known  func()        // it counts as a stranger's no longer

	mu       sync.Mutex
	packets  int // in the library's buffer
	bytes    int
	flying   bool // a batch is being written, or waits for a poll
	commands int  // of the client, not yet worked on
	idle     int  // packets of the client before it joined
}

// Context ends with the connection.
func (c *Conn) Context() context.Context { return c.ctx }

// First is the request that the connection began with. Its context ends when that is answered.
func (c *Conn) First() *http.Request { return c.engine.Request().Request() }

// On calls fn for each event of the client that has this name, with its first argument (nil: there is none). answer
// sends the acknowledgement, if the client wants one.
func (c *Conn) On(event string, fn func(arg any, answer func(any))) {
	_ = c.sock.On(event, func(args ...any) {
		answer := func(any) {}
		if n := len(args); n > 0 {
			if ack, ok := args[n-1].(socket.Ack); ok {
				answer = func(v any) { ack([]any{v}, nil) }
				args = args[:n-1]
			}
		}
		var arg any
		if len(args) > 0 {
			arg = args[0]
		}
		fn(arg, answer)
	})
}

// OnLeft calls fn when the client leaves, or has left.
func (c *Conn) OnLeft(fn func()) {
	_ = c.sock.On("disconnect", func(...any) { fn() })
	if !c.sock.Connected() { // before it was listened to
		fn()
	}
}

// Send hands a packet to the library, which sends it when it can. Await says when there is room.
func (c *Conn) Send(packet []byte) {
	c.sock.Client().WriteToEngine([]types.BufferInterface{types.NewStringBuffer(packet)}, &socket.WriteOptions{})
}

// Dismiss ends the connection so that the client does not come back by itself.
func (c *Conn) Dismiss() { c.sock.Disconnect(false) }

// follow learns when a transport has written what it was given.
func (c *Conn) follow(t transports.Transport) {
	c.landed()
	_ = t.On("drain", func(...any) { c.landed() })
}

func signal(moved chan struct{}) {
	select {
	case moved <- struct{}{}:
	default:
	}
}

func (c *Conn) landed() {
	c.mu.Lock()
	c.flying = false
	c.mu.Unlock()
	signal(c.moved)
}

func size(p *packet.Packet) int {
	if b, ok := p.Data.(interface{ Size() int64 }); ok {
		return int(b.Size())
	}
	return 0
}

// created is called before a packet goes into the library's buffer.
func (c *Conn) created(args ...any) {
	p := args[0].(*packet.Packet)
	c.mu.Lock()
	c.packets++
	c.bytes += size(p)
	over := c.packets == endPackets
	c.mu.Unlock()
	if over {
		go c.Cut() // the library holds its locks here
	}
}

// flushed is called when the buffer goes to the transport.
func (c *Conn) flushed(args ...any) {
	batch := args[0].([]*packet.Packet)
	c.mu.Lock()
	c.flying = true
	for _, p := range batch {
		c.packets--
		c.bytes -= size(p)
	}
	c.mu.Unlock()
	signal(c.moved)
}

// received is called with each packet of the client, before the library works on it.
func (c *Conn) received(args ...any) {
	if p := args[0].(*packet.Packet); p.Type != packet.MESSAGE || c.joined.Load() {
		return
	}
	c.mu.Lock()
	c.idle++
	over := c.idle > mostIdle
	c.mu.Unlock()
	if over {
		c.Cut()
	}
}

// bound bounds what the client wants at once: the library lets its packets wait without bound
// while one of them is worked on.
func (c *Conn) bound(enqueue func(func())) {
	_ = c.engine.On("message", func(...any) { // after the library has queued it
		if !c.working(1) {
			c.Cut()
			return
		}
		enqueue(func() { c.working(-1) })
	})
}

func (c *Conn) working(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commands += n
	return c.commands <= mostCommands
}

// hasRoom says whether the library may be given another packet.
func (c *Conn) hasRoom() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.packets == 0 || c.packets < mostPackets && c.bytes < mostBytes
}

// Await waits until there is room. It gives up when ctx ends, or nothing moves for as long as
// patience with a slow client lasts.
func (c *Conn) Await(ctx context.Context) bool {
	if c.hasRoom() {
		return true
	}
	over := time.NewTimer(c.patience)
	defer over.Stop()
	for {
		select {
		case <-c.moved:
			if c.hasRoom() {
				return true
			}
			over.Reset(c.patience)
		case <-over.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// Settle waits until the library has written everything, for no longer than d.
func (c *Conn) Settle(d time.Duration) {
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		c.mu.Lock()
		done := c.packets == 0 && !c.flying
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

// Cut ends the connection without a word.
func (c *Conn) Cut() { c.engine.Close(true) }
