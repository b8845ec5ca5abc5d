package sandbox

import (
	"context"
	"fmt"
	"maps"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// React reacts to a message of the chat with another phone; an empty emoji
// takes the reaction back. It returns the id of the reaction itself.
func (p *Phone) React(ctx context.Context, to, messageID, emoji string) (string, error) {
	edit := ""
	if emoji == "" {
		edit = "7"
	}
	return p.act(ctx, to, "reaction", edit, messageID, false, func(t target) (*waE2E.Message, error) {
		return reactionMessage(t.key(), emoji, p.server.now().UnixMilli()), nil
	})
}

// Edit changes the text of a message that this phone sent.
func (p *Phone) Edit(ctx context.Context, to, messageID, text string) (string, error) {
	if err := checkText(text); err != nil {
		return "", err
	}
	return p.act(ctx, to, "text", "1", messageID, true, func(t target) (*waE2E.Message, error) {
		return editMessage(t.key(), text, p.server.now().UnixMilli()), nil
	})
}

// EditSecretly is Edit as newer phones do it: the new text is encrypted once more, with the secret
// of the message that it replaces.
func (p *Phone) EditSecretly(ctx context.Context, to, messageID, text string) (string, error) {
	if err := checkText(text); err != nil {
		return "", err
	}
	return p.act(ctx, to, "text", "1", messageID, true, func(t target) (*waE2E.Message, error) {
		return p.secretEdit(t, text)
	})
}

func (p *Phone) secretEdit(t target, text string) (*waE2E.Message, error) {
	sealed, iv, err := p.sealFor(t, forEdit, editMessage(t.key(), text, p.server.now().UnixMilli()).GetEditedMessage().GetMessage())
	if err != nil {
		return nil, err
	}
	return &waE2E.Message{SecretEncryptedMessage: &waE2E.SecretEncryptedMessage{
		TargetMessageKey: t.key(), EncPayload: sealed, EncIV: iv, SecretEncType: waE2E.SecretEncryptedMessage_MESSAGE_EDIT.Enum(),
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
	return p.act(ctx, to, "poll", "", pollID, false, func(t target) (*waE2E.Message, error) {
		poll, err := t.message()
		if err != nil {
			return nil, err
		}
		hashes, err := optionHashes(poll, options)
		if err != nil {
			return nil, err
		}
		sealed, iv, err := p.sealFor(t, forVote, &waE2E.PollVoteMessage{SelectedOptions: hashes})
		if err != nil {
			return nil, err
		}
		return &waE2E.Message{PollUpdateMessage: &waE2E.PollUpdateMessage{
			PollCreationMessageKey: t.key(), Vote: &waE2E.PollEncValue{EncPayload: sealed, EncIV: iv},
			SenderTimestampMS: proto.Int64(p.server.now().UnixMilli()),
		}}, nil
	})
}

// Revoke deletes, for everyone, a message that this phone sent.
func (p *Phone) Revoke(ctx context.Context, to, messageID string) (string, error) {
	return p.act(ctx, to, "text", "7", messageID, true, func(t target) (*waE2E.Message, error) {
		return revokeMessage(t.key()), nil
	})
}

// act sends a message about another message of a chat, in the form of address of that one.
func (p *Phone) act(ctx context.Context, to, kind, edit, id string, mine bool, content func(target) (*waE2E.Message, error)) (string, error) {
	in, err := p.chat(to)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	about, err := p.target(id, in)
	if err == nil && mine && !about.phone {
		err = fmt.Errorf("%w: %s", ErrNoMessage, id)
	}
	var message *waE2E.Message
	if err == nil {
		message, err = content(about)
	}
	if err != nil {
		p.mu.Unlock()
		return "", err
	}
	sent := messageID()
	c := p.begin()
	err = p.post(c, about.chat, letter{id: sent, kind: kind, edit: edit}, message)
	c.commit()
	p.mu.Unlock()
	if err != nil {
		return "", err
	}
	return sent, c.wait(ctx)
}

// Read shows whoever wrote messages of a chat, all by one account, that they have been seen; if read
// receipts are off, it shows that to the own devices alone.
func (p *Phone) Read(ctx context.Context, from string, messageIDs ...string) error {
	in, err := p.chat(from)
	if err != nil {
		return err
	}
	if len(messageIDs) == 0 {
		return fmt.Errorf("%w: no message ids", ErrInvalid)
	}
	var author *account
	for _, id := range messageIDs {
		m, ok := p.find(id, in)
		if !ok || m.FromMe {
			return fmt.Errorf("%w: %s", ErrNoMessage, id)
		}
		by, err := p.server.accountOf(m.From)
		if err != nil {
			return err
		}
		if author != nil && author != by {
			return fmt.Errorf("%w: the messages are by several accounts", ErrInvalid)
		}
		author = by
		in = in.by(in.pn || m.Address == "pn")
	}
	if in.group == nil && !p.account.showsReads() {
		return p.receipt(ctx, in, p.account, "read-self", messageIDs, map[string]any{"recipient": in.address()})
	}
	return p.receipt(ctx, in, author, "read", messageIDs, nil)
}

// Receipt is a receipt as the person of a test wants it: of any type, about ids that need not exist
// and may be repeated, with any further attributes of the stanza in place of the honest ones
// (strings and types.JID; nil leaves one out). An empty type is delivered.
func (p *Phone) Receipt(ctx context.Context, to, kind string, messageIDs []string, more map[string]any) error {
	if err := p.checkOn(); err != nil {
		return err
	}
	other, err := p.server.accountOf(to)
	if err != nil {
		return err
	}
	if len(messageIDs) == 0 || len(messageIDs) > maxReceiptIDs {
		return fmt.Errorf("%w: a receipt is about 1 to %d messages", ErrInvalid, maxReceiptIDs)
	}
	return p.receipt(ctx, p.server.chatWith(p.account, other, false), other, kind, messageIDs, more)
}

const maxReceiptIDs = 10_000

// receipt tells the devices of whoever wrote messages of a chat about them.
func (p *Phone) receipt(ctx context.Context, in chat, to *account, kind string, ids []string, more map[string]any) error {
	n := el("receipt", attrs{"id": ids[0], "type": kind, "t": unix(p.server.now())})
	in.from(n.Attrs, p.device())
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
		if d != p.device() {
			p.server.enqueue(c, d, n)
		}
	}
	return c.commit().wait(ctx)
}

// SetTyping shows in a chat what the person is doing: composing, recording or paused.
func (p *Phone) SetTyping(to, state string) error {
	in, err := p.chat(to)
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
	in.showState(p.device(), what)
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
	if err := p.checkOn(); err != nil {
		return err
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
