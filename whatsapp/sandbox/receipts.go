package sandbox

import (
	"go.mau.fi/whatsmeow/types"
)

// handleReceipt takes a client's word that it has got, shown or could not read
// messages: what it has got leaves its queue, and whoever sent it is told.
func (c *conn) handleReceipt(n *node) {
	id := attrString(n, "id")
	to, ok := attrJID(n, "to")
	if id == "" || !ok {
		return
	}
	kind := attrString(n, "type")
	ch := c.server.change()
	for _, id := range receiptIDs(n) {
		c.endedByReceipt(ch, n, id, kind, to)
	}
	c.forward(ch, n, kind, to)
	ack := attrs{"class": "receipt", "id": id, "from": n.Attrs["to"], "type": n.Attrs["type"], "participant": n.Attrs["participant"]}
	ch.then(func() { c.send(el("ack", ack)) })
	ch.commit()
}

// receiptIDs is all messages that one receipt is about.
func receiptIDs(n *node) []string {
	ids := []string{attrString(n, "id")}
	if list, ok := childOf(n, "list"); ok {
		for _, item := range list.GetChildrenByTag("item") {
			ids = append(ids, attrString(&item, "id"))
		}
	}
	return ids
}

func (c *conn) endedByReceipt(ch *change, n *node, id, kind string, to types.JID) {
	switch kind {
	case "", "inactive", "sender", "peer_msg", "hist_sync", "retry":
	default:
		return // seen, but perhaps on another device: no word about this copy
	}
	key := c.messageKeyOf(n, id, to)
	if !c.server.ended(ch, c.device, key) || kind != "retry" {
		return
	}
	c.device.mu.Lock()
	c.device.retried[key] = struct{}{}
	c.device.mu.Unlock()
}

// forward passes a receipt on to those whom it concerns: in a chat with one other to that account,
// in a group to whoever wrote the message; if the message is to be sent again, to the very device.
func (c *conn) forward(ch *change, n *node, kind string, to types.JID) {
	own := c.device.account
	in, ok := c.server.chatAt(own, to)
	if !ok {
		c.server.notAnAccount("receipt", to)
		return
	}
	writer := to
	a := attrs{"id": n.Attrs["id"], "t": unix(c.server.now()), "type": n.Attrs["type"]}
	in.from(a, c.device)
	if in.group == nil {
		a["recipient"] = n.Attrs["recipient"]
		if a["recipient"] == nil && (kind == "read-self" || kind == "played-self") {
			a["recipient"] = in.address() // the own devices see no chat in whose it is
		}
	} else if writer, ok = attrJID(n, "participant"); !ok {
		return
	}
	author := c.server.find(writer)
	if author == nil {
		return
	}
	receipt := el("receipt", a, n.GetChildren()...)
	var devices []*device
	switch kind {
	case "retry":
		if d := author.device(int(writer.Device)); d != nil {
			devices = []*device{d}
		}
	case "peer_msg", "hist_sync", "server-error":
		if author == own {
			devices = []*device{own.device(0)}
		}
	case "sender", "read-self", "played-self":
		devices = own.list()
	default:
		if in.reaches(author) {
			devices = author.list()
		}
	}
	for _, d := range devices {
		if d != c.device {
			c.server.enqueue(ch, d, receipt)
		}
	}
}
