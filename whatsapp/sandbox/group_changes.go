package sandbox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/types"
)

// Limits of groups, as phones have them.
const (
	maxSubject = 100
	maxMembers = 1024
)

// NewGroup is what a group is made of.
type NewGroup struct {
	Subject      string   `json:"subject"`
	Owner        string   `json:"owner" doc:"Phone number of who makes it"`
	Participants []string `json:"participants,omitempty" doc:"Phone numbers of the others"`
	Addressing   string   `json:"addressing,omitempty" enum:"lid,pn" doc:"How members are addressed on the wire; lid if it is left out"`
}

// Group is a group as the outside sees it.
type Group struct {
	ID           string   `json:"id" doc:"Its address"`
	Subject      string   `json:"subject"`
	Addressing   string   `json:"addressing"`
	Participants []Member `json:"participants"`
}

// Member is one account in a group.
type Member struct {
	Phone string `json:"phone"`
	LID   string `json:"lid"`
	Role  string `json:"role" enum:"superadmin,admin," doc:"Nothing for those who are no admins"`
}

// NewGroup makes a group; the clients of all members are told.
func (s *Server) NewGroup(ctx context.Context, n NewGroup) (Group, error) {
	if n.Subject == "" || len(n.Subject) > maxSubject {
		return Group{}, errMembers("a subject has 1 to %d bytes", maxSubject)
	}
	if n.Addressing != "" && n.Addressing != "lid" && n.Addressing != "pn" {
		return Group{}, errMembers("addressing is lid or pn")
	}
	owner, err := s.accountOf(n.Owner)
	if err != nil {
		return Group{}, err
	}
	others, err := s.accountsAt(n.Participants)
	if err != nil {
		return Group{}, err
	}
	c := s.change()
	g := s.createGroup(c, owner, others, n.Subject, n.Addressing == "pn", nil)
	if err := c.commit().wait(ctx); err != nil {
		return Group{}, err
	}
	return s.show(g), nil
}

func (s *Server) accountsAt(phones []string) ([]*account, error) {
	if len(phones) > maxMembers {
		return nil, errMembers("a group has at most %d members", maxMembers)
	}
	var list []*account
	for _, phone := range phones {
		a, err := s.accountOf(phone)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// createGroup makes a group as part of a change. create is what the makers client said of it,
// and is repeated to the members.
func (s *Server) createGroup(c *change, owner *account, others []*account, subject string, pn bool, create attrs) *group {
	c.hold(&s.grouping)
	now := s.now()
	g := &group{
		id: fmt.Sprintf("120363%012d", randomNumber()), pn: pn, created: now, creator: owner.lid,
		subject: subject, named: now, namedBy: owner.lid, members: []member{{owner.lid, RoleCreator}},
	}
	for _, a := range others {
		if g.index(a.lid) < 0 {
			g.members = append(g.members, member{LID: a.lid})
		}
	}
	s.mu.Lock()
	s.groups[g.id] = g
	s.mu.Unlock()
	g.mu.Lock()
	g.save(c)
	g.mu.Unlock()
	said := attrs{"type": "new"}
	maps.Copy(said, create)
	s.tellGroup(c, g, owner, s.accountsOf(g), el("create", said, s.groupNode(g)))
	c.then(func() { s.happened(GroupCreated, owner, func() any { return s.show(g) }) })
	return g
}

// Groups is all groups, the oldest first.
func (s *Server) Groups() []Group {
	list := []Group{}
	for _, g := range s.allGroups() {
		list = append(list, s.show(g))
	}
	return list
}

// Group finds a group by its address.
func (s *Server) Group(id string) (Group, error) {
	g, err := s.groupAt(id)
	if err != nil {
		return Group{}, err
	}
	return s.show(g), nil
}

func (s *Server) groupAt(id string) (*group, error) {
	if !strings.Contains(id, "@") {
		id += "@" + types.GroupServer
	}
	jid, err := types.ParseJID(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrNoGroup, id)
	}
	g := s.group(jid)
	if g == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoGroup, id)
	}
	return g, nil
}

func (s *Server) show(g *group) Group {
	out := Group{ID: g.jid().String(), Subject: g.title(), Addressing: modeOf(g.pn), Participants: []Member{}}
	for _, m := range g.list() {
		if a := s.find(types.JID{User: m.LID, Server: types.HiddenUserServer}); a != nil {
			out.Participants = append(out.Participants, Member{Phone: "+" + a.pn, LID: a.lidJID(0).String(), Role: m.Role})
		}
	}
	return out
}

// ChangeGroup changes who is in a group and as what: verb is add, remove, promote, demote or leave
// (without phones). by is the phone number of who does it; it must be an admin, except to leave.
func (s *Server) ChangeGroup(ctx context.Context, id, verb, by string, phones ...string) (Group, error) {
	do := toAdminister
	if verb == "leave" {
		do = toWrite
	}
	g, actor, err := s.actorIn(id, by, do)
	if err != nil {
		return Group{}, err
	}
	whom, err := s.accountsAt(phones)
	if err != nil {
		return Group{}, err
	}
	if verb == "leave" {
		verb, whom = "remove", []*account{actor}
	}
	if len(whom) == 0 {
		return Group{}, errMembers("nobody is named")
	}
	c := s.change()
	failed, err := s.changeMembers(c, g, actor, verb, whom)
	c.commit()
	if err != nil {
		return Group{}, err
	}
	if len(failed) > 0 {
		return Group{}, errMembers("+%s cannot be changed so", failed[0].pn)
	}
	if err := c.wait(ctx); err != nil {
		return Group{}, err
	}
	return s.show(g), nil
}

// actorIn finds a group and who does something in it.
func (s *Server) actorIn(id, by string, do act) (*group, *account, error) {
	g, err := s.groupAt(id)
	if err != nil {
		return nil, nil, err
	}
	actor, err := s.accountOf(by)
	if err != nil {
		return nil, nil, err
	}
	return g, actor, s.chatIn(actor, g).may(do)
}

// changeMembers changes members as part of a change and tells those whom it concerns: the members,
// and those who are removed. Whom it makes no sense for is given back.
func (s *Server) changeMembers(c *change, g *group, by *account, verb string, whom []*account) (failed []*account, err error) {
	c.hold(&s.grouping)
	before := s.accountsOf(g)
	var done []*account
	g.mu.Lock()
	for _, a := range whom {
		i := g.index(a.lid)
		switch {
		case verb == "add" && i < 0 && len(g.members) < maxMembers:
			g.members = append(g.members, member{LID: a.lid})
		case verb == "remove" && i >= 0:
			g.members = slices.Delete(g.members, i, i+1)
		case verb == "promote" && i >= 0:
			if g.members[i].Role == "" {
				g.members[i].Role = RoleAdmin
			}
		case verb == "demote" && i >= 0 && g.members[i].Role != RoleCreator:
			g.members[i].Role = ""
		case verb == "add" || verb == "remove" || verb == "promote" || verb == "demote":
			failed = append(failed, a)
			continue
		default:
			g.mu.Unlock()
			return nil, errMembers("%q is no change of a group", verb)
		}
		done = append(done, a)
	}
	g.save(c)
	g.mu.Unlock()
	if len(done) == 0 {
		return failed, nil
	}
	var nodes []node
	for _, a := range done {
		nodes = append(nodes, participantNode(g, a, ""))
	}
	s.tellGroup(c, g, by, before, el(verb, nil, nodes...))
	c.then(func() { s.happened(GroupChanged, by, func() any { return s.show(g) }) })
	if verb == "add" { // a client learns of a group that is new to it by nothing else
		s.tellGroup(c, g, by, done, el("create", nil, s.groupNode(g)))
	}
	return failed, nil
}

// RenameGroup gives a group another subject.
func (s *Server) RenameGroup(ctx context.Context, id, by, subject string) (Group, error) {
	if subject == "" || len(subject) > maxSubject {
		return Group{}, errMembers("a subject has 1 to %d bytes", maxSubject)
	}
	g, actor, err := s.actorIn(id, by, toDescribe)
	if err != nil {
		return Group{}, err
	}
	c := s.change()
	s.renameGroup(c, g, actor, subject)
	if err := c.commit().wait(ctx); err != nil {
		return Group{}, err
	}
	return s.show(g), nil
}

func (s *Server) renameGroup(c *change, g *group, by *account, subject string) {
	c.hold(&s.grouping)
	g.mu.Lock()
	g.subject, g.named, g.namedBy = subject, s.now(), by.lid
	g.save(c)
	named := g.named
	g.mu.Unlock()
	c.then(func() { s.happened(GroupChanged, by, func() any { return s.show(g) }) })
	s.tellGroup(c, g, by, s.accountsOf(g), el("subject", attrs{"subject": subject, "s_t": unix(named), "s_o": by.jid(0, g.like())}))
}
