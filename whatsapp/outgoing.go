package whatsapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Outgoing is a message to be sent, of one kind.
type Outgoing struct {
	To          string   // phone number, JID or LID
	ID          string   // message id; made when empty. The same id is never sent as a second message
	Content     Content  // what it says
	Quoted      string   // id of the message that it answers; may be empty
	QuotedChat  string   // address of the chat in which that one is stored; empty: that of To
	Mentions    []string // phone numbers, JIDs or LIDs of those mentioned with @ in the text
	MentionsAll bool     // everybody in the group is
	Ephemeral   *int     // seconds after which it disappears, 0 for never; nil: as the chat's timer says
	Queue       bool     // while the session is offline it is kept, and goes out by itself
}

// Content is what a message says. Each kind is a type in a file of its own: Text, Location, Contacts,
// Poll and Event.
type Content interface {
	// write makes the message. about is what it answers, whom it mentions and how long it stays; nil: nothing
	// of that.
	write(about *waE2E.ContextInfo) *waE2E.Message
}

// Send sends a message and returns it as it is stored, once WhatsApp's server has it.
//
// convert.ErrAddress, ErrNotOnWhatsApp and ErrNoQuoted say that nothing was sent or stored.
// ErrRefused and ErrOffline: it did not go out; if it had been stored, it is as failed.
// ErrUnconfirmed: it is stored as queued and goes out, once, as soon as WhatsApp answers.
// With Queue there is no ErrOffline: the message comes back as queued, with no error.
func (s *Session) Send(ctx context.Context, o Outgoing) (store.Message, error) {
	if err := s.own(ctx); err != nil {
		return store.Message{}, err
	}
	c := s.live.Load()
	if !c.usable() {
		if o.Queue {
			return s.sendLater(ctx, o)
		}
		return store.Message{}, ErrOffline
	}
	fresh := o.ID == ""
	o.ID = cmp.Or(o.ID, NewMessageID())
	to, err := c.recipient(ctx, o.To)
	if err != nil {
		return store.Message{}, err
	}
	keys, err := c.chatKeys(ctx, to)
	if err != nil {
		return store.Message{}, err
	}
	about, err := s.about(ctx, keys, o)
	if err != nil {
		return store.Message{}, err
	}
	return c.send(ctx, to, outgoing{id: o.ID, fresh: fresh, content: o.Content.write(about)})
}

// about is what stands beside the words of a message to the chat with these keys; nil: nothing.
func (s *Session) about(ctx context.Context, keys []string, o Outgoing) (*waE2E.ContextInfo, error) {
	info := &waE2E.ContextInfo{}
	if o.Quoted != "" {
		if err := s.quote(ctx, info, keys, o); err != nil {
			return nil, err
		}
	}
	for _, m := range o.Mentions {
		jid, err := convert.ParseAddress(m)
		if err != nil {
			return nil, fmt.Errorf("mention %q: %w", m, err)
		}
		info.MentionedJID = append(info.MentionedJID, jid.String())
	}
	if o.MentionsAll {
		info.NonJIDMentions = proto.Uint32(1)
	}
	timed, err := s.timed(ctx, info, keys, o.Ephemeral)
	if err != nil {
		return nil, err
	}
	if o.Quoted == "" && len(o.Mentions) == 0 && !o.MentionsAll && !timed {
		return nil, nil
	}
	return info, nil
}

// timed puts a timer into a message: the one that is given, else the chat's, as every client does, since
// without it the message would stay where all others disappear.
func (s *Session) timed(ctx context.Context, info *waE2E.ContextInfo, keys []string, given *int) (bool, error) {
	if given != nil {
		if *given > 0 {
			info.Expiration = proto.Uint32(uint32(*given))
		}
		return *given > 0, nil
	}
	seconds, known := s.timers.Get(keys[0])
	if known && seconds == 0 {
		return false, nil
	}
	chat, err := s.m.cfg.Store.Chats().Get(ctx, s.id, keys[0])
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read chat: %w", err)
	case !known:
		seconds = chat.Ephemeral
	}
	if seconds == 0 {
		return false, nil
	}
	info.Expiration = proto.Uint32(uint32(seconds))
	if !chat.EphemeralAt.IsZero() {
		info.EphemeralSettingTimestamp = proto.Int64(chat.EphemeralAt.Unix())
	}
	return true, nil
}

// quote fills in a stored message as the one that is answered. One of another chat is named with it.
func (s *Session) quote(ctx context.Context, info *waE2E.ContextInfo, keys []string, o Outgoing) error {
	if o.QuotedChat != "" {
		in, err := convert.ParseAddress(o.QuotedChat)
		if err != nil {
			return fmt.Errorf("chat of the quoted message: %w", err)
		}
		there, err := s.ChatKeys(ctx, in)
		if err != nil {
			return err
		}
		if there[0] != keys[0] {
			info.RemoteJID = proto.String(in.String())
		}
		keys = there
	}
	m, err := s.m.cfg.Store.Messages().Find(ctx, s.id, keys, o.Quoted)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %s", ErrNoQuoted, o.Quoted)
	}
	if err != nil {
		return fmt.Errorf("find quoted message: %w", err)
	}
	sender, err := s.wireSender(ctx, m)
	if err != nil {
		return err
	}
	info.StanzaID, info.Participant = proto.String(m.ID), proto.String(sender)
	info.QuotedMessage = quotable(m)
	return nil
}

// quotable is what a quote holds of a message: its content as the app writes it, without what was
// around it. Nothing is quoted of one that was taken back, or was to be seen once.
func quotable(m store.Message) *waE2E.Message {
	if m.Type == convert.TypeText || len(m.Raw) == 0 || !m.RevokedAt.IsZero() {
		return &waE2E.Message{Conversation: proto.String(m.Text)}
	}
	var raw waE2E.Message
	if err := proto.Unmarshal(m.Raw, &raw); err != nil {
		return &waE2E.Message{Conversation: proto.String(m.Text)}
	}
	return convert.Unwrap(&raw)
}

// wireSender is the sender of a message as its chat knows them: as the message came, else in a
// group by what it is addressed with, and in a chat with a person by the LID where it is known.
func (s *Session) wireSender(ctx context.Context, m store.Message) (string, error) {
	addressing := ""
	if e := m.Envelope; e != nil {
		addressing = e.Addressing
		if jid, err := types.ParseJID(e.Sender); err == nil && convert.IsPerson(convert.Plain(jid)) && !m.FromMe {
			return convert.Plain(jid).String(), nil
		}
	}
	people, err := s.PeopleOf(ctx, m.Sender)
	if err != nil {
		return "", err
	}
	p, ok := people[m.Sender]
	switch {
	case !ok:
		return m.Sender, nil
	case p.LID != "" && addressing != string(types.AddressingModePN):
		return p.LID, nil
	}
	return p.Address(), nil
}
