package whatsapp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	wastore "go.mau.fi/whatsmeow/store"
)

// What leans on a library's own, unpromised behaviour stands in this file, each part with the
// report that its makers need and, in workarounds_test.go or where it says, the test that fails
// when the part works no more or is needed no more. Further ones are:
//
//   - package whatsapp/ratchet, which mends what libsignal keeps of a ratchet, and has its own
//     report and test;
//   - decryption (decrypt.go): whatsmeow takes every error of its store during a decryption for a
//     broken message. "decryptMessages: an error of the store should end the handling without an
//     acknowledgement and without a retry receipt; today ErrUnavailable of a database makes the
//     client ask the sender for a message that is well." TestKeysAway;
//   - silence (clientlog.go): "libsignal: make the default logger in init or under a lock; two
//     clients that start at once race for logger.Logger."

// Flow control. The report: "handleFrame: when handlerQueue is full, each further stanza gets a
// goroutine of its own and the order is lost. The reader could block instead (the server holds
// back then), or Client could have a hook that is called before a stanza is queued and one after it
// was handled." TestWhatsmeowLogsStanzas fails when the log no longer tells of both.

const (
	// whatsmeow hands stanzas over in any order when more than 2,048 wait. Its reader has to wait
	// at half of that, until half of that half is handled.
	backlogFull = 1024
	backlogOver = 2000 // more is not let through whatever happens

	// backlogPatience is how long the reader waits while nothing at all is handled, before it reads
	// on: a handler can itself wait for an answer that is behind other stanzas.
	backlogPatience = time.Second
)

// backlog is what whatsmeow has read and not yet handled. whatsmeow does not tell how much that
// is, but it logs each stanza before it queues it and each answer before it sends it; since it
// handles stanzas one after the other, the answer to one means that all before it are handled.
type backlog struct {
	mu      sync.Mutex
	waiting []stanza      // in order
	moved   chan struct{} // closed when few wait; nil when nobody asks
	handles int           // counts what was handled
	stuck   bool          // nothing was for so long that the reader goes on
	round   int           // counts connections
}

// stanza is what its end is known by.
type stanza struct{ tag, id string }

// came is called for each stanza that is read, and returns when it may be queued.
func (b *backlog) came(n *waBinary.Node) {
	s := stanza{tag: n.Tag}
	switch n.Tag {
	case "message", "receipt", "notification", "call", "status", "appdata":
		s.id, _ = n.Attrs["id"].(string)
	case "presence", "chatstate": // they are not answered, but are events
	default: // not queued, or rare and without an answer
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	round := b.round
	if b.waiting = append(b.waiting, s); len(b.waiting) < backlogFull {
		return
	}
	patience := time.NewTimer(backlogPatience)
	defer patience.Stop()
	for seen := b.handles; b.round == round && len(b.waiting) > backlogFull/2 && (!b.stuck || len(b.waiting) >= backlogOver); {
		if b.moved == nil {
			b.moved = make(chan struct{})
		}
		moved, late := b.moved, false
		b.mu.Unlock()
		select {
		case <-moved:
		case <-patience.C:
			late = true
		}
		b.mu.Lock()
		if late {
			b.stuck, seen = b.handles == seen, b.handles
			patience.Reset(backlogPatience)
		}
	}
}

// answered is called for each stanza that is sent.
func (b *backlog) answered(n *waBinary.Node) {
	id, _ := n.Attrs["id"].(string)
	switch n.Tag {
	case "ack":
		tag, _ := n.Attrs["class"].(string)
		b.handled(stanza{tag, id})
	case "receipt":
		b.handled(stanza{"message", id})
	}
}

// handled takes note that a stanza, and with it all before it, is handled.
func (b *backlog) handled(s stanza) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, w := range b.waiting {
		if w == s {
			b.waiting = b.waiting[i+1:]
			b.handles++
			b.stuck = false
			break
		}
	}
	if len(b.waiting) <= backlogFull/2 {
		b.wake()
	}
}

// clear forgets everything and lets who waits go on: the connection it waited on is over.
func (b *backlog) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.round++
	b.waiting, b.stuck = nil, false
	b.wake()
}

func (b *backlog) wake() {
	if b.moved != nil {
		close(b.moved)
		b.moved = nil
	}
}

// stanzaLog is a clientLog that shows somebody the stanzas, which whatsmeow tells at debug level.
type stanzaLog struct {
	clientLog
	show func(*waBinary.Node)
}

// Debugf logs nothing: stanzas hold message texts.
func (l stanzaLog) Debugf(_ string, args ...any) {
	for _, a := range args {
		if n, ok := a.(*waBinary.Node); ok {
			l.show(n)
		}
	}
}

// An end of the handshake. The report: "doHandshake waits NoiseHandshakeResponseTimeout (20 s) for
// the server's hello also when the socket has closed meanwhile and when its context has ended; it
// could select on fs.Context().Done() and ctx.Done() as well." TestStopDuringTheHandshake fails when
// the forged frame no longer ends the wait.

// greeted is a transport whose WebSockets, when they end before anything came, bring an empty frame
// first. whatsmeow, once it waits for the answer to its handshake, does so for 20 s even when the
// connection has ended; from the frame it learns that there is none.
type greeted struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (g greeted) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := g.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if body, ok := resp.Body.(io.ReadWriteCloser); ok {
		resp.Body = &greeting{ReadWriteCloser: body}
	}
	return resp, nil
}

// greeting is the connection of such a WebSocket.
type greeting struct {
	io.ReadWriteCloser
	over atomic.Bool // something came, or nothing will

	mu    sync.Mutex // held while something is written
	asked bool       // the handshake has begun: whatsmeow takes a frame
}

// noAnswer is a binary message (RFC 6455) with one frame of WhatsApp's, which has no bytes.
const noAnswer = "\x82\x03\x00\x00\x00"

// Read implements io.Reader.
func (g *greeting) Read(b []byte) (int, error) {
	n, err := g.ReadWriteCloser.Read(b)
	if first := !g.over.Swap(true); first && n == 0 && err != nil && g.waited() {
		return copy(b, noAnswer), nil
	}
	return n, err
}

func (g *greeting) waited() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

// Write implements io.Writer.
func (g *greeting) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, err := g.ReadWriteCloser.Write(b)
	g.asked = err == nil
	return n, err
}

// The end of a connection. The report: "Client has goroutines (retryFrame, delayed requests) that wait seconds for another connection and end only at Disconnect. Disconnect: unlockedDisconnect stops the socket under
// socketLock while readPump may be blocked handing over frames, so that either side can wait for
// ever; and there is no way to ask whether a client has let go of its socket." TestForgotten fails
// when a client without a socket answers otherwise.

// hangUp closes the socket. When whatsmeow closes it itself, its reader may block for ever on
// frames that it has read and not yet passed on, and closing races with the other side's.
// So nothing more comes in, and whatsmeow finds out by itself that the connection is gone.
func (c *conn) hangUp() {
	c.pulse.hangUp()
	c.in.clear() // what is read already is less than there is room for
	for wait := time.Millisecond; wait < time.Second; wait *= 2 {
		if c.forgotten() {
			return
		}
		time.Sleep(wait)
	}
	c.client.Disconnect()
}

// forgotten says whether whatsmeow has let go of its socket: only then it answers a send
// with ErrNotConnected.
func (c *conn) forgotten() bool {
	if c.client.IsConnected() {
		return false
	}
	err := c.client.DangerousInternals().SendNode(c.ctx, waBinary.Node{Tag: "presence"})
	return errors.Is(err, whatsmeow.ErrNotConnected)
}

// Deleting the device. The report: "Store.Delete on a logout sets Deleted and ID without a lock
// while other goroutines of the client read them; and a client that stores elsewhere cannot keep
// whatsmeow from deleting." TestTheClientDoesNotDeleteItsDevice fails when a logout no longer goes
// through the container.

// errLeft tells whatsmeow that its device was not deleted.
var errLeft = errors.New("the session deletes its keys itself")

// container saves devices and leaves deleting them to the session: whatsmeow's own way of
// deleting changes the device without a lock while its other goroutines use it.
type container struct{ wastore.DeviceContainer }

// DeleteDevice does nothing but say so.
func (container) DeleteDevice(context.Context, *wastore.Device) error { return errLeft }

// The code of a refusal. The report: "SendMessage: ErrServerReturnedError could be a type that has
// the code, as IQError has." TestRefusalsHaveTheirCode fails when the text has another form.

// refusalCode is the code of an ErrServerReturnedError: the last word of its text.
func refusalCode(err error) (code int, ok bool) {
	text := err.Error()
	code, bad := strconv.Atoi(text[strings.LastIndexByte(text, ' ')+1:])
	return code, bad == nil
}
