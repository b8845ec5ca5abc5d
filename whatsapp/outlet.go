package whatsapp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
)

// outlet holds back what a conn sends until everything that it took before is kept.
//
// whatsmeow handles one message at a time and acknowledges it when the handler returns. If
// the handler waited for the commit, each message would cost a commit of its own. So it
// returns when the message has its place in the order, the next one is decrypted meanwhile,
// and messages that wait are kept together; the acknowledgement waits here. When something
// could not be kept, nothing leaves any more.
type outlet struct {
	mu     sync.Mutex
	taken  uint64 // what was handed over to be kept, and
	kept   uint64 // how much of it is
	failed bool
	moved  chan struct{} // closed and replaced when kept or failed changes
	settle func()        // has kept what was handed over
}

var errHeld = errors.New("what came before was not kept, so nothing may leave")

func newOutlet(settle func()) *outlet { return &outlet{moved: make(chan struct{}), settle: settle} }

// hold is called when something is handed over to be kept. What is sent from then on waits
// for release to be called, with whether it is.
func (o *outlet) hold() (release func(kept bool)) {
	o.mu.Lock()
	o.taken++
	o.mu.Unlock()
	return func(kept bool) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.kept++
		o.failed = o.failed || !kept
		close(o.moved)
		o.moved = make(chan struct{})
	}
}

// fail lets nothing more leave.
func (o *outlet) fail() { o.hold()(false) }

// now says how much was taken by now, and whether all of it is kept.
func (o *outlet) now() (taken uint64, open bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed {
		return o.taken, false, errHeld
	}
	return o.taken, o.taken == o.kept, nil
}

// keptNow says how much is kept by now; nothing more once something could not be.
func (o *outlet) keptNow() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed {
		return 0
	}
	return o.kept
}

// wait returns when so much is kept.
func (o *outlet) wait(taken uint64) error {
	for {
		o.mu.Lock()
		failed, kept, moved := o.failed, o.kept >= taken, o.moved
		o.mu.Unlock()
		switch {
		case failed:
			return errHeld
		case kept:
			return nil
		}
		<-moved // a commit always comes to an end
	}
}

// over puts the outlet over a client's connections.
func (o *outlet) over(c *http.Client) {
	t := c.Transport.(*http.Transport)
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		raw, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &held{Conn: raw, out: o}, nil
	}
}

// maxHeld is how much one connection holds back before who writes has to wait.
const maxHeld = 1 << 20

// held is a connection whose writes go through an outlet. A write that has to wait is taken
// and goes out later, in order; an error of it comes with the next one.
type held struct {
	net.Conn
	out *outlet

	mu      sync.Mutex
	waiting []parcel
	bytes   int
	running bool
	err     error
	writing sync.Mutex // held while bytes go out
}

type parcel struct {
	after uint64
	bytes []byte
}

// Write implements net.Conn.
func (h *held) Write(b []byte) (int, error) {
	taken, open, err := h.out.now()
	if err != nil {
		return 0, err
	}
	h.mu.Lock()
	if h.err != nil {
		defer h.mu.Unlock()
		return 0, h.err
	}
	if open && !h.running {
		h.writing.Lock() // before others can put something in line
		h.mu.Unlock()
		defer h.writing.Unlock()
		return h.Conn.Write(b)
	}
	h.waiting = append(h.waiting, parcel{taken, append([]byte(nil), b...)})
	h.bytes += len(b)
	full := h.bytes > maxHeld
	if !h.running {
		h.running = true
		go h.release()
	}
	h.mu.Unlock()
	if full {
		return len(b), h.out.wait(taken)
	}
	return len(b), nil
}

// release sends what waits, until nothing does. It ends with the commits that it waits for.
func (h *held) release() {
	for {
		h.mu.Lock()
		if len(h.waiting) == 0 {
			h.running, h.waiting = false, nil
			h.mu.Unlock()
			return
		}
		next := h.waiting[0]
		h.mu.Unlock()
		kept := h.out.keptNow()
		var err error
		if kept < next.after {
			h.out.settle() // it may be in line only, for a commit that this write is a part of
			err = h.out.wait(next.after)
			kept = max(h.out.keptNow(), next.after)
		}
		// All that waited for no more than is kept by now, or what is sent would fall ever further
		// behind what is kept: many units are kept in the time of one wait.
		all := h.ready(kept)
		if err == nil {
			h.writing.Lock()
			_, err = h.Conn.Write(all)
			h.writing.Unlock()
		}
		if err != nil {
			h.mu.Lock()
			h.err, h.running, h.waiting, h.bytes = err, false, nil, 0
			h.mu.Unlock()
			return
		}
	}
}

// ready takes out what waits for no more than that.
func (h *held) ready(after uint64) (all []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.waiting) > 0 && h.waiting[0].after <= after {
		all = append(all, h.waiting[0].bytes...)
		h.waiting = h.waiting[1:]
	}
	h.bytes -= len(all)
	return all
}
