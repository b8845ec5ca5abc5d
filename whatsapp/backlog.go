package whatsapp

import (
	"sync"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
)

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
