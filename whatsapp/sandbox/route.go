package sandbox

import (
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
)

// route gives each device its own copy of a client's message. Who is in the chat now gets it,
// whoever the client has encrypted it for: the part that is the same for all, if there is one, and
// the device's own part. The number returned is the error for the sender, or 0.
func (c *conn) route(ch *change, n *node, to types.JID) int {
	in, ok := c.server.chatAt(c.device.account, to)
	if !ok {
		c.server.notAnAccount("message", to)
		return 404
	}
	if in.may(toWrite) != nil {
		return 403
	}
	enc, ok := childOf(n, "enc")
	if ok && c.forOne(in, n, enc) {
		return c.routeToOne(ch, n, in, to, enc)
	}
	own, several := c.ownParts(n)
	if in.group == nil {
		enc = nil // beside parts for the devices it means nothing
	}
	if enc == nil && (in.group != nil || !several) {
		return 400
	}
	given := 0
	for _, d := range in.devices(c.device) {
		var parts []node
		if part := own[d]; part != nil { // a key comes before what it opens
			parts = append(parts, *part)
		}
		if enc != nil {
			parts = append(parts, *enc)
		}
		if len(parts) > 0 {
			c.server.enqueue(ch, d, c.copyFor(n, in, d, parts))
			given++
		}
	}
	c.log.Debug("message routed", zap.String("kind", string(in.kind)), zap.Int("devices", given))
	return 0
}

// forOne says whether a message is for one device alone: it is sent again to a device that asked
// for it, or is for the own phone.
func (c *conn) forOne(in chat, n, enc *node) bool {
	if in.group != nil {
		return attrString(enc, "type") != "skmsg"
	}
	_, several := childOf(n, "participants")
	return !several
}

// ownParts is what a client has encrypted for single devices; several is whether it says so at all.
// Some clients name a device twice, of which the first counts.
func (c *conn) ownParts(n *node) (parts map[*device]*node, several bool) {
	parts = make(map[*device]*node)
	participants, several := childOf(n, "participants")
	if !several {
		return parts, false
	}
	for _, child := range participants.GetChildrenByTag("to") {
		jid, ok := attrJID(&child, "jid")
		enc, has := childOf(&child, "enc")
		a := c.server.find(jid)
		if !ok || !has || a == nil {
			continue
		}
		if d := a.device(int(jid.Device)); d != nil && parts[d] == nil {
			parts[d] = enc
		}
	}
	return parts, true
}

// routeToOne gives a message to one device: that of the address, or in a group that of the participant.
func (c *conn) routeToOne(ch *change, n *node, in chat, to types.JID, enc *node) int {
	if in.group != nil {
		participant, ok := attrJID(n, "participant")
		if !ok || c.server.find(participant) == nil {
			return 400
		}
		to = participant
	} else if attrString(n, "category") == peer && in.other != c.device.account {
		return 400
	}
	a := c.server.find(to)
	d := a.device(int(to.Device))
	if d == nil || !in.has(a) {
		return 404
	}
	if recipient, ok := attrJID(n, "recipient"); ok && in.kind == oneselfChat {
		// To an own device once more: the address is the device, and this is the chat.
		if in, ok = c.server.chatAt(c.device.account, recipient); !ok {
			return 404
		}
	}
	c.server.enqueue(ch, d, c.copyFor(n, in, d, []node{*enc}))
	return 0
}

// copyFor is one device's copy of a message of this client, with what it carries besides its
// encrypted parts.
func (c *conn) copyFor(n *node, in chat, d *device, parts []node) node {
	for _, child := range n.GetChildren() {
		switch child.Tag {
		case "enc", "participants", "tctoken", "cstoken", "reporting":
		default:
			parts = append(parts, child)
		}
	}
	return in.message(c.device, d, letter{
		id: attrString(n, "id"), kind: attrString(n, "type"), edit: attrString(n, "edit"), category: attrString(n, "category"),
	}, parts...)
}
