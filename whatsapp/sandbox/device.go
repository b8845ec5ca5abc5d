package sandbox

import (
	"encoding/hex"
	"fmt"
	"sync"
)

// device is one device of an account as the server knows it: the keys it has
// published, the stanzas it has not yet taken, and its connection.
type device struct {
	account *account
	number  int
	queue   outbox

	mu       sync.Mutex
	noise    [32]byte // whoever logs in must own this key
	keys     publicKeys
	spare    []publicKey // one-time prekeys, each handed out once
	platform string
	greeted  bool // the phone has sent it keys and history
	removed  bool
	conn     *conn
	seen     recent              // stanzas taken from it, by id
	retried  map[string]struct{} // messages it asked to have again, see endedByAck
}

// publicKeys is a device's key bundle without the one-time keys.
type publicKeys struct {
	Registration uint32    `json:"registration"`
	Identity     [32]byte  `json:"identity"`
	Signed       publicKey `json:"signed"`
	Signature    []byte    `json:"signature"`
}

type publicKey struct {
	ID    uint32 `json:"id"`
	Value []byte `json:"value"`
}

// deviceRecord is what is kept of a device besides its prekeys and its queue.
type deviceRecord struct {
	Noise    []byte     `json:"noise,omitempty"`
	Keys     publicKeys `json:"keys"`
	Platform string     `json:"platform,omitempty"`
	Greeted  bool       `json:"greeted,omitempty"`
}

func newDevice(a *account, number int) *device {
	return &device{account: a, number: number, seen: newRecent(8192), retried: make(map[string]struct{})}
}

// path is the beginning of the device's keys on disk for one kind of record.
func (d *device) path(kind string) string {
	return fmt.Sprintf("%s/%s/%03d/", kind, d.account.pn, d.number)
}

// save keeps the device's own record; the caller holds d.mu.
func (d *device) save(c *change) {
	c.put(d.path("device"), deviceRecord{d.noise[:], d.keys, d.platform, d.greeted})
}

// forget removes everything that is kept of the device.
func (d *device) forget(c *change) {
	c.del(d.path("device"))
	for _, k := range d.spare {
		c.del(d.spareKey(k.ID))
	}
	d.queue.mu.Lock()
	for _, q := range d.queue.items {
		c.del(d.queueKey(q.seq))
	}
	d.queue.mu.Unlock()
	for _, id := range d.seen.order {
		c.del(d.path("seen") + hex.EncodeToString([]byte(id)))
	}
}

func (d *device) spareKey(id uint32) string  { return fmt.Sprintf("%s%08x", d.path("prekey"), id) }
func (d *device) queueKey(seq uint64) string { return fmt.Sprintf("%s%016x", d.path("queue"), seq) }

// online is the connection the device is logged in with, or nil.
func (d *device) online() *conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conn
}

func (d *device) isRemoved() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.removed
}

// deviceRemoved tells a client that its link is gone; it deletes what it has.
func (c *conn) deviceRemoved() {
	c.sendLast(el("stream:error", attrs{"code": "401"}, el("conflict", attrs{"type": "device_removed"})))
}

// repeated says whether the device sent this stanza before, and remembers it.
// Clients resend what was not acknowledged when a connection broke; that is
// acknowledged again and nothing else.
func (d *device) repeated(c *change, id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen.has(id) {
		return true
	}
	if old, full := d.seen.add(id); full {
		c.del(d.path("seen") + hex.EncodeToString([]byte(old)))
	}
	c.put(d.path("seen")+hex.EncodeToString([]byte(id)), []byte{})
	return false
}

// recent is a set of the newest ids.
type recent struct {
	limit int
	ids   map[string]struct{}
	order []string
}

func newRecent(limit int) recent { return recent{limit: limit, ids: make(map[string]struct{})} }

func (r *recent) has(id string) bool {
	_, ok := r.ids[id]
	return ok
}

// add remembers an id and says which one was dropped for it, if any.
func (r *recent) add(id string) (dropped string, full bool) {
	r.ids[id] = struct{}{}
	r.order = append(r.order, id)
	if len(r.order) <= r.limit {
		return "", false
	}
	dropped = r.order[0]
	r.order = r.order[1:]
	delete(r.ids, dropped)
	return dropped, true
}
