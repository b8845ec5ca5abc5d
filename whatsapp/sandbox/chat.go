package sandbox

import (
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// chat is where a phone writes: to another account, or into a group.
type chat struct {
	account *account // nil: a group
	group   *group
}

// chat finds the chat that a text names: a phone number, or the address of a group that the phone's
// account is a member of.
func (p *Phone) chat(to string) (chat, error) {
	if !strings.HasSuffix(to, "@"+types.GroupServer) {
		a, err := p.server.accountOf(to)
		return chat{account: a}, err
	}
	g, err := p.server.groupAt(to)
	if err != nil {
		return chat{}, err
	}
	if _, is := g.role(p.account); !is {
		return chat{}, fmt.Errorf("%w: +%s is not in %s", ErrNotAllowed, p.account.pn, to)
	}
	return chat{group: g}, nil
}

// name is how a chat is shown to the person.
func (c chat) name() string {
	if c.group != nil {
		return c.group.jid().String()
	}
	return "+" + c.account.pn
}

// sent is a message of a phone in this chat; pn asks for the form of address, which a group
// has of its own.
func (c chat) sent(pn bool) *sentMessage {
	if c.group != nil {
		return &sentMessage{Group: c.group.id, PN: c.group.pn}
	}
	return &sentMessage{To: c.account.lid, PN: pn}
}

// has says whether a message was sent in this chat.
func (c chat) has(m *sentMessage) bool {
	if c.group != nil {
		return m.Group == c.group.id
	}
	return m.Group == "" && m.To == c.account.lid
}

// jid is the chat's address on the wire.
func (c chat) jid(like types.JID) types.JID {
	if c.group != nil {
		return c.group.jid()
	}
	return c.account.jid(0, like)
}

// target is a message of a chat that something is about.
type target struct {
	chat   chat
	id     string
	author *account
	mine   bool // by this account
	phone  bool // by this very phone
	pn     bool // addressed by phone number
	raw    []byte
}

// target looks for a message of the chat, sent or received. The caller holds p.mu.
func (p *Phone) target(id string, in chat) (target, error) {
	if id == "" {
		return target{}, fmt.Errorf("%w: id is empty", ErrInvalid)
	}
	if m := p.sent[id]; m != nil && in.has(m) {
		return target{in, id, p.account, true, true, m.PN, m.Payload}, nil
	}
	m, ok := p.find(id, in)
	if !ok {
		return target{}, fmt.Errorf("%w: %s", ErrNoMessage, id)
	}
	author, err := p.server.accountOf(m.From)
	if err != nil {
		return target{}, err
	}
	return target{in, id, author, m.FromMe, false, m.Address == "pn", m.Raw}, nil
}

// find looks for a received message of a chat.
func (p *Phone) find(id string, in chat) (Received, bool) {
	p.box.mu.Lock()
	defer p.box.mu.Unlock()
	for i := len(p.box.messages) - 1; i >= 0; i-- {
		if m := p.box.messages[i]; m.ID == id && m.Chat == in.name() {
			return m, true
		}
	}
	return Received{}, false
}

// like is the form of address of the target.
func (t *target) like() types.JID { return (&sentMessage{PN: t.pn}).like() }

// key names the target from the side of this phone.
func (t *target) key() *waCommon.MessageKey {
	key := &waCommon.MessageKey{
		RemoteJID: proto.String(t.chat.jid(t.like()).String()), FromMe: proto.Bool(t.mine), ID: proto.String(t.id),
	}
	if t.chat.group != nil {
		key.Participant = proto.String(t.author.jid(0, t.like()).String())
	}
	return key
}

// message decodes the target.
func (t *target) message() (*waE2E.Message, error) {
	var m waE2E.Message
	if err := proto.Unmarshal(t.raw, &m); err != nil {
		return nil, fmt.Errorf("read message %s: %w", t.id, err)
	}
	return &m, nil
}
