package sandbox

import (
	"strings"
	"sync"
)

// queued is one stanza that a device has not yet taken delivery of.
type queued struct {
	seq  uint64 // its name on disk, and its order there
	pos  uint64 // its order in the outbox
	tag  string
	key  string // what the device will say to end it, see the keys below
	data []byte // the encoded stanza, always delivered as it is
	sent bool
	gone bool
}

// outbox keeps, in order, the stanzas for one device until the device has
// acknowledged them: what was only written to a connection may be lost with
// it. It outlives connections; each of those reads it from the beginning.
type outbox struct {
	mu    sync.Mutex
	items []*queued
	gone  int
	last  uint64
	byKey map[string][]*queued
	woken func()
}

// wake sets whom to tell about new stanzas; nil for nobody.
func (o *outbox) wake(f func()) {
	o.mu.Lock()
	o.woken = f
	o.mu.Unlock()
}

func (o *outbox) add(list ...*queued) {
	o.mu.Lock()
	if o.byKey == nil {
		o.byKey = make(map[string][]*queued)
	}
	for _, q := range list {
		o.last++
		q.pos = o.last
		o.items = append(o.items, q)
		o.byKey[q.key] = append(o.byKey[q.key], q)
	}
	woken := o.woken
	o.mu.Unlock()
	if woken != nil {
		woken()
	}
}

// take returns up to limit stanzas after a position and marks them as sent.
func (o *outbox) take(after uint64, limit int) []*queued {
	o.mu.Lock()
	defer o.mu.Unlock()
	from := o.search(after)
	var list []*queued
	for _, q := range o.items[from:] {
		if len(list) == limit {
			break
		}
		if !q.gone {
			q.sent = true
			list = append(list, q)
		}
	}
	return list
}

// search is the index of the first item after a position.
func (o *outbox) search(after uint64) int {
	lo, hi := 0, len(o.items)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if o.items[mid].pos <= after {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// end takes out the oldest sent stanza with that key, and says which it was.
// A stanza that was never sent cannot have been acknowledged: the device means
// an earlier one of the same name.
func (o *outbox) end(key string) *queued {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.byKey[key]
	for i, q := range list {
		if !q.sent {
			continue
		}
		q.gone = true
		if len(list) == 1 {
			delete(o.byKey, key)
		} else {
			o.byKey[key] = append(list[:i:i], list[i+1:]...)
		}
		o.gone++
		o.compact()
		return q
	}
	return nil
}

// compact drops what has ended once it is the larger part.
func (o *outbox) compact() {
	if o.gone < 64 || o.gone*2 < len(o.items) {
		return
	}
	kept := make([]*queued, 0, len(o.items)-o.gone)
	for _, q := range o.items {
		if !q.gone {
			kept = append(kept, q)
		}
	}
	o.items, o.gone = kept, 0
}

// waiting counts what is queued, by tag, and says up to which position.
func (o *outbox) waiting() (counts map[string]int, upTo uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	counts = make(map[string]int)
	for _, q := range o.items {
		if !q.gone {
			counts[q.tag]++
		}
	}
	return counts, o.last
}

func (o *outbox) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.items) - o.gone
}

// messageKey names a queued message: two senders may use the same id, so the
// sender belongs to the name. Devices and forms of address do not: clients
// differ in which they repeat.
func messageKey(id, from, participant string) string {
	return strings.Join([]string{"message", id, from, participant}, "\x00")
}

// otherKey names a queued receipt, notification or call, whose acknowledgement
// repeats its attributes.
func otherKey(tag, id, kind, from string) string {
	return strings.Join([]string{tag, id, kind, from}, "\x00")
}
