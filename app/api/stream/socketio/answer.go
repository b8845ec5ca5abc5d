package socketio

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"whatsapp-api/app/api"
)

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
	write  time.Duration // for one write

	mu       sync.Mutex
	w        http.ResponseWriter // nil when the request is over
	asked    bool                // for the header
	status   int
	written  bool
	hijacked bool
}

// newAnswer is for a request that begins a connection (first), or belongs to one.
func newAnswer(w http.ResponseWriter, first bool, write time.Duration) *answer {
	a := &answer{w: w, write: write, header: w.Header().Clone(), ready: make(chan struct{})}
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
	case <-time.After(a.write):
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
	return &patient{Conn: conn, ready: a.ready, slow: a.slow, write: a.write}, rw, nil
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
	write   time.Duration
	greeted atomic.Bool
}

// Write writes in time or fails.
func (p *patient) Write(raw []byte) (int, error) {
	if p.greeted.Swap(true) {
		select {
		case <-p.ready:
		case <-time.After(p.write):
			return 0, errOver
		}
	}
	if err := p.SetWriteDeadline(time.Now().Add(p.write)); err != nil {
		return 0, err
	}
	n, err := p.Conn.Write(raw)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.slow()
	}
	return n, err
}
