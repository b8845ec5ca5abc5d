package sandbox

import (
	"context"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// React reacts to a message of the chat with another phone; an empty emoji
// takes the reaction back. It returns the id of the reaction itself.
func (p *Phone) React(ctx context.Context, to, messageID, emoji string) (string, error) {
	m := &sentMessage{Type: "reaction"}
	if emoji == "" {
		m.Edit = "7"
	}
	return p.act(ctx, to, m, messageID, false, func(key *waCommon.MessageKey) *waE2E.Message {
		return reactionMessage(key, emoji, p.server.now().UnixMilli())
	})
}

// Edit changes the text of a message that this phone sent.
func (p *Phone) Edit(ctx context.Context, to, messageID, text string) (string, error) {
	if text == "" || len(text) > maxText {
		return "", fmt.Errorf("%w: text is empty or longer than %d bytes", ErrInvalid, maxText)
	}
	return p.act(ctx, to, &sentMessage{Type: "text", Edit: "1"}, messageID, true, func(key *waCommon.MessageKey) *waE2E.Message {
		return editMessage(key, text, p.server.now().UnixMilli())
	})
}

// Revoke deletes, for everyone, a message that this phone sent.
func (p *Phone) Revoke(ctx context.Context, to, messageID string) (string, error) {
	return p.act(ctx, to, &sentMessage{Type: "text", Edit: "7"}, messageID, true, revokeMessage)
}

// act sends a message about another message.
func (p *Phone) act(ctx context.Context, to string, m *sentMessage, target string, mine bool, content func(*waCommon.MessageKey) *waE2E.Message) (string, error) {
	other, err := p.server.accountOf(to)
	if err != nil {
		return "", err
	}
	if target == "" {
		return "", fmt.Errorf("%w: id is empty", ErrInvalid)
	}
	id := messageID()
	p.mu.Lock()
	about := p.sent[target]
	fromMe := about != nil && about.To == other.lid
	received, got := p.find(target, other)
	if !fromMe && (mine || !got) {
		p.mu.Unlock()
		return "", fmt.Errorf("%w: %s", ErrNoMessage, target)
	}
	m.To = other.lid
	m.PN = fromMe && about.PN || !fromMe && received.Address == "pn"
	key := &waCommon.MessageKey{
		RemoteJID: proto.String(other.jid(0, m.like()).String()), FromMe: proto.Bool(fromMe || received.FromMe), ID: proto.String(target),
	}
	c := p.begin()
	err = p.post(c, other, id, m, content(key))
	c.commit()
	p.mu.Unlock()
	if err != nil {
		return "", err
	}
	return id, c.wait(ctx)
}

// find looks for a received message of a chat.
func (p *Phone) find(id string, chat *account) (Received, bool) {
	p.box.mu.Lock()
	defer p.box.mu.Unlock()
	for i := len(p.box.messages) - 1; i >= 0; i-- {
		if m := p.box.messages[i]; m.ID == id && m.Chat == "+"+chat.pn {
			return m, true
		}
	}
	return Received{}, false
}

// Read shows the other phone that its messages have been seen.
func (p *Phone) Read(ctx context.Context, from string, messageIDs ...string) error {
	other, err := p.server.accountOf(from)
	if err != nil {
		return err
	}
	if len(messageIDs) == 0 {
		return fmt.Errorf("%w: no message ids", ErrInvalid)
	}
	like := other.lidJID(0)
	for _, id := range messageIDs {
		m, ok := p.find(id, other)
		if !ok || m.FromMe {
			return fmt.Errorf("%w: %s", ErrNoMessage, id)
		}
		if m.Address == "pn" {
			like = other.pnJID(0)
		}
	}
	n := el("receipt", attrs{
		"from": p.account.jid(0, like), "id": messageIDs[0], "type": "read", "t": unix(p.server.now()),
	})
	if len(messageIDs) > 1 {
		items := make([]node, 0, len(messageIDs)-1)
		for _, id := range messageIDs[1:] {
			items = append(items, el("item", attrs{"id": id}))
		}
		n.Content = []node{el("list", nil, items...)}
	}
	c := p.server.change()
	for _, d := range other.list() {
		p.server.enqueue(c, d, n)
	}
	return c.commit().wait(ctx)
}

// SetTyping shows in the chat with another phone what the person is doing:
// composing, recording or paused.
func (p *Phone) SetTyping(to, state string) error {
	other, err := p.server.accountOf(to)
	if err != nil {
		return err
	}
	var what node
	switch state {
	case "composing", "paused":
		what = el(state, nil)
	case "recording":
		what = el("composing", attrs{"media": "audio"})
	default:
		return fmt.Errorf("%w: state is composing, recording or paused", ErrInvalid)
	}
	p.server.showChatState(other, p.account.lidJID(0), what)
	return nil
}

// SetPresence shows whether the person has WhatsApp open to all who asked to
// see it.
func (p *Phone) SetPresence(available bool) { p.server.setPresence(p.account, available) }

// Rename changes the push name on the phone, as a person does in the settings.
func (p *Phone) Rename(ctx context.Context, name string) error {
	if name == "" || len(name) > 100 {
		return fmt.Errorf("%w: a name has 1 to 100 bytes", ErrInvalid)
	}
	p.server.rename(p.account, name)
	p.mu.Lock()
	c := p.begin()
	err := p.writePushName(c, nil)
	c.commit()
	p.mu.Unlock()
	if err != nil {
		return err
	}
	return c.wait(ctx)
}
