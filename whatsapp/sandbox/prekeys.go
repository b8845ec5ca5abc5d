package sandbox

import (
	"encoding/binary"

	"go.mau.fi/libsignal/ecc"
)

// keyID reads the three bytes in which the protocol numbers prekeys.
func keyID(b []byte) uint32 {
	if len(b) != 3 {
		return 0
	}
	return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
}

// encrypt answers what concerns prekeys.
func (q *query) encrypt() ([]node, *iqError) {
	if _, ok := childOf(q.node, "count"); ok {
		return []node{el("count", attrs{"value": q.device.spareCount()})}, nil
	}
	if key, ok := childOf(q.node, "key"); ok && !q.set() {
		return q.bundles(key)
	}
	if _, ok := childOf(q.node, "digest"); ok {
		return []node{q.device.digest()}, nil
	}
	if rotate, ok := childOf(q.node, "rotate"); ok {
		return nil, q.rotate(rotate)
	}
	if q.set() {
		return nil, q.upload()
	}
	return q.unknown()
}

func (d *device) spareCount() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.spare)
}

// readKey reads a published key: its number, its 32 bytes and, for a signed
// one, the signature over it by the identity key.
func readKey(n *node) (key publicKey, signature []byte, ok bool) {
	id, hasID := childOf(n, "id")
	value, hasValue := childOf(n, "value")
	if !hasID || !hasValue || len(contentBytes(id)) != 3 || len(contentBytes(value)) != 32 {
		return key, nil, false
	}
	if s, ok := childOf(n, "signature"); ok {
		signature = append(signature, contentBytes(s)...)
	}
	return publicKey{keyID(contentBytes(id)), append([]byte(nil), contentBytes(value)...)}, signature, true
}

func signedBy(identity [32]byte, key publicKey, signature []byte) bool {
	if len(signature) != 64 {
		return false
	}
	message := append([]byte{ecc.DjbType}, key.Value...)
	return ecc.VerifySignature(ecc.NewDjbECPublicKey(identity), message, [64]byte(signature))
}

// upload takes new keys: identity and signed key are replaced, one-time keys
// are added to those that are left.
func (q *query) upload() *iqError {
	registration, _ := childOf(q.node, "registration")
	identity, _ := childOf(q.node, "identity")
	skey, _ := childOf(q.node, "skey")
	list, _ := childOf(q.node, "list")
	if registration == nil || identity == nil || skey == nil || list == nil ||
		len(contentBytes(registration)) != 4 || len(contentBytes(identity)) != 32 {
		return errBadRequest
	}
	signed, signature, ok := readKey(skey)
	theirs := [32]byte(contentBytes(identity))
	if !ok || !signedBy(theirs, signed, signature) {
		return errBadRequest
	}
	var added []publicKey
	for _, n := range list.GetChildren() {
		key, _, ok := readKey(&n)
		if !ok {
			return errBadRequest
		}
		added = append(added, key)
	}
	d := q.device
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys = publicKeys{binary.BigEndian.Uint32(contentBytes(registration)), theirs, signed, signature}
	d.save(q.change)
	d.addSpare(q.change, added)
	return nil
}

// addSpare adds one-time keys; a key that is known by its number replaces the
// old one. The caller holds d.mu.
func (d *device) addSpare(c *change, added []publicKey) {
	known := make(map[uint32]int, len(d.spare))
	for i, k := range d.spare {
		known[k.ID] = i
	}
	for _, k := range added {
		if i, ok := known[k.ID]; ok {
			d.spare[i] = k
		} else {
			d.spare = append(d.spare, k)
		}
		c.put(d.spareKey(k.ID), k.Value)
	}
}

func (q *query) rotate(rotate *node) *iqError {
	skey, ok := childOf(rotate, "skey")
	if !ok {
		return errBadRequest
	}
	signed, signature, ok := readKey(skey)
	d := q.device
	d.mu.Lock()
	defer d.mu.Unlock()
	if !ok || !signedBy(d.keys.Identity, signed, signature) {
		return errBadRequest
	}
	d.keys.Signed, d.keys.Signature = signed, signature
	d.save(q.change)
	return nil
}

// bundle is what others need to start a session with a device.
type bundle struct {
	publicKeys
	spare *publicKey // nil when there is none left
}

// takeBundle gives out the device's keys and one of its one-time keys, which
// nobody else will get.
func (d *device) takeBundle(c *change) bundle {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := bundle{publicKeys: d.keys}
	if len(d.spare) > 0 {
		first := d.spare[0]
		d.spare = d.spare[1:]
		b.spare = &first
		c.del(d.spareKey(first.ID))
	}
	return b
}

// fewPreKeys is when a client is told to upload more; with five or more left
// clients take no notice.
const fewPreKeys = 4

// takeBundle gives a device's keys out, and tells the device when it has few
// one-time keys left.
func (s *Server) takeBundle(c *change, d *device) bundle {
	b := d.takeBundle(c)
	if left := d.spareCount(); d.number != 0 && b.spare != nil && left == fewPreKeys {
		s.enqueue(c, d, el("notification", attrs{"from": serverJID(), "type": "encrypt", "id": s.nextID(), "t": unix(s.now())},
			el("count", attrs{"value": left})))
	}
	return b
}

// bundles answers with the keys of the devices asked for, any of them: the
// asker's own too, which some clients ask for.
func (q *query) bundles(key *node) ([]node, *iqError) {
	var list []node
	for _, user := range key.GetChildrenByTag("user") {
		jid, ok := attrJID(&user, "jid")
		if !ok {
			continue
		}
		var d *device
		if a := q.server.find(jid); a != nil {
			d = a.device(int(jid.Device))
		}
		if d == nil {
			list = append(list, el("user", attrs{"jid": jid}, el("error", attrs{"code": "404", "text": "item-not-found"})))
			continue
		}
		list = append(list, el("user", attrs{"jid": jid, "t": unix(q.server.now())}, q.server.takeBundle(q.change, d).nodes()...))
	}
	return []node{el("list", nil, list...)}, nil
}

// nodes writes a bundle as both ends of the protocol read it.
func (b bundle) nodes() []node {
	list := []node{
		leaf("registration", nil, number(b.Registration, 4)),
		leaf("type", nil, []byte{ecc.DjbType}),
		leaf("identity", nil, b.Identity[:]),
		b.Signed.node("skey", leaf("signature", nil, b.Signature)),
	}
	if b.spare != nil {
		list = append(list, b.spare.node("key"))
	}
	return list
}

func (k publicKey) node(tag string, more ...node) node {
	return el(tag, nil, append([]node{leaf("id", nil, number(k.ID, 3)), leaf("value", nil, k.Value)}, more...)...)
}

// digest repeats what the server holds, so that the client can see whether it
// is what it uploaded.
func (d *device) digest() node {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]node, len(d.spare))
	for i, k := range d.spare {
		list[i] = leaf("id", nil, number(k.ID, 3))
	}
	return el("digest", nil,
		leaf("registration", nil, number(d.keys.Registration, 4)),
		leaf("type", nil, []byte{ecc.DjbType}),
		leaf("identity", nil, d.keys.Identity[:]),
		d.keys.Signed.node("skey", leaf("signature", nil, d.keys.Signature)),
		el("list", nil, list...),
	)
}

// exhaust forgets all one-time keys of a device, as if others had used them up.
func (d *device) exhaust(c *change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.spare {
		c.del(d.spareKey(k.ID))
	}
	d.spare = nil
}
