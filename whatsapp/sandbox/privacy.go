package sandbox

import (
	"maps"
	"slices"
)

// privacyValues is what an account may choose, in the order in which clients are told; the first
// value of each is what it is before anything was chosen. The categories and their values are
// those of WhatsApp's settings.
var privacyValues = []privacyCategory{
	{"readreceipts", []string{"all", "none"}},
	{"last", []string{"all", "contacts", "contact_blacklist", "none"}},
	{"online", []string{"all", "match_last_seen"}},
	{"profile", []string{"all", "contacts", "contact_blacklist", "none"}},
	{"status", []string{"all", "contacts", "contact_blacklist", "none"}},
	{"groupadd", []string{"all", "contacts", "contact_blacklist", "none"}},
	{"calladd", []string{"all", "known"}},
	{"messages", []string{"all", "contacts"}},
}

// privacyCategory is one of an account's settings of who may see or do what.
type privacyCategory struct {
	name   string
	values []string
}

// readReceipts is the category that says whether others learn that something was read.
const readReceipts = "readreceipts"

// privacy answers what an account's settings are, and keeps what a client sets. Those of read
// receipts are obeyed: by clients of their own accord, and by the account's phone.
func (q *query) privacy() ([]node, *iqError) {
	asked, ok := childOf(q.node, "privacy")
	tokens, has := childOf(q.node, "tokens")
	switch {
	case ok && !q.set():
		return []node{q.device.account.privacyNode()}, nil
	case ok:
		return nil, q.setPrivacy(asked)
	case has && q.set():
		return nil, q.trust(tokens)
	}
	return q.unknown()
}

func (a *account) privacyNode() node {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]node, len(privacyValues))
	for i, category := range privacyValues {
		list[i] = el("category", attrs{"name": category.name, "value": a.chosen(category.name)})
	}
	return el("privacy", nil, list...)
}

// chosen is the account's value of a category; the caller holds a.mu.
func (a *account) chosen(category string) string {
	if value := a.privacy[category]; value != "" {
		return value
	}
	for _, c := range privacyValues {
		if c.name == category {
			return c.values[0]
		}
	}
	return ""
}

func (q *query) setPrivacy(asked *node) *iqError {
	chosen := map[string]string{}
	for _, n := range asked.GetChildrenByTag("category") {
		name, value := attrString(&n, "name"), attrString(&n, "value")
		fits := func(c privacyCategory) bool { return c.name == name && slices.Contains(c.values, value) }
		if !slices.ContainsFunc(privacyValues, fits) {
			return errBadRequest
		}
		chosen[name] = value
	}
	if len(chosen) == 0 {
		return errBadRequest
	}
	q.server.choose(q.change, q.device.account, q.device, chosen)
	return nil
}

// choose keeps settings of an account as part of a change and tells its companions, but not the
// one that has set them.
func (s *Server) choose(c *change, a *account, by *device, chosen map[string]string) {
	a.mu.Lock()
	if a.privacy == nil {
		a.privacy = make(map[string]string)
	}
	maps.Copy(a.privacy, chosen)
	a.save(c)
	a.mu.Unlock()
	if value, ok := chosen[readReceipts]; ok {
		shows := value != "none"
		c.then(func() { s.happened(PhoneChanged, a, detail(Detail{ReadReceipts: &shows})) })
	}
	var list []node
	for _, category := range privacyValues {
		if value, ok := chosen[category.name]; ok {
			list = append(list, el("category", attrs{"name": category.name, "value": value}))
		}
	}
	for _, d := range a.companions() {
		if d != by {
			s.enqueue(c, d, el("notification", attrs{"from": a.pnJID(0), "type": "account_sync", "id": s.nextID(), "t": unix(s.now())},
				el("privacy", nil, list...)))
		}
	}
}

// showsReads says whether others learn what the account has read.
func (a *account) showsReads() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.chosen(readReceipts) != "none"
}

// trustKey is where it is kept since when an account trusts another.
func (a *account) trustKey(other *account) string { return "trust/" + a.pn + "/" + other.lid }

// trust keeps whom a client's account has written to, and gives those a token with which they may
// write back. It is given once: clients ask for it again after every message.
func (q *query) trust(tokens *node) *iqError {
	me := q.device.account
	for _, n := range tokens.GetChildrenByTag("token") {
		jid, ok := attrJID(&n, "jid")
		if !ok || attrString(&n, "type") != "trusted_contact" {
			return errBadRequest
		}
		other := q.server.find(jid)
		if other == nil {
			return errNotFound
		}
		if other != me && me.trusts(q.change, other) {
			q.server.giveToken(q.change, me, other, attrString(&n, "t"))
		}
	}
	return nil
}

// trusts remembers whom an account trusts, and says whether that is new.
func (a *account) trusts(c *change, other *account) (first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.trusted[other.lid]; ok {
		return false
	}
	a.trusted[other.lid] = struct{}{}
	c.put(a.trustKey(other), []byte{})
	return true
}

// giveToken tells the companions of an account that another trusts it.
func (s *Server) giveToken(c *change, by, to *account, t string) {
	if t == "" {
		t = unix(s.now())
	}
	token := leaf("token", attrs{"type": "trusted_contact", "t": t}, random(16))
	for _, d := range to.companions() {
		s.enqueue(c, d, el("notification", attrs{
			"from": by.pnJID(0), "sender_lid": by.lidJID(0),
			"type": "privacy_token", "id": s.nextID(), "t": unix(s.now()),
		}, el("tokens", nil, token)))
	}
}
