package sandbox

import (
	"encoding/json"
	"fmt"

	"go.mau.fi/whatsmeow/types"
)

// delivery is how far a connection has read its device's queue. Its fields are
// guarded by the writer's lock.
type delivery struct {
	server  *Server
	device  *device // nil: nothing is delivered
	after   uint64
	phase   phase
	offline uint64 // up to here it is what came while the device was away
	counts  map[string]int
	given   int
	held    [][]byte // by the fault "reorder"
}

type phase int

const (
	waiting phase = iota // until the client says that it is active
	preview
	catchingUp
	live
)

// attach makes the connection the one that the device is logged in with, and
// returns the one it replaces.
func (c *conn) attach(d *device) (replaced *conn) {
	d.mu.Lock() // until the end: of two that come at once, one replaces the other whole
	defer d.mu.Unlock()
	replaced, d.conn = d.conn, c
	c.device = d
	c.mu.Lock()
	c.owner = d
	c.mu.Unlock()
	if replaced != nil {
		replaced.stopDelivery()
	}
	c.out.mu.Lock()
	c.out.deliver = delivery{server: c.server, device: d}
	c.out.mu.Unlock()
	d.queue.wake(c.nudge)
	return replaced
}

// detach is the opposite; it does nothing when another connection has taken
// the device over.
func (c *conn) detach() {
	d := c.device
	if d == nil {
		return
	}
	c.stopDelivery()
	d.mu.Lock()
	last := d.conn == c
	if last {
		d.conn = nil
		d.queue.wake(nil)
	}
	d.mu.Unlock()
	c.server.unsubscribe(d)
	if last {
		c.server.happened(DeviceOffline, d.account, detail(Detail{Device: d.number}))
	}
}

func (c *conn) stopDelivery() {
	c.out.mu.Lock()
	c.out.deliver.device = nil
	c.out.mu.Unlock()
}

// startDelivery begins with what waited. It may be called again, when a client
// says once more that it is active.
func (c *conn) startDelivery() {
	c.out.mu.Lock()
	v := &c.out.deliver
	if v.device != nil && v.phase == waiting {
		v.counts, v.offline = v.device.queue.waiting()
		v.phase = preview
	}
	c.out.mu.Unlock()
	c.nudge()
}

// next gives the next stanzas to write, about max bytes of them.
func (v *delivery) next(max int) [][]byte {
	if v.device == nil || v.phase == waiting {
		return nil
	}
	var list [][]byte
	if v.phase == preview {
		v.phase = catchingUp
		if len(v.counts) > 0 {
			list = append(list, mustEncode(v.offlinePreview()))
		}
	}
	size := 0
	for size < max {
		batch := v.device.queue.take(v.after, 64)
		if len(batch) == 0 {
			break
		}
		for _, q := range batch {
			if v.phase == catchingUp && q.pos > v.offline {
				list = append(list, v.caughtUp())
			}
			v.after = q.pos
			for _, data := range v.wire(q) {
				list = append(list, data)
				size += len(data)
			}
		}
	}
	if v.phase == catchingUp && v.device.queue.doneUntil(v.after, v.offline) {
		list = append(list, v.caughtUp())
	}
	return append(list, v.releaseHeld()...)
}

// doneUntil says whether nothing is left between two positions.
func (o *outbox) doneUntil(after, upTo uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, q := range o.items[o.search(after):] {
		if q.pos > upTo {
			break
		}
		if !q.gone {
			return false
		}
	}
	return true
}

func (v *delivery) offlinePreview() node {
	total := 0
	for _, n := range v.counts {
		total += n
	}
	return el("ib", attrs{"from": serverJID()}, el("offline_preview", attrs{
		"count": total, "message": v.counts["message"], "receipt": v.counts["receipt"],
		"notification": v.counts["notification"], "appdata": 0, "call": v.counts["call"],
	}))
}

// caughtUp ends the offline delivery. Clients wait for it even if nothing
// waited for them.
func (v *delivery) caughtUp() []byte {
	v.phase = live
	return mustEncode(el("ib", attrs{"from": serverJID()}, el("offline", attrs{"count": v.given})))
}

// wire is what is written for one queued stanza: the stanza, unless a fault
// says otherwise.
func (v *delivery) wire(q *queued) [][]byte {
	data := q.data
	if v.phase == catchingUp {
		data = changed(data, func(n *node) { n.Attrs["offline"] = fmt.Sprint(v.given) })
		v.given++
	}
	if q.tag != "message" {
		return [][]byte{data}
	}
	v.server.stats.messagesOut.Add(1)
	f := &v.server.faults
	if !f.any() {
		return [][]byte{data}
	}
	if _, ok := f.take(FaultCorrupt, v.device); ok {
		data = changed(data, corrupt)
	}
	if _, ok := f.take(FaultReorder, v.device); ok {
		v.held = append(v.held, data)
		return nil
	}
	if _, ok := f.take(FaultRepeat, v.device); ok {
		return [][]byte{data, data}
	}
	return [][]byte{data}
}

// releaseHeld gives back, in reverse, what the fault "reorder" held, once it
// holds no more.
func (v *delivery) releaseHeld() [][]byte {
	if len(v.held) == 0 || v.server.faults.pending(FaultReorder, v.device) {
		return nil
	}
	list := make([][]byte, 0, len(v.held))
	for i := len(v.held) - 1; i >= 0; i-- {
		list = append(list, v.held[i])
	}
	v.held = nil
	return list
}

// changed decodes an encoded stanza of our own, alters and encodes it again.
func changed(data []byte, alter func(*node)) []byte {
	n, err := decodeNode(data)
	if err != nil {
		return data
	}
	alter(n)
	return mustEncode(*n)
}

// corrupt makes the encrypted part of a message undecryptable.
func corrupt(n *node) {
	for _, enc := range n.GetChildrenByTag("enc") {
		// Near the end is ciphertext in either kind of message; the very end of a
		// pkmsg is numbers that nothing protects.
		if b := contentBytes(&enc); len(b) > 20 {
			b[len(b)-20] ^= 0x55
		}
	}
}

// mustEncode encodes stanzas that this package has put together, which fails
// only for types that the wire does not have.
func mustEncode(n node) []byte {
	data, err := encodeNode(n)
	if err != nil {
		panic(err)
	}
	return data
}

// queueRecord is a queued stanza on disk.
type queueRecord struct {
	Tag  string `json:"tag"`
	Key  string `json:"key"`
	Data []byte `json:"data"`
}

// enqueue puts a stanza in line for a device, as part of a change.
func (s *Server) enqueue(c *change, d *device, n node) {
	data := mustEncode(n)
	q := &queued{seq: s.seq.Add(1), tag: n.Tag, key: s.keyOf(&n), data: data}
	if c.disk != nil {
		c.put(d.queueKey(q.seq), queueRecord{q.tag, q.key, q.data})
	}
	c.adds = append(c.adds, addition{d, q})
}

// keyOf is what the receiver of a stanza will repeat to end it.
func (s *Server) keyOf(n *node) string {
	from, _ := attrJID(n, "from")
	if n.Tag != "message" {
		return otherKey(n.Tag, attrString(n, "id"), attrString(n, "type"), from.String())
	}
	participant := ""
	if p, ok := attrJID(n, "participant"); ok {
		participant = s.canonical(p)
	}
	return messageKey(attrString(n, "id"), s.canonical(from), participant)
}

// ended takes a stanza out of a device's queue and reports whether there was one.
func (s *Server) ended(c *change, d *device, key string) bool {
	q := d.queue.end(key)
	if q != nil {
		c.del(d.queueKey(q.seq))
		s.stats.ended.Add(1)
	}
	return q != nil
}

func (s *Server) loadQueue(d *device) error {
	return s.disk.each(d.path("queue"), func(rest string, value []byte) error {
		var r queueRecord
		if err := json.Unmarshal(value, &r); err != nil {
			return err
		}
		var seq uint64
		if _, err := fmt.Sscanf(rest, "%x", &seq); err != nil {
			return err
		}
		if seq > s.seq.Load() {
			s.seq.Store(seq)
		}
		d.queue.add(&queued{seq: seq, tag: r.Tag, key: r.Key, data: r.Data})
		return nil
	})
}

// notifyDevices tells whom it concerns that an account's device list changed:
// the account's own other devices, and the accounts that have asked for it.
func (s *Server) notifyDevices(c *change, a *account, verb string, changed *device) {
	own := make([]types.JID, 0, 4)
	lids := make([]types.JID, 0, 4)
	var devices []node
	for _, d := range a.list() {
		own, lids = append(own, a.pnJID(d.number)), append(lids, a.lidJID(d.number))
		devices = append(devices, deviceNode(a.pnJID(d.number), d.number))
	}
	t := unix(s.now())
	for _, d := range a.companions() {
		if d != changed {
			s.enqueue(c, d, el("notification", attrs{"from": a.pnJID(0), "type": "account_sync", "id": s.nextID(), "t": t},
				el("devices", attrs{"dhash": devicesHash(own)}, devices...)))
		}
	}
	a.mu.Lock()
	watchers := make([]string, 0, len(a.watchers))
	for lid := range a.watchers {
		watchers = append(watchers, lid)
	}
	a.mu.Unlock()
	for _, lid := range watchers {
		w := s.find(types.JID{User: lid, Server: types.HiddenUserServer})
		if w == nil || w == a {
			continue
		}
		// Clients look the list up under the sender, and they keep it under the
		// hidden identity: sent from the number it would be ignored.
		for _, d := range w.companions() {
			s.enqueue(c, d, el("notification", attrs{"from": a.lidJID(0), "type": "devices", "id": s.nextID(), "t": t},
				el(verb, attrs{"device_hash": devicesHash(lids)}, deviceNode(a.lidJID(changed.number), changed.number))))
		}
	}
}

// deviceNode names a device. Without a key index a companion is skipped by
// some clients, without any error.
func deviceNode(jid types.JID, number int) node {
	a := attrs{"jid": jid}
	if number != 0 {
		a["key-index"] = number
	}
	return el("device", a)
}
