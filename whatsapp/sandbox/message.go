package sandbox

import (
	"strconv"

	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
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
	chat := attrString(n, "category") != "peer" // faults are for what a person sends
	if chat {
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
		if chat {
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

// route gives each device its own copy of a message. The number returned is
// the error for the sender, or 0.
func (c *conn) route(ch *change, n *node, to types.JID) int {
	if to.Server == types.GroupServer {
		return c.routeGroup(ch, n, to)
	}
	target := c.server.find(to)
	if target == nil {
		c.server.notAnAccount("message", to)
		return 404
	}
	own := c.device.account
	_, several := childOf(n, "participants")
	if enc, ok := childOf(n, "enc"); ok && !several {
		// Straight to one device: an answer to a retry request, or a message to
		// the own phone.
		if attrString(n, "category") == "peer" && target != own {
			return 400
		}
		d := target.device(int(to.Device))
		if d == nil {
			return 404
		}
		c.server.enqueue(ch, d, c.copyFor(n, d, to, enc))
		return 0
	}
	participants, _ := childOf(n, "participants")
	if participants == nil {
		return 400
	}
	given := make(map[*device]bool)
	for _, child := range participants.GetChildrenByTag("to") {
		jid, ok := attrJID(&child, "jid")
		enc, has := childOf(&child, "enc")
		a := c.server.find(jid)
		if !ok || !has || (a != target && a != own) {
			continue
		}
		d := a.device(int(jid.Device))
		// Some clients name a device twice, and the own one too; one copy is enough
		// and the sender could not read its own.
		if d == nil || d == c.device || given[d] {
			continue
		}
		given[d] = true
		c.server.enqueue(ch, d, c.copyFor(n, d, to, enc))
	}
	c.log.Debug("message routed", zap.Int("devices", len(given)))
	return 0
}

// copyFor is one device's copy of a message of this client, in the form of
// address that the sender used, so that both ends see the same chat.
func (c *conn) copyFor(n *node, d *device, to types.JID, enc *node) node {
	sender := c.device
	own := sender.account
	a := attrs{
		"id": n.Attrs["id"], "type": n.Attrs["type"], "from": own.jid(sender.number, to),
		"t": unix(c.server.now()), "notify": own.pushName(),
		"edit": n.Attrs["edit"], "category": n.Attrs["category"],
	}
	if a["type"] == nil {
		a["type"] = "text"
	}
	switch {
	case d.account != own:
		addressing(a, own, to)
	case attrString(n, "category") != "peer":
		chat := bare(to)
		if r, ok := attrJID(n, "recipient"); ok { // sent again: to is the device that asked
			chat = bare(r)
		}
		c.server.ownAddressing(a, chat)
	}
	return el("message", a, append([]node{*enc}, passedOn(n)...)...)
}

// addressing adds the sender's other name, from which receivers learn that the
// two are one.
func addressing(a attrs, sender *account, like types.JID) {
	if like.Server == types.HiddenUserServer {
		a["addressing_mode"], a["sender_pn"] = "lid", sender.pnJID(0)
	} else {
		a["addressing_mode"], a["sender_lid"] = "pn", sender.lidJID(0)
	}
}

// ownAddressing is what copies for the sender's own devices carry instead: the chat that the
// message is for, and the chat's other name. The sender's own other name is not among it: some
// clients would take that for the chat's.
func (s *Server) ownAddressing(a attrs, chat types.JID) {
	a["recipient"] = chat
	other := s.find(chat)
	if chat.Server == types.HiddenUserServer {
		a["addressing_mode"] = "lid"
		if other != nil {
			a["peer_recipient_pn"] = other.pnJID(0)
		}
		return
	}
	a["addressing_mode"] = "pn"
	if other != nil {
		a["peer_recipient_lid"] = other.lidJID(0)
	}
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
