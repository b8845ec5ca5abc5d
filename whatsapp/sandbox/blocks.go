package sandbox

import (
	"context"
	"fmt"
	"slices"

	"go.mau.fi/whatsmeow/types"
)

// blocklist answers whom the account has blocked, and keeps whom a client blocks or no longer blocks.
// What somebody who is blocked writes, does and shows is not passed on, see chat.reaches.
func (q *query) blocklist() ([]node, *iqError) {
	me := q.device.account
	if !q.set() {
		return []node{me.blocklistNode(q.server)}, nil
	}
	item, ok := childOf(q.node, "item")
	if !ok {
		return q.unknown()
	}
	jid, _ := attrJID(item, "jid")
	other := q.server.find(jid)
	action := attrString(item, "action")
	switch {
	case action != "block" && action != "unblock":
		return nil, errBadRequest
	case other == nil:
		return nil, errNotFound
	case other == me:
		return nil, errBadRequest
	}
	q.server.block(q.change, me, other, q.device, action == "block")
	return []node{me.blocklistNode(q.server)}, nil
}

// blocking is the accounts that an account has blocked, in a fixed order.
func (a *account) blocking(s *Server) (list []*account) {
	a.mu.Lock()
	lids := make([]string, 0, len(a.blocked))
	for lid := range a.blocked {
		lids = append(lids, lid)
	}
	a.mu.Unlock()
	slices.Sort(lids)
	for _, lid := range lids {
		if other := s.find(types.NewJID(lid, types.HiddenUserServer)); other != nil {
			list = append(list, other)
		}
	}
	return list
}

func (a *account) blocklistNode(s *Server) node {
	var items []node
	for _, other := range a.blocking(s) {
		items = append(items, el("item", attrs{"jid": other.lidJID(0)}))
	}
	return el("list", attrs{"dhash": a.blocklistHash(s)}, items...)
}

// blocklistHash is the short name of the list, by which clients see that it has changed.
func (a *account) blocklistHash(s *Server) string {
	var jids []types.JID
	for _, other := range a.blocking(s) {
		jids = append(jids, other.lidJID(0))
	}
	return devicesHash(jids)
}

// hasBlocked says whether an account wants nothing of another.
func (a *account) hasBlocked(other *account) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, is := a.blocked[other.lid]
	return is
}

// blockKey is where it is kept that an account has blocked another.
func (a *account) blockKey(other *account) string { return "block/" + a.pn + "/" + other.lid }

// block keeps as part of a change that an account has blocked another, or no longer has, and tells
// its companions, but not the one that has done it.
func (s *Server) block(c *change, a, other *account, by *device, on bool) {
	before, action := a.blocklistHash(s), "unblock"
	a.mu.Lock()
	if on {
		action = "block"
		a.blocked[other.lid] = struct{}{}
		c.put(a.blockKey(other), []byte{})
	} else {
		delete(a.blocked, other.lid)
		c.del(a.blockKey(other))
	}
	a.mu.Unlock()
	n := el("blocklist", attrs{"action": "modify", "dhash": a.blocklistHash(s), "prev_dhash": before},
		el("item", attrs{"jid": other.lidJID(0), "action": action}))
	for _, d := range a.companions() {
		if d != by {
			s.enqueue(c, d, el("notification", attrs{"from": a.pnJID(0), "type": "account_sync", "id": s.nextID(), "t": unix(s.now())}, n))
		}
	}
}

// Block blocks another account for all devices of this one, or no longer does.
func (p *Phone) Block(ctx context.Context, phone string, on bool) error {
	if err := p.checkOn(); err != nil {
		return err
	}
	other, err := p.server.accountOf(phone)
	if err != nil {
		return err
	}
	if other == p.account {
		return fmt.Errorf("%w: nobody blocks themselves", ErrInvalid)
	}
	c := p.server.change()
	p.server.block(c, p.account, other, p.device(), on)
	return c.commit().wait(ctx)
}

// Blocked is the numbers of those whom the account has blocked.
func (p *Phone) Blocked() []string {
	list := []string{}
	for _, other := range p.account.blocking(p.server) {
		list = append(list, "+"+other.pn)
	}
	slices.Sort(list)
	return list
}
