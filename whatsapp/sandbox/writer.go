package sandbox

import (
	"context"
	"crypto/cipher"
	"encoding/binary"
	"sync"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/zap"
)

const (
	// maxAnswers is how many stanzas may wait to be written before the reader of
	// the same connection is held back.
	maxAnswers = 1024
	// maxWrite is about how many bytes go into one websocket message. Frames are
	// never split over two: clients misread everything after that.
	maxWrite = 64 << 10
	// closePause is how long a client gets to read a last stanza. Its queue stops
	// when its socket does, so a close right behind a stream error hides the
	// error, and the client would come back although it was thrown out.
	closePause = 8 * time.Second
)

// writer is what goes out on a connection: answers of the server first, then
// the device's queue.
type writer struct {
	key    cipher.AEAD
	count  uint32
	wake   chan struct{}
	buffer []byte

	mu      sync.Mutex
	answers [][]byte
	room    chan struct{} // closed when the reader may go on; nil if it may
	closing bool          // after the answers, end the connection
	deliver delivery
}

// send puts a stanza of the server in line. It never blocks.
func (c *conn) send(n node) {
	data, err := encodeNode(n)
	if err != nil {
		c.log.Error("stanza cannot be sent", zap.Error(err))
		return
	}
	c.out.mu.Lock()
	if !c.out.closing {
		c.out.answers = append(c.out.answers, data)
	}
	c.out.mu.Unlock()
	c.nudge()
}

// offer is send for what may be dropped when the client does not keep up.
func (c *conn) offer(n node) {
	c.out.mu.Lock()
	full := len(c.out.answers) >= maxAnswers
	c.out.mu.Unlock()
	if !full {
		c.send(n)
	}
}

// sendLast sends a stanza after which nothing else is sent, and then closes.
func (c *conn) sendLast(n node) {
	c.send(n)
	c.out.mu.Lock()
	c.out.closing = true
	c.out.mu.Unlock()
	c.nudge()
}

func (c *conn) nudge() {
	select {
	case c.out.wake <- struct{}{}:
	default:
	}
}

// waitRoom holds the reader back while its answers pile up.
func (w *writer) waitRoom(ctx context.Context) {
	w.mu.Lock()
	if len(w.answers) < maxAnswers {
		w.mu.Unlock()
		return
	}
	if w.room == nil {
		w.room = make(chan struct{})
	}
	room := w.room
	w.mu.Unlock()
	select {
	case <-room:
	case <-ctx.Done():
	}
}

// next collects what to write: some answers, or else some deliveries.
func (w *writer) next() (list [][]byte, last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	size := 0
	for len(w.answers) > 0 && size < maxWrite {
		size += len(w.answers[0])
		list = append(list, w.answers[0])
		w.answers[0] = nil
		w.answers = w.answers[1:]
	}
	if len(w.answers) < maxAnswers && w.room != nil {
		close(w.room)
		w.room = nil
	}
	if len(w.answers) == 0 && w.closing {
		return list, true
	}
	if len(list) == 0 {
		list = w.deliver.next(maxWrite)
	}
	return list, false
}

// writeLoop writes until the connection ends. Being one goroutine, it needs no
// lock for the counter of the cipher, and a client that does not read holds up
// nobody but itself.
func (c *conn) writeLoop() {
	defer c.cancel()
	for {
		list, last := c.out.next()
		if len(list) == 0 && !last {
			select {
			case <-c.out.wake:
				continue
			case <-c.ctx.Done():
				return
			}
		}
		if err := c.gate.wait(c.ctx); err != nil {
			return
		}
		if err := c.write(list); err != nil {
			return
		}
		if last {
			c.closeSoon()
			return
		}
	}
}

func (c *conn) write(list [][]byte) error {
	if len(list) == 0 {
		return nil
	}
	buf := c.out.buffer[:0]
	for _, plain := range list {
		buf = append(buf, frameHeader(len(plain)+c.out.key.Overhead())...)
		buf = c.out.key.Seal(buf, noiseIV(c.out.count), plain, nil)
		c.out.count++
	}
	c.out.buffer = buf
	c.server.stats.framesOut.Add(uint64(len(list)))
	return c.ws.Write(c.ctx, websocket.MessageBinary, buf)
}

// closeSoon waits for the client to close, and closes when it does not.
func (c *conn) closeSoon() {
	timer := time.NewTimer(closePause)
	defer timer.Stop()
	select {
	case <-timer.C:
		_ = c.ws.CloseNow() // the client may have closed at the same moment
	case <-c.ctx.Done():
	}
}

// number writes an integer in as many bytes as the protocol has for it.
func number(value uint32, size int) []byte {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], value)
	return b[4-size:]
}
