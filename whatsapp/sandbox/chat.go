package sandbox

import (
	"cmp"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/types"
)

// chatKind is what sort of chat one is. Whoever adds another, such as a broadcast list, the status or
// a channel, says in the methods of chat who is in it, how they are addressed and who may do what.
type chatKind string

const (
	personChat  chatKind = "person"  // with another account
	oneselfChat chatKind = "oneself" // what an account writes to itself
	groupChat   chatKind = "group"
)

// chat is where messages are written, as one account sees it. Whatever is sent, routed, done or
// confirmed in a chat asks it who is in it, what it is called on the wire, and who may do that.
type chat struct {
	kind   chatKind
	server *Server
	self   *account // whose view it is
	other  *account // the other end; self in the chat with oneself, nil in a group
	group  *group   // nil but in a group
	pn     bool     // its people are addressed by phone number, not by hidden identity
}

// chatWith is the chat of an account with another one, or with itself.
func (s *Server) chatWith(self, other *account, pn bool) chat {
	kind := personChat
	if self == other {
		kind = oneselfChat
	}
	return chat{kind: kind, server: s, self: self, other: other, pn: pn}
}

// chatIn is a group as one account sees it, be it a member or not.
func (s *Server) chatIn(self *account, g *group) chat {
	return chat{kind: groupChat, server: s, self: self, group: g, pn: g.pn}
}

// chatAt is the chat behind an address on the wire, in the form of that address; ok is false if
// nobody is there, or the address is of a kind that the server does not know.
func (s *Server) chatAt(self *account, at types.JID) (in chat, ok bool) {
	if g := s.group(at); g != nil {
		return s.chatIn(self, g), true
	}
	other := s.find(at)
	if other == nil {
		return chat{}, false
	}
	return s.chatWith(self, other, at.Server != types.HiddenUserServer), true
}

// chat finds the chat in which a person does something: by phone number, or by the address of a group
// that the account is a member of. ErrPhoneOff: the phone is off.
func (p *Phone) chat(to string) (chat, error) {
	if err := p.checkOn(); err != nil {
		return chat{}, err
	}
	in, err := p.named(to)
	if err != nil {
		return chat{}, err
	}
	return in, in.may(toWrite)
}

// named is the chat of that name, be the account a member of it or not.
func (p *Phone) named(to string) (chat, error) {
	if !strings.HasSuffix(to, "@"+types.GroupServer) {
		a, err := p.server.accountOf(to)
		if err != nil {
			return chat{}, err
		}
		return p.server.chatWith(p.account, a, false), nil
	}
	g, err := p.server.groupAt(to)
	if err != nil {
		return chat{}, err
	}
	return p.server.chatIn(p.account, g), nil
}

// by is the chat in one of the two forms of address; a group has its own.
func (c chat) by(pn bool) chat {
	if c.group == nil {
		c.pn = pn
	}
	return c
}

// seenBy is the chat from the side of another of its members.
func (c chat) seenBy(member *account) chat {
	if c.group != nil {
		return c.server.chatIn(member, c.group)
	}
	return c.server.chatWith(member, c.self, c.pn)
}

// name is how a chat is shown to the person: a phone number, or the address of a group.
func (c chat) name() string {
	if c.group != nil {
		return c.group.jid().String()
	}
	return "+" + c.other.pn
}

// title is what a person calls the chat.
func (c chat) title() string {
	if c.group != nil {
		return c.group.title()
	}
	return c.other.pushName()
}

// key names a chat in what is kept, the same in either form of address.
func (c chat) key() string { return c.by(false).address().String() }

// like is the form of address of the people in the chat.
func (c chat) like() types.JID { return formOf(c.pn) }

// address is what the chat is called on the wire.
func (c chat) address() types.JID {
	if c.group != nil {
		return c.group.jid()
	}
	return c.other.jid(0, c.like())
}

// members is the accounts in the chat, the own one last.
func (c chat) members() []*account {
	switch c.kind {
	case groupChat:
		return c.server.accountsOf(c.group)
	case oneselfChat:
		return []*account{c.self}
	default:
		return []*account{c.other, c.self}
	}
}

// has says whether an account is in the chat.
func (c chat) has(a *account) bool {
	if c.group != nil {
		_, is := c.group.role(a)
		return is
	}
	return a == c.self || a == c.other
}

// reaches says whether what the account does in the chat is passed on to a member: not to somebody
// who has blocked it, except in a group.
func (c chat) reaches(member *account) bool { return c.group != nil || !member.hasBlocked(c.self) }

// devices is all devices of all members whom a message reaches, without one that need not be told.
func (c chat) devices(but *device) (list []*device) {
	for _, a := range c.members() {
		if !c.reaches(a) {
			continue
		}
		for _, d := range a.list() {
			if d != but {
				list = append(list, d)
			}
		}
	}
	return list
}

// act is something that not everybody may do in every chat.
type act int

const (
	toWrite      act = iota // write, also about what others have written
	toDescribe              // give the chat another subject
	toAdminister            // change who is in it, and as what
)

// may says whether the account may do something in the chat; if not, why.
func (c chat) may(do act) error {
	if c.group == nil {
		if do == toWrite {
			return nil
		}
		return fmt.Errorf("%w: %s is no group", ErrInvalid, c.name())
	}
	role, is := c.group.role(c.self)
	switch {
	case !is:
		return fmt.Errorf("%w: +%s is not in %s", ErrNotAllowed, c.self.pn, c.name())
	case do == toAdminister && role == "":
		return fmt.Errorf("%w: +%s is no admin of %s", ErrNotAllowed, c.self.pn, c.name())
	}
	return nil
}

// from puts into a stanza whose it is: a device of the own account, and the group if it is one.
func (c chat) from(a attrs, by *device) {
	if c.group == nil {
		a["from"] = c.self.jid(by.number, c.like())
		return
	}
	a["from"] = c.group.jid()
	c.group.author(a, c.self, by.number)
}

// letter is what the stanza of a message says besides whose it is and where.
type letter struct {
	id       string
	kind     string // text if it is empty
	edit     string // how it changes another message
	category string // peer: for the own devices alone, of which no chat is told
}

// peer is the category of what companions and their phone tell each other.
const peer = "peer"

// message is one device's copy of what a device of the own account has written in the chat. Copies
// for others carry the author's other name, from which they learn that the two are one; those for
// the own devices carry the chat instead, and the chat's other name. The account's own other name
// is not among it: some clients would take that for the chat's.
func (c chat) message(by, to *device, l letter, parts ...node) node {
	a := attrs{
		"id": l.id, "type": cmp.Or(l.kind, "text"), "t": unix(c.server.now()),
		"notify": c.self.pushName(), "edit": l.edit, "category": l.category,
	}
	c.from(a, by)
	switch {
	case c.group != nil:
	case to.account != c.self:
		a["addressing_mode"] = modeOf(c.pn)
		if c.pn {
			a["sender_lid"] = c.self.lidJID(0)
		} else {
			a["sender_pn"] = c.self.pnJID(0)
		}
	case l.category != peer:
		a["addressing_mode"], a["recipient"] = modeOf(c.pn), c.address()
		if c.pn {
			a["peer_recipient_lid"] = c.other.lidJID(0)
		} else {
			a["peer_recipient_pn"] = c.other.pnJID(0)
		}
	}
	return el("message", a, parts...)
}
