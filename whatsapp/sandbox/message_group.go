package sandbox

import (
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
)

// routeGroup gives every device of every member its copy of a client's message in a group. Who is
// a member now gets it, whoever the client has encrypted it for: the part that is the same for
// all, and its own part if there is one. The number returned is the error for the sender, or 0.
func (c *conn) routeGroup(ch *change, n *node, to types.JID) int {
	g := c.server.group(to)
	if g == nil {
		return 404
	}
	if _, is := g.role(c.device.account); !is {
		return 403
	}
	enc, ok := childOf(n, "enc")
	if ok && attrString(enc, "type") != "skmsg" {
		return c.routeToOne(ch, n, g, enc)
	}
	if !ok {
		return 400
	}
	own := make(map[*device]node)
	if participants, has := childOf(n, "participants"); has {
		for _, child := range participants.GetChildrenByTag("to") {
			jid, ok := attrJID(&child, "jid")
			part, has := childOf(&child, "enc")
			a := c.server.find(jid)
			if !ok || !has || a == nil {
				continue
			}
			if d := a.device(int(jid.Device)); d != nil {
				own[d] = *part
			}
		}
	}
	given := 0
	for _, a := range c.server.accountsOf(g) {
		for _, d := range a.list() {
			if d == c.device {
				continue
			}
			parts := []node{*enc}
			if part, has := own[d]; has { // the key comes before what it opens
				parts = []node{part, *enc}
			}
			c.server.enqueue(ch, d, c.groupCopy(n, g, parts))
			given++
		}
	}
	c.log.Debug("group message routed", zap.Int("devices", given))
	return 0
}

// routeToOne is an answer to a request to send a message again: for the one device that asked.
func (c *conn) routeToOne(ch *change, n *node, g *group, enc *node) int {
	jid, ok := attrJID(n, "participant")
	a := c.server.find(jid)
	if !ok || a == nil {
		return 400
	}
	if _, is := g.role(a); !is {
		return 404
	}
	d := a.device(int(jid.Device))
	if d == nil {
		return 404
	}
	c.server.enqueue(ch, d, c.groupCopy(n, g, []node{*enc}))
	return 0
}

// groupCopy is one device's copy of a message of this client in a group.
func (c *conn) groupCopy(n *node, g *group, parts []node) node {
	a := attrs{
		"id": n.Attrs["id"], "type": n.Attrs["type"], "from": g.jid(), "t": unix(c.server.now()),
		"notify": c.device.account.pushName(), "edit": n.Attrs["edit"],
	}
	if a["type"] == nil {
		a["type"] = "text"
	}
	g.author(a, c.device.account, c.device.number)
	return el("message", a, append(parts, passedOn(n)...)...)
}

// passedOn is what a message carries besides its encrypted parts, and receivers get too.
func passedOn(n *node) (children []node) {
	for _, child := range n.GetChildren() {
		switch child.Tag {
		case "enc", "participants", "tctoken", "cstoken", "reporting":
		default:
			children = append(children, child)
		}
	}
	return children
}

// forwardInGroup passes a receipt about a message in a group on to the account that wrote it, or,
// if the message is to be sent again, to the very device.
func (c *conn) forwardInGroup(ch *change, n *node, kind string, to types.JID) {
	g := c.server.group(to)
	writer, ok := attrJID(n, "participant")
	if g == nil || !ok {
		return
	}
	author := c.server.find(writer)
	if author == nil {
		return
	}
	a := attrs{"from": to, "id": n.Attrs["id"], "t": unix(c.server.now()), "type": n.Attrs["type"]}
	g.author(a, c.device.account, c.device.number)
	receipt := el("receipt", a, n.GetChildren()...)
	devices := author.list()
	switch kind {
	case "retry":
		devices = nil
		if d := author.device(int(writer.Device)); d != nil {
			devices = []*device{d}
		}
	case "sender", "read-self", "played-self":
		devices = c.device.account.list()
	}
	for _, d := range devices {
		if d != c.device {
			c.server.enqueue(ch, d, receipt)
		}
	}
}
