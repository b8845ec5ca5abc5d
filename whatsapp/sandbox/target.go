package sandbox

import (
	"fmt"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// target is a message that something is about, and its chat in the form of address of the message.
type target struct {
	chat   chat
	id     string
	author *account
	mine   bool // by this account
	phone  bool // by this very phone
	raw    []byte
}

// target looks for a message of the chat, sent or received. The caller holds p.mu.
func (p *Phone) target(id string, in chat) (target, error) {
	if id == "" {
		return target{}, fmt.Errorf("%w: id is empty", ErrInvalid)
	}
	if m := p.sent[id]; m != nil && m.Chat == in.key() {
		return target{in.by(m.PN), id, p.account, true, true, m.Payload}, nil
	}
	m, ok := p.find(id, in)
	if !ok {
		return target{}, fmt.Errorf("%w: %s", ErrNoMessage, id)
	}
	author, err := p.server.accountOf(m.From)
	if err != nil {
		return target{}, err
	}
	return target{in.by(m.Address == "pn"), id, author, m.FromMe, false, m.Raw}, nil
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

// by is an account's address in the form of the target.
func (t *target) by(a *account) types.JID { return a.jid(0, t.chat.like()) }

// key names the target from the side of this phone.
func (t *target) key() *waCommon.MessageKey {
	key := &waCommon.MessageKey{
		RemoteJID: proto.String(t.chat.address().String()), FromMe: proto.Bool(t.mine), ID: proto.String(t.id),
	}
	if t.chat.group != nil {
		key.Participant = proto.String(t.by(t.author).String())
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
