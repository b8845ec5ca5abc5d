package sandbox

import (
	"strconv"

	"go.mau.fi/whatsmeow/types"
)

// handleMessage takes a message of a client: everything it causes is kept, and
// then it is acknowledged.
func (c *conn) handleMessage(n *node) {
	id := attrString(n, "id")
	to, ok := attrJID(n, "to")
	if id == "" || !ok {
		return
	}
	c.server.stats.messagesIn.Add(1)
	ack := attrs{"class": "message", "id": id, "from": n.Attrs["to"], "t": unix(c.server.now())}
	if p := n.Attrs["participant"]; p != nil {
		ack["participant"] = p
	}
	person := attrString(n, "category") != peer // faults are for what a person sends
	if person {
		if f, ok := c.server.faults.take(FaultAckError, c.device); ok {
			ack["error"] = strconv.Itoa(f.Code)
			c.send(el("ack", ack))
			return
		}
	}
	ch := c.server.change()
	if !c.device.repeated(ch, sentOnce(n, id, to)) {
		if code := c.route(ch, n, to); code != 0 {
			ack["error"] = strconv.Itoa(code)
		}
	}
	ch.then(func() {
		if person {
			c.acknowledge(el("ack", ack))
		} else {
			c.send(el("ack", ack))
		}
	})
	ch.commit()
}

// sentOnce is what makes a message of a client the same when it comes again.
// An answer to a retry request has the id of the original, but goes to one
// device and has a count.
func sentOnce(n *node, id string, to types.JID) string {
	enc, ok := childOf(n, "enc")
	if !ok || attrString(enc, "count") == "" {
		return id
	}
	return id + " " + to.String() + " " + attrString(n, "participant") + " " + attrString(enc, "count")
}

// acknowledge sends the ack of a message, unless a fault says otherwise.
func (c *conn) acknowledge(ack node) {
	f := &c.server.faults
	if _, ok := f.take(FaultAckCut, c.device); ok {
		c.cancel()
		return
	}
	if _, ok := f.take(FaultAckLost, c.device); ok {
		return
	}
	if delayed, ok := f.take(FaultAckDelay, c.device); ok {
		c.server.later(delayed.delay(), func() { c.send(ack) })
		return
	}
	c.send(ack)
}

// handleAck ends what the client has taken without a receipt: receipts,
// notifications and calls, and messages it could do nothing with.
func (c *conn) handleAck(n *node) {
	id, class := attrString(n, "id"), attrString(n, "class")
	to, _ := attrJID(n, "to")
	ch := c.server.change()
	if class == "message" {
		c.endedByAck(ch, n, id, to)
	} else {
		c.server.ended(ch, c.device, otherKey(class, id, attrString(n, "type"), to.String()))
	}
	ch.commit()
}

// endedByAck: a client that asks for a message again also acknowledges the
// undecryptable one, perhaps after the message has been sent again under the
// same id. Such an ack means the first copy, which has ended already.
func (c *conn) endedByAck(ch *change, n *node, id string, to types.JID) {
	key := c.messageKeyOf(n, id, to)
	d := c.device
	d.mu.Lock()
	_, late := d.retried[key]
	delete(d.retried, key)
	d.mu.Unlock()
	if !late {
		c.server.ended(ch, d, key)
	}
}

// messageKeyOf names the queued message that a receipt or ack is about.
func (c *conn) messageKeyOf(n *node, id string, to types.JID) string {
	participant := ""
	if p, ok := attrJID(n, "participant"); ok && to.Server != types.DefaultUserServer && to.Server != types.HiddenUserServer {
		participant = c.server.canonical(p)
	}
	return messageKey(id, c.server.canonical(to), participant)
}
