package sandbox

import (
	"context"
	"fmt"
	"maps"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// React reacts to a message of the chat with another phone; an empty emoji
// takes the reaction back. It returns the id of the reaction itself.
func (p *Phone) React(ctx context.Context, to, messageID, emoji string) (string, error) {
	m := &sentMessage{Type: "reaction"}
	if emoji == "" {
		m.Edit = "7"
	}
	return p.act(ctx, to, m, messageID, false, func(chat *account, t target) (*waE2E.Message, error) {
		return reactionMessage(t.key(chat), emoji, p.server.now().UnixMilli()), nil
	})
}

// Edit changes the text of a message that this phone sent.
func (p *Phone) Edit(ctx context.Context, to, messageID, text string) (string, error) {
	if err := checkText(text); err != nil {
		return "", err
	}
	return p.act(ctx, to, &sentMessage{Type: "text", Edit: "1"}, messageID, true, func(chat *account, t target) (*waE2E.Message, error) {
		return editMessage(t.key(chat), text, p.server.now().UnixMilli()), nil
	})
}

// EditSecretly is Edit as newer phones do it: the new text is encrypted once more, with the secret
// of the message that it replaces.
func (p *Phone) EditSecretly(ctx context.Context, to, messageID, text string) (string, error) {
	if err := checkText(text); err != nil {
		return "", err
	}
	return p.act(ctx, to, &sentMessage{Type: "text", Edit: "1"}, messageID, true, func(chat *account, t target) (*waE2E.Message, error) {
		return p.secretEdit(chat, t, text)
	})
}

func (p *Phone) secretEdit(chat *account, t target, text string) (*waE2E.Message, error) {
	original, err := t.message()
	if err != nil {
		return nil, err
	}
	plain, err := proto.Marshal(editMessage(t.key(chat), text, p.server.now().UnixMilli()).GetEditedMessage().GetMessage())
	if err != nil {
		return nil, fmt.Errorf("encode edit: %w", err)
	}
	me := p.account.jid(0, t.like())
	sealed, iv, err := seal(forEdit, original, t.id, me, me, plain)
	if err != nil {
		return nil, err
	}
	return &waE2E.Message{SecretEncryptedMessage: &waE2E.SecretEncryptedMessage{
		TargetMessageKey: t.key(chat), EncPayload: sealed, EncIV: iv, SecretEncType: waE2E.SecretEncryptedMessage_MESSAGE_EDIT.Enum(),
	}}, nil
}

func checkText(text string) error {
	if text == "" || len(text) > maxText {
		return fmt.Errorf("%w: text is empty or longer than %d bytes", ErrInvalid, maxText)
	}
	return nil
}

// Vote votes in a poll of the chat, whoever made it, for these options; none takes the vote back.
func (p *Phone) Vote(ctx context.Context, to, pollID string, options ...string) (string, error) {
	return p.act(ctx, to, &sentMessage{Type: "poll"}, pollID, false, func(chat *account, t target) (*waE2E.Message, error) {
		poll, err := t.message()
		if err != nil {
			return nil, err
		}
		hashes, err := optionHashes(poll, options)
		if err != nil {
			return nil, err
		}
		plain, err := proto.Marshal(&waE2E.PollVoteMessage{SelectedOptions: hashes})
		if err != nil {
			return nil, fmt.Errorf("encode vote: %w", err)
		}
		me, author := p.account.jid(0, t.like()), chat.jid(0, t.like())
		if t.fromMe {
			author = me
		}
		sealed, iv, err := seal(forVote, poll, t.id, author, me, plain)
		if err != nil {
			return nil, err
		}
		return &waE2E.Message{PollUpdateMessage: &waE2E.PollUpdateMessage{
			PollCreationMessageKey: t.key(chat), Vote: &waE2E.PollEncValue{EncPayload: sealed, EncIV: iv},
			SenderTimestampMS: proto.Int64(p.server.now().UnixMilli()),
		}}, nil
	})
}

// Revoke deletes, for everyone, a message that this phone sent.
func (p *Phone) Revoke(ctx context.Context, to, messageID string) (string, error) {
	return p.act(ctx, to, &sentMessage{Type: "text", Edit: "7"}, messageID, true, func(chat *account, t target) (*waE2E.Message, error) {
		return revokeMessage(t.key(chat)), nil
	})
}

// target is a message of a chat with another phone that something is about.
type target struct {
	id     string
	fromMe bool // by this account
	phone  bool // by this very phone
	pn     bool // addressed by phone number
	raw    []byte
}

// target looks for a message of the chat, sent or received. The caller holds p.mu.
func (p *Phone) target(id string, chat *account) (target, error) {
	if id == "" {
		return target{}, fmt.Errorf("%w: id is empty", ErrInvalid)
	}
	if m := p.sent[id]; m != nil && m.To == chat.lid {
		return target{id, true, true, m.PN, m.Payload}, nil
	}
	if m, ok := p.find(id, chat); ok {
		return target{id, m.FromMe, false, m.Address == "pn", m.Raw}, nil
	}
	return target{}, fmt.Errorf("%w: %s", ErrNoMessage, id)
}

// like is the form of address of the target's chat.
func (t *target) like() types.JID { return (&sentMessage{PN: t.pn}).like() }

// key names the target from the side of this phone.
func (t *target) key(chat *account) *waCommon.MessageKey {
	return &waCommon.MessageKey{
		RemoteJID: proto.String(chat.jid(0, t.like()).String()), FromMe: proto.Bool(t.fromMe), ID: proto.String(t.id),
	}
}

// message decodes the target.
func (t *target) message() (*waE2E.Message, error) {
	var m waE2E.Message
	if err := proto.Unmarshal(t.raw, &m); err != nil {
		return nil, fmt.Errorf("read message %s: %w", t.id, err)
	}
	return &m, nil
}

// act sends a message about another message, in the form of address of that one.
func (p *Phone) act(ctx context.Context, to string, m *sentMessage, id string, mine bool, content func(*account, target) (*waE2E.Message, error)) (string, error) {
	other, err := p.server.accountOf(to)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	about, err := p.target(id, other)
	if err == nil && mine && !about.phone {
		err = fmt.Errorf("%w: %s", ErrNoMessage, id)
	}
	var message *waE2E.Message
	if err == nil {
		message, err = content(other, about)
	}
	if err != nil {
		p.mu.Unlock()
		return "", err
	}
	m.To, m.PN = other.lid, about.pn
	sent := messageID()
	c := p.begin()
	err = p.post(c, other, sent, m, message)
	c.commit()
	p.mu.Unlock()
	if err != nil {
		return "", err
	}
	return sent, c.wait(ctx)
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
	return p.receipt(ctx, other, like, "read", messageIDs, nil)
}

// Receipt is a receipt as the person of a test wants it: of any type, about ids that need not exist
// and may be repeated, with any further attributes of the stanza in place of the honest ones
// (strings and types.JID; nil leaves one out). An empty type is delivered.
func (p *Phone) Receipt(ctx context.Context, to, kind string, messageIDs []string, more map[string]any) error {
	other, err := p.server.accountOf(to)
	if err != nil {
		return err
	}
	if len(messageIDs) == 0 || len(messageIDs) > maxReceiptIDs {
		return fmt.Errorf("%w: a receipt is about 1 to %d messages", ErrInvalid, maxReceiptIDs)
	}
	return p.receipt(ctx, other, other.lidJID(0), kind, messageIDs, more)
}

const maxReceiptIDs = 10_000

func (p *Phone) receipt(ctx context.Context, to *account, like types.JID, kind string, ids []string, more map[string]any) error {
	n := el("receipt", attrs{"from": p.account.jid(0, like), "id": ids[0], "type": kind, "t": unix(p.server.now())})
	maps.Copy(n.Attrs, more)
	if len(ids) > 1 {
		items := make([]node, 0, len(ids)-1)
		for _, id := range ids[1:] {
			items = append(items, el("item", attrs{"id": id}))
		}
		n.Content = []node{el("list", nil, items...)}
	}
	c := p.server.change()
	for _, d := range to.list() {
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
