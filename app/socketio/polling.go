package socketio

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// poll answers with what is in line, once something is.
func (c *Conn) poll(w http.ResponseWriter, r *http.Request) {
	if !c.begin(&c.waits) {
		c.misused(w, r, "Another poll waits, or the connection is a WebSocket now.")
		return
	}
	packets, alone := c.next(r)
	c.done(&c.waits)
	if packets == nil {
		if alone || c.ctx.Err() != nil {
			c.Close()
			packets = [][]byte{{engineClose}}
		} else {
			packets = [][]byte{{engineNoop}} // let go, for the WebSocket
		}
	}
	if err := c.write(w, bytes.Join(packets, []byte{separator})); err != nil {
		c.Close() // the packets are lost: whoever reads on would miss them
	}
	c.landed()
}

// next waits for packets: none when the connection or the poll is over. alone says that the client has
// left the poll.
func (c *Conn) next(r *http.Request) (packets [][]byte, alone bool) {
	for {
		if c.ctx.Err() != nil {
			return nil, false
		}
		if packets = c.take(); len(packets) > 0 {
			return packets, false
		}
		c.mu.Lock()
		let := c.probed || c.socket != nil
		c.mu.Unlock()
		if let {
			return nil, false
		}
		select {
		case <-c.more:
		case <-c.ctx.Done():
		case <-r.Context().Done():
			return nil, true
		}
	}
}

// begin says whether a request may begin what the client may do once at a time, and only while it polls.
func (c *Conn) begin(busy *bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *busy || c.socket != nil {
		return false
	}
	*busy = true
	return true
}

func (c *Conn) done(busy *bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*busy = false
}

// misused ends a connection whose client does what the protocol forbids.
func (c *Conn) misused(w http.ResponseWriter, r *http.Request, detail string) {
	c.Close()
	c.s.cfg.Refuse(w, r, http.StatusBadRequest, detail)
}

func (c *Conn) write(w http.ResponseWriter, body []byte) error {
	// A writer without deadlines is one that waits for nobody.
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(c.s.cfg.WriteTimeout))
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, err := w.Write(body) //nolint:gosec // plain text, which nothing takes for a page
	if err == nil {
		err = control.Flush() // or it would be written when nobody learns any more whether it could be
	}
	if errors.Is(err, http.ErrNotSupported) {
		err = nil
	}
	_ = control.SetWriteDeadline(time.Time{}) // the next request on the wire has its own time
	c.overdue(err)
	return err
}

// overdue tells of a write that took too long.
func (c *Conn) overdue(err error) {
	var failed net.Error
	if errors.As(err, &failed) && failed.Timeout() {
		c.s.cfg.Slow()
	}
}

// post takes a payload of the client.
func (c *Conn) post(w http.ResponseWriter, r *http.Request) {
	if !c.begin(&c.reading) {
		c.misused(w, r, "Another POST is read, or the connection is a WebSocket now.")
		return
	}
	defer c.done(&c.reading)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/octet-stream") {
		c.misused(w, r, "A payload is text.")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(c.s.cfg.MaxPayload)))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		c.Close()
		c.s.cfg.Refuse(w, r, http.StatusRequestEntityTooLarge, "The payload has more bytes than maxPayload.")
		return
	case err != nil:
		c.misused(w, r, "The body could not be read.")
		return
	}
	for raw := range bytes.SplitSeq(body, []byte{separator}) {
		if err := c.came(raw); errors.Is(err, errMalformed) {
			c.misused(w, r, "The payload has a packet that is none of the protocol's.")
			return
		} else if err != nil {
			c.Close()
			break
		}
	}
	if err := c.write(w, []byte("ok")); err != nil {
		c.Close()
	}
}
