package stream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"

	"whatsapp-api/app/api"
)

// The library queues packets without bound: in an Engine.IO socket's write buffer while its
// transport is busy (a WebSocket that does not take the last batch, a poll that does not
// come). These bound what waits there.
const (
	wireFrames   = 256     // packets, before the client's subscription has to wait
	wireBytes    = 1 << 20 // bytes, likewise
	wireLimit    = 512     // packets: more answers than that wait for nobody who asks without reading
	wireCommands = 32      // packets of a client that wait to be worked on
	wireIdle     = 16      // packets of a client that is not connected to the namespace
)

// wire is one Engine.IO connection: how much waits in it for the client, and the way to end it.
type wire struct {
	conn   engine.Socket
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

// attach follows a new connection from its first moment.
func (s *socketIO) attach(conn engine.Socket) {
	w := &wire{conn: conn, moved: make(chan struct{}, 1)}
	w.ctx, w.end = context.WithCancel(context.Background())
	s.hub.streams.stranger(1)
	w.known = sync.OnceFunc(func() { s.hub.streams.stranger(-1) })
	context.AfterFunc(w.ctx, w.known)
	s.wires.Store(conn.Id(), w)
	_ = conn.On("packetCreate", w.created)
	_ = conn.On("flush", w.flushed)
	_ = conn.On("packet", w.received)
	_ = conn.On("upgrade", func(args ...any) { w.follow(args[0].(transports.Transport)) })
	_ = conn.Once("close", func(...any) {
		s.wires.Delete(conn.Id())
		w.end()
	})
	w.follow(conn.Transport())
	conn.Transport().Discard()         // a poll that does not come is not waited for at the end; settle has done that
	if conn.ReadyState() == "closed" { // before it was listened to
		s.wires.Delete(conn.Id())
		w.end()
	}
	if first, ok := conn.Request().Response().(*answer); ok {
		first.release()
	}
	if s.hub.streams.ctx.Err() != nil { // came in while the server stops
		go w.cut()
	}
}

// follow learns when a transport has written what it was given.
func (w *wire) follow(t transports.Transport) {
	w.landed()
	_ = t.On("drain", func(...any) { w.landed() })
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (w *wire) landed() {
	w.mu.Lock()
	w.flying = false
	w.mu.Unlock()
	signal(w.moved)
}

func size(p *packet.Packet) int {
	if b, ok := p.Data.(interface{ Size() int64 }); ok {
		return int(b.Size())
	}
	return 0
}

// created is called before a packet goes into the library's buffer.
func (w *wire) created(args ...any) {
	p := args[0].(*packet.Packet)
	w.mu.Lock()
	w.packets++
	w.bytes += size(p)
	over := w.packets == wireLimit
	w.mu.Unlock()
	if over {
		go w.cut() // the library holds its locks here
	}
}

// flushed is called when the buffer goes to the transport.
func (w *wire) flushed(args ...any) {
	batch := args[0].([]*packet.Packet)
	w.mu.Lock()
	w.flying = true
	for _, p := range batch {
		w.packets--
		w.bytes -= size(p)
	}
	w.mu.Unlock()
	signal(w.moved)
}

// received is called with each packet of the client, before the library works on it.
func (w *wire) received(args ...any) {
	if p := args[0].(*packet.Packet); p.Type != packet.MESSAGE || w.joined.Load() {
		return
	}
	w.mu.Lock()
	w.idle++
	over := w.idle > wireIdle
	w.mu.Unlock()
	if over {
		w.cut()
	}
}

// busy bounds what the client wants at once: the library lets its packets wait without bound
// while one of them is worked on.
func (w *wire) busy(enqueue func(func())) {
	_ = w.conn.On("message", func(...any) { // after the library has queued it
		if !w.working(1) {
			w.cut()
			return
		}
		enqueue(func() { w.working(-1) })
	})
}

func (w *wire) working(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commands += n
	return w.commands <= wireCommands
}

// hasRoom says whether the library may be given another packet.
func (w *wire) hasRoom() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.packets == 0 || w.packets < wireFrames && w.bytes < wireBytes
}

// await waits until there is room. It gives up when ctx ends, or nothing moves for as long as
// patience with a slow client lasts.
func (w *wire) await(ctx context.Context) bool {
	if w.hasRoom() {
		return true
	}
	over := time.NewTimer(streamPatience)
	defer over.Stop()
	for {
		select {
		case <-w.moved:
			if w.hasRoom() {
				return true
			}
			over.Reset(streamPatience)
		case <-over.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// settle waits until the library has written everything, for no longer than d.
func (w *wire) settle(d time.Duration) {
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		w.mu.Lock()
		done := w.packets == 0 && !w.flying
		w.mu.Unlock()
		if done {
			return
		}
		select {
		case <-w.moved:
		case <-w.ctx.Done():
			return
		case <-over.C:
			return
		}
	}
}

// cut ends the connection without a word.
func (w *wire) cut() { w.conn.Close(true) }

// answer stands between the library and the server's response. The library writes from its
// own goroutines, and sometimes after the request is over: that must not reach a response
// that serves another request already.
type answer struct {
	ready  chan struct{} // closed when the connection is followed; nothing is written before
	once   sync.Once
	header http.Header // the library's own, not w's
	begun  func()      // called when the library has taken the request
	slow   func()      // called when a client takes nothing for as long as a write may last
	stops  []func() bool

	mu       sync.Mutex
	w        http.ResponseWriter // nil when the request is over
	asked    bool                // for the header
	status   int
	written  bool
	hijacked bool
}

// newAnswer is for a request that begins a connection (first), or belongs to one.
func newAnswer(w http.ResponseWriter, first bool) *answer {
	a := &answer{w: w, header: w.Header().Clone(), ready: make(chan struct{})}
	if !first {
		a.release()
	}
	return a
}

func (a *answer) release() { a.once.Do(func() { close(a.ready) }) }

var errOver = errors.New("the request is over")

// Header is what WriteHeader will send; but for the first call. There the library takes the
// map under a lock of its own, and at the end writes into what it gets here without that
// lock, while another of its goroutines may still set headers: two maps keep them apart.
func (a *answer) Header() http.Header {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.asked {
		a.asked = true
		return a.header.Clone()
	}
	return a.header
}

// WriteHeader notes the status. It goes out with the body, or a request that ends in between
// would have the one without the other.
func (a *answer) WriteHeader(status int) {
	a.await()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status = status
}

// Write sends status, header and the whole body; the library calls it once.
func (a *answer) Write(raw []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.w == nil || a.written || a.hijacked {
		return 0, errOver
	}
	a.written = true
	body := raw
	if a.status >= http.StatusBadRequest && a.header.Get("Content-Type") != "application/json" {
		body = a.refusal()
	}
	maps.Copy(a.w.Header(), a.header)
	a.w.WriteHeader(a.status)
	if _, err := a.w.Write(body); err != nil {
		return 0, err
	}
	return len(raw), nil
}

// refusal says what the library, and what it stands on, would say without a body or as plain text.
func (a *answer) refusal() []byte {
	p := api.StatusProblem(a.status, http.StatusText(a.status))
	p.RequestID = a.header.Get("X-Request-Id")
	a.header.Set("Content-Type", "application/problem+json")
	maps.Copy(a.header, p.GetHeaders())
	var b bytes.Buffer
	_ = p.Encode(&b) // a Problem can be encoded
	return b.Bytes()
}

// await holds the first answer of a connection back until the connection is followed.
func (a *answer) await() {
	select {
	case <-a.ready:
	case <-time.After(streamWrite):
	}
}

// Hijack gives the connection to a WebSocket.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.w == nil {
		return nil, nil, errOver
	}
	conn, rw, err := http.NewResponseController(a.w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	a.hijacked = true
	return &patient{Conn: conn, ready: a.ready, slow: a.slow}, rw, nil
}

// until calls end when ctx ends, unless the request is over before.
func (a *answer) until(ctx context.Context, end func()) {
	a.stops = append(a.stops, context.AfterFunc(ctx, end))
}

// finish ends the request. A poll that was not answered, because its connection ended,
// learns that: Engine.IO's packet 1 is "close".
func (a *answer) finish() {
	a.release()
	for _, stop := range a.stops {
		stop()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.written && !a.hijacked {
		a.w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		a.w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(a.w, "1") // whoever is not there any more does not need it
	}
	a.w = nil
}

// patient is the connection of a WebSocket. Its writes have a deadline, which the library does
// not set; and beyond the answer to the upgrade nothing is written before the connection is
// followed, or the client's first packet could come before anybody listens.
type patient struct {
	net.Conn
	ready   <-chan struct{}
	slow    func()
	greeted atomic.Bool
}

// Write writes in time or fails.
func (p *patient) Write(raw []byte) (int, error) {
	if p.greeted.Swap(true) {
		select {
		case <-p.ready:
		case <-time.After(streamWrite):
			return 0, errOver
		}
	}
	if err := p.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return 0, err
	}
	n, err := p.Conn.Write(raw)
	if overdue(err) {
		p.slow()
	}
	return n, err
}
