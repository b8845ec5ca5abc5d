package sandbox

import (
	"go.mau.fi/whatsmeow/types"
)

// handlePresence: a presence may carry availability, the push name, both or
// nothing, or be the wish to see somebody else's.
func (c *conn) handlePresence(n *node) {
	kind := attrString(n, "type")
	switch kind {
	case "subscribe":
		if to, ok := attrJID(n, "to"); ok {
			c.subscribe(to)
		}
		return
	case "available", "unavailable":
		c.server.setPresence(c.device.account, kind == "available")
	}
	c.server.rename(c.device.account, attrString(n, "name"))
}

// subscribe lets a device see somebody's presence, and shows what there is.
func (c *conn) subscribe(to types.JID) {
	a := c.server.find(to)
	if a == nil || a.hasBlocked(c.device.account) {
		return
	}
	a.mu.Lock()
	a.online.subscribers[c.device] = bare(to)
	available, last := a.online.available, a.online.last
	a.mu.Unlock()
	if available || !last.IsZero() {
		c.offer(presenceNode(a, bare(to), available, unix(last)))
	}
}

// unsubscribe ends all that a device wanted to see; clients ask again when
// they come back.
func (s *Server) unsubscribe(d *device) {
	for _, a := range s.accounts() {
		a.mu.Lock()
		delete(a.online.subscribers, d)
		a.mu.Unlock()
	}
}

func presenceNode(a *account, like types.JID, available bool, last string) node {
	n := el("presence", attrs{"from": a.jid(0, like)})
	if !available {
		n.Attrs["type"], n.Attrs["last"] = "unavailable", last
	}
	return n
}

func (s *Server) setPresence(a *account, available bool) {
	a.mu.Lock()
	a.online.available, a.online.last = available, s.now()
	subscribers := make(map[*device]types.JID, len(a.online.subscribers))
	for d, jid := range a.online.subscribers {
		subscribers[d] = jid
	}
	last := unix(a.online.last)
	a.mu.Unlock()
	for d, jid := range subscribers {
		if a.hasBlocked(d.account) {
			continue
		}
		if c := d.online(); c != nil {
			c.offer(presenceNode(a, jid, available, last))
		}
	}
}

// handleChatState passes typing on.
func (c *conn) handleChatState(n *node) {
	to, ok := attrJID(n, "to")
	if !ok || len(n.GetChildren()) != 1 {
		return
	}
	in, ok := c.server.chatAt(c.device.account, to)
	if !ok {
		c.server.notAnAccount("chatstate", to)
		return
	}
	if in.may(toWrite) == nil {
		in.showState(c.device, n.GetChildren()[0])
	}
}

// showState shows the others in the chat what the person at a device is doing. It is of the moment:
// who is not there does not get it later.
func (c chat) showState(by *device, what node) {
	a := attrs{}
	c.from(a, by)
	n := el("chatstate", a, what)
	for _, member := range c.members() {
		if member == c.self || !c.reaches(member) {
			continue
		}
		for _, d := range member.companions() {
			if online := d.online(); online != nil {
				online.offer(n)
			}
		}
		member.phone.noteTyping(c.self, c.seenBy(member), what)
	}
}
