package sandbox

import (
	"encoding/binary"
	"strconv"

	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
)

// askAgain asks a device to send a message again that could not be decrypted.
// From the second time on it sends its own keys along, so that the other side
// starts a new session from them.
func (p *Phone) askAgain(c *change, n *node, sender *account, from types.JID, id string) {
	d := sender.device(int(from.Device))
	p.asked[id]++
	count := p.asked[id]
	if d == nil || count > maxRetries {
		return
	}
	children := []node{
		el("retry", attrs{"count": strconv.Itoa(count), "id": id, "t": n.Attrs["t"], "v": "1"}),
		leaf("registration", nil, number(p.record.Registration, 4)),
	}
	if count > 1 {
		// The registration stands beside the keys here, not among them.
		children = append(children, el("keys", nil, p.account.device(0).takeBundle(c).nodes()[1:]...))
	}
	a := attrs{"id": id, "t": unix(p.server.now()), "type": "retry"}
	p.answers(a, n, sender, from)
	p.server.enqueue(c, d, el("receipt", a, children...))
}

// sendAgain answers a device that could not read a message: the session is
// started anew, from the keys it sent or those it has published, and the
// message goes out once more under the same id, to this device alone.
func (p *Phone) sendAgain(c *change, n *node, asker *account, device int) {
	retry, ok := childOf(n, "retry")
	d := asker.device(device)
	if !ok || d == nil || attrInt(retry, "count") > maxRetries {
		return
	}
	id := attrString(n, "id")
	if m := p.peerSent[id]; m != nil {
		p.sendPeer(c, d, id, m)
		return
	}
	m := p.sent[id]
	if m == nil {
		p.server.log.Debug("asked again for an unknown message")
		return
	}
	in, ok := p.chatOf(m)
	if !ok || !in.has(asker) {
		p.server.log.Debug("asked again by somebody who is not in the chat")
		return
	}
	payload, err := p.payloadFor(in, asker, m.Payload)
	if err != nil {
		p.server.log.Error("message not made again", zap.Error(err))
		return
	}
	fresh := keysOf(n)
	if fresh == nil {
		b := p.server.takeBundle(c, d)
		fresh = &b
	}
	enc, err := p.encrypt(c, d, pad(payload), fresh)
	if err != nil {
		p.server.log.Warn("message not encrypted again", zap.Error(err))
		return
	}
	enc.Attrs["count"] = attrString(retry, "count")
	p.server.enqueue(c, d, in.message(p.device(), d, letter{id: id, kind: m.Type, edit: m.Edit}, enc))
}

// payloadFor is what one device gets of a message that it asks for again.
func (p *Phone) payloadFor(in chat, asker *account, payload []byte) ([]byte, error) {
	switch {
	case in.group != nil:
		return p.withKey(in, payload)
	case asker == p.account:
		return ownCopy(in, payload)
	default:
		return payload, nil
	}
}

// keysOf reads the bundle that a retry receipt may carry.
func keysOf(n *node) *bundle {
	keys, ok := childOf(n, "keys")
	registration, has := childOf(n, "registration")
	if !ok || !has || len(contentBytes(registration)) != 4 {
		return nil
	}
	identity, hasIdentity := childOf(keys, "identity")
	skey, hasSigned := childOf(keys, "skey")
	if !hasIdentity || !hasSigned || len(contentBytes(identity)) != 32 {
		return nil
	}
	b := &bundle{}
	b.Registration = binary.BigEndian.Uint32(contentBytes(registration))
	b.Identity = [32]byte(contentBytes(identity))
	var valid bool
	if b.Signed, b.Signature, valid = readKey(skey); !valid || !signedBy(b.Identity, b.Signed, b.Signature) {
		return nil
	}
	if key, ok := childOf(keys, "key"); ok {
		if spare, _, ok := readKey(key); ok {
			b.spare = &spare
		}
	}
	return b
}
