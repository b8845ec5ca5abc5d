package sandbox

import (
	"strings"

	"go.mau.fi/whatsmeow/types"
)

// usync answers who somebody is and which devices they have.
func (q *query) usync() ([]node, *iqError) {
	ask, ok := childOf(q.node, "usync")
	if !ok {
		return nil, errBadRequest
	}
	protocols, _ := childOf(ask, "query")
	users, _ := childOf(ask, "list")
	if protocols == nil || users == nil {
		return nil, errBadRequest
	}
	var list []node
	given := make(map[types.JID]bool)
	for _, user := range users.GetChildrenByTag("user") {
		answer := q.usyncUser(&user, protocols.GetChildren())
		// A user who is named twice is answered once: some clients would address
		// every device twice for ever.
		if jid, _ := attrJID(answer, "jid"); answer.Tag != "" && !given[jid] {
			given[jid] = true
			list = append(list, *answer)
		}
	}
	a := attrs{}
	for _, key := range []string{"sid", "mode", "context", "last", "index"} {
		a[key] = ask.Attrs[key]
	}
	return []node{el("usync", a, el("list", nil, list...))}, nil
}

// usyncUser answers for one user, in the form of address that was used to ask:
// clients keep the answer under it.
func (q *query) usyncUser(user *node, protocols []node) *node {
	jid, ok := attrJID(user, "jid")
	byNumber := false
	var contact []byte
	if c, has := childOf(user, "contact"); has && !ok {
		contact = contentBytes(c)
		digits, _, _ := strings.Cut(strings.TrimPrefix(string(contact), "+"), "@")
		jid, byNumber = types.NewJID(digits, types.DefaultUserServer), true
	} else if !ok {
		return &node{}
	}
	jid = bare(jid)
	a := q.server.find(jid)
	answer := attrs{"jid": jid}
	var children []node
	for i := range protocols {
		p := &protocols[i]
		if p.Tag == "contact" {
			kind := "out"
			if a != nil {
				kind = "in"
				if byNumber && attrString(p, "addressing_mode") == "lid" {
					answer["jid"], answer["pn_jid"] = a.lidJID(0), a.pnJID(0)
				}
			}
			children = append(children, leaf("contact", attrs{"type": kind}, contact))
		} else if a != nil {
			children = append(children, q.usyncProtocol(p.Tag, a, jid)...)
		}
	}
	if a == nil && !byNumber {
		return &node{} // not a user: left out
	}
	n := el("user", answer, children...)
	return &n
}

func (q *query) usyncProtocol(name string, a *account, jid types.JID) []node {
	switch name {
	case "devices":
		q.watch(a)
		var list []node
		for _, d := range a.list() {
			n := el("device", attrs{"id": d.number})
			if d.number != 0 {
				n.Attrs["key-index"] = d.number
			}
			list = append(list, n)
		}
		return []node{el("devices", nil, el("device-list", nil, list...))}
	case "lid":
		// For a user asked by hidden identity it must be left out: some clients
		// would start all sessions anew each time.
		if jid.Server == types.HiddenUserServer {
			return nil
		}
		return []node{el("lid", attrs{"val": a.lidJID(0)})}
	case "status":
		return []node{leaf("status", attrs{"t": unix(q.server.now())}, []byte("Hey there! I am using WhatsApp."))}
	case "disappearing_mode":
		return []node{el("disappearing_mode", attrs{"duration": "0", "t": "0"})}
	}
	return nil
}

// watchKey is where it is kept that another account has this account's device list.
func (a *account) watchKey(asker *account) string { return "watch/" + a.pn + "/" + asker.lid }

// watch remembers that the asker has this account's device list, and must hear
// when it changes.
func (q *query) watch(a *account) {
	asker := q.device.account
	if asker == a {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.watchers[asker.lid]; !ok {
		a.watchers[asker.lid] = struct{}{}
		q.change.put(a.watchKey(asker), []byte{})
	}
}
