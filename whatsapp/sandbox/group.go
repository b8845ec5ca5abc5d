package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// group is a chat of several accounts.
type group struct {
	id      string // user part of its address
	pn      bool   // members are addressed by phone number, as in old groups
	created time.Time
	creator string // LID user

	mu      sync.Mutex
	subject string
	named   time.Time // when the subject was set, and by whom
	namedBy string
	members []member // in the order in which they came
}

// member is an account in a group, by its LID user.
type member struct {
	LID  string `json:"lid"`
	Role string `json:"role,omitempty"` // superadmin, admin or nothing
}

// Roles of members.
const (
	RoleCreator = "superadmin"
	RoleAdmin   = "admin"
)

// groupRecord is what is kept of a group.
type groupRecord struct {
	PN      bool      `json:"pn,omitempty"`
	Created time.Time `json:"created"`
	Creator string    `json:"creator"`
	Subject string    `json:"subject"`
	Named   time.Time `json:"named"`
	NamedBy string    `json:"namedBy"`
	Members []member  `json:"members"`
}

func (g *group) jid() types.JID { return types.NewJID(g.id, types.GroupServer) }

// like is the form of address of the members.
func (g *group) like() types.JID { return formOf(g.pn) }

// title is the subject now.
func (g *group) title() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.subject
}

// save keeps the group; the caller holds g.mu.
func (g *group) save(c *change) {
	c.put("group/"+g.id, groupRecord{g.pn, g.created, g.creator, g.subject, g.named, g.namedBy, g.members})
}

func (s *Server) loadGroups() error {
	return s.disk.each("group/", func(id string, value []byte) error {
		var r groupRecord
		if err := json.Unmarshal(value, &r); err != nil {
			return err
		}
		s.groups[id] = &group{
			id: id, pn: r.PN, created: r.Created, creator: r.Creator,
			subject: r.Subject, named: r.Named, namedBy: r.NamedBy, members: r.Members,
		}
		return nil
	})
}

// group is the group behind an address; nil if there is none.
func (s *Server) group(jid types.JID) *group {
	if jid.Server != types.GroupServer {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.groups[jid.User]
}

func (s *Server) allGroups() []*group {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]*group, 0, len(s.groups))
	for _, g := range s.groups {
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b *group) int { return a.created.Compare(b.created) })
	return list
}

// role says whether an account is a member, and which role it has.
func (g *group) role(a *account) (role string, is bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := g.index(a.lid); i >= 0 {
		return g.members[i].Role, true
	}
	return "", false
}

func (g *group) index(lid string) int {
	return slices.IndexFunc(g.members, func(m member) bool { return m.LID == lid })
}

// list is the members now.
func (g *group) list() []member {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.members)
}

// accountsOf is the accounts that are members now.
func (s *Server) accountsOf(g *group) (list []*account) {
	for _, m := range g.list() {
		if a := s.find(types.JID{User: m.LID, Server: types.HiddenUserServer}); a != nil {
			list = append(list, a)
		}
	}
	return list
}

// author names who does something in a group, in the group's form of address, with the other
// name beside it.
func (g *group) author(a attrs, who *account, device int) {
	a["participant"], a["addressing_mode"] = who.jid(device, g.like()), modeOf(g.pn)
	if g.pn {
		a["participant_lid"] = who.lidJID(0)
	} else {
		a["participant_pn"] = who.pnJID(0)
	}
}

// groupNode is the whole group as clients read it.
func (s *Server) groupNode(g *group) node {
	g.mu.Lock()
	defer g.mu.Unlock()
	address := func(lid string) any {
		if a := s.find(types.JID{User: lid, Server: types.HiddenUserServer}); a != nil {
			return a.jid(0, g.like())
		}
		return nil
	}
	var members []node
	for _, m := range g.members {
		if a := s.find(types.JID{User: m.LID, Server: types.HiddenUserServer}); a != nil {
			members = append(members, participantNode(g, a, m.Role))
		}
	}
	return el("group", attrs{
		"id": g.id, "subject": g.subject, "s_t": unix(g.named), "s_o": address(g.namedBy),
		"creation": unix(g.created), "creator": address(g.creator), "addressing_mode": modeOf(g.pn), "size": len(members),
	}, members...)
}

// participantNode names a member with both identities.
func participantNode(g *group, a *account, role string) node {
	n := el("participant", attrs{"jid": a.jid(0, g.like()), "type": role})
	if g.pn {
		n.Attrs["lid"] = a.lidJID(0)
	} else {
		n.Attrs["phone_number"] = a.pnJID(0)
	}
	return n
}

// tellGroup sends a notification about a group to all companions of these accounts, the phones
// being told of nothing: they ask the server.
func (s *Server) tellGroup(c *change, g *group, by *account, to []*account, what node) {
	a := attrs{"from": g.jid(), "type": "w:gp2", "id": s.nextID(), "t": unix(s.now()), "notify": by.pushName()}
	g.author(a, by, 0)
	for _, other := range to {
		for _, d := range other.companions() {
			s.enqueue(c, d, el("notification", a, what))
		}
	}
}

// Errors about groups carry what is wrong.
func errMembers(why string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(why, args...))
}
