package sandbox

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/util/keys"
	"go.uber.org/zap"
)

// conn is one connection of a client. The goroutine that serves the request
// reads from it; one more writes.
type conn struct {
	server *Server
	ws     *websocket.Conn
	ctx    context.Context
	cancel context.CancelFunc
	log    *zap.Logger

	frames frameBuffer
	read   cipher.AEAD
	reads  uint32
	client [32]byte // the client's static Noise key
	gate   gate     // closed while the connection is frozen
	out    writer

	registration *waWa6.ClientPayload_DevicePairingRegistrationData // of a client that is not linked
	device       *device                                            // of one that is; the reader's

	mu      sync.Mutex
	owner   *device               // device, for others than the reader
	waiting map[string]chan *node // answers to queries of the server, by id
}

// serveSocket is the websocket of WhatsApp.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		// Clients name WhatsApp as their origin, whatever host they connect to.
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		s.log.Debug("websocket refused", zap.Error(err))
		return
	}
	ws.SetReadLimit(maxFrame + 8)
	ctx, cancel := context.WithCancel(s.ctx)
	c := &conn{
		server: s, ws: ws, ctx: ctx, cancel: cancel,
		log: s.log.Named("conn"), waiting: make(map[string]chan *node),
	}
	c.out.wake = make(chan struct{}, 1)
	if !s.track(c) {
		c.cut()
		return
	}
	defer s.wg.Done()
	defer s.untrack(c)
	defer c.cut()
	if err := c.serve(); ctx.Err() == nil {
		c.log.Debug("connection ended", zap.Error(err))
	}
}

// track counts the connection among those that Close ends and waits for.
func (s *Server) track(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.wg.Add(1)
	s.conns[c] = struct{}{}
	s.stats.opened.Add(1)
	return true
}

func (s *Server) untrack(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	c.detach()
	s.endPairing(c)
}

// cut ends the connection at once.
func (c *conn) cut() {
	c.cancel()
	_ = c.ws.CloseNow() // the other side may be gone already
}

// serve does the handshake and then reads stanzas until the connection ends.
func (c *conn) serve() error {
	payload, err := c.handshake()
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	c.server.wg.Go(c.writeLoop)
	if payload.GetUsername() == 0 {
		err = c.startPairing(payload)
	} else {
		err = c.login(payload)
	}
	if err != nil {
		return err
	}
	for {
		c.server.disk.waitRoom()
		c.out.waitRoom(c.ctx)
		n, err := c.readNode()
		if err != nil {
			return err
		}
		c.server.stats.framesIn.Add(1)
		c.handle(n)
	}
}

// handshakeTime is how long a client may take; it waits as long itself.
const handshakeTime = 20 * time.Second

func (c *conn) handshake() (*waWa6.ClientPayload, error) {
	ctx, cancel := context.WithTimeout(c.ctx, handshakeTime)
	defer cancel()
	hello, err := c.readFrame(ctx)
	if err != nil {
		return nil, err
	}
	if c.server.faults.any() && c.server.faults.pending(FaultHello, nil) {
		c.gate.close() // before the fault is over, for whoever waits for that
		if _, ok := c.server.faults.take(FaultHello, nil); !ok {
			c.gate.open()
		}
		if err := c.gate.wait(ctx); err != nil {
			return nil, err
		}
	}
	state, err := newNoise(intro())
	if err != nil {
		return nil, err
	}
	ephemeral := keys.NewKeyPair()
	static := keys.NewKeyPairFromPrivateKey(c.server.keys.Static)
	answer, err := state.hello(hello, ephemeral, static, c.server.chain)
	if err != nil {
		return nil, err
	}
	if err := c.ws.Write(ctx, websocket.MessageBinary, append(frameHeader(len(answer)), answer...)); err != nil {
		return nil, err
	}
	finish, err := c.readFrame(ctx)
	if err != nil {
		return nil, err
	}
	var payload *waWa6.ClientPayload
	if c.client, payload, err = state.finish(finish, ephemeral); err != nil {
		return nil, err
	}
	c.read, c.out.key, err = state.split()
	return payload, err
}

// readFrame returns the next frame. A frozen connection takes nothing, but its
// TCP connection stays open.
func (c *conn) readFrame(ctx context.Context) ([]byte, error) {
	for {
		if err := c.gate.wait(ctx); err != nil {
			return nil, err
		}
		frame, err := c.frames.next()
		if frame != nil || err != nil {
			return frame, err
		}
		kind, data, err := c.ws.Read(ctx)
		if err != nil {
			return nil, err
		}
		if kind == websocket.MessageBinary {
			c.frames.push(data)
		}
	}
}

func (c *conn) readNode() (*node, error) {
	frame, err := c.readFrame(c.ctx)
	if err != nil {
		return nil, err
	}
	plain, err := c.read.Open(frame[:0], noiseIV(c.reads), frame, nil)
	if err != nil {
		return nil, errors.New("a frame cannot be decrypted")
	}
	c.reads++
	return decodeNode(plain)
}

// handle answers one stanza of a client.
func (c *conn) handle(n *node) {
	if n.Tag == "iq" {
		c.handleIQ(n)
		return
	}
	if c.device == nil {
		return // an unlinked client has nothing else to say
	}
	switch n.Tag {
	case "message":
		c.handleMessage(n)
	case "receipt":
		c.handleReceipt(n)
	case "ack":
		c.handleAck(n)
	case "presence":
		c.handlePresence(n)
	case "chatstate":
		c.handleChatState(n)
	case "call": // acknowledged, so that the client goes on, but it rings nowhere
		c.server.notKnown(n.Tag, firstTag(n))
		c.send(el("ack", attrs{"class": "call", "id": attrString(n, "id"), "from": n.Attrs["to"]}))
	case "ib":
		switch tag := firstTag(n); tag {
		case "offline_batch": // asks for more of what waited: all of it comes without being asked for
		case "unified_session": // a measurement
		default:
			c.server.notKnown(n.Tag, tag)
		}
	default:
		c.server.notKnown(n.Tag, firstTag(n))
	}
}

// linked is the device that is logged in with this connection, or nil.
func (c *conn) linked() *device {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owner
}

// ask sends a query of the server and returns the client's answer.
func (c *conn) ask(ctx context.Context, query node) (*node, error) {
	id := attrString(&query, "id")
	answer := make(chan *node, 1)
	c.mu.Lock()
	c.waiting[id] = answer
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
	}()
	c.send(query)
	select {
	case n := <-answer:
		return n, nil
	case <-c.ctx.Done():
		return nil, errors.New("the connection ended before the client answered")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// answered hands an answer to whoever waits for it.
func (c *conn) answered(n *node) {
	c.mu.Lock()
	answer := c.waiting[attrString(n, "id")]
	c.mu.Unlock()
	if answer != nil {
		select {
		case answer <- n:
		default: // the client answered twice
		}
	}
}

// gate can be closed to hold up whoever passes it.
type gate struct {
	mu   sync.Mutex
	shut chan struct{} // nil while open
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut != nil
}

func (g *gate) wait(ctx context.Context) error {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut == nil {
		return ctx.Err()
	}
	select {
	case <-shut:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
