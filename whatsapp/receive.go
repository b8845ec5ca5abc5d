package whatsapp

import (
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Limits of what is kept of one message. WhatsApp's own clients stay far below.
const (
	maxRaw      = 4 << 20 // bytes
	maxMentions = 1024
)

// onMessage keeps a message that came, from a contact or from the account's own other
// devices: message, chat, people, event and keys in one unit.
func (c *conn) onMessage(e *events.Message) error {
	content := convert.ContentOf(e.Message)
	if content.Internal || e.Info.Category == "peer" {
		_, err := c.dev.CommitReceived(c.ctx, store.Unit{}, e.Info.Timestamp)
		if err == nil {
			c.history(e)
		}
		return err
	}
	return c.keepMessage(e, content)
}

// keepMessage keeps a message as what it was understood to be.
func (c *conn) keepMessage(e *events.Message, content convert.Content) error {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	m, kind, err := d.incoming(e, content)
	if err != nil {
		return err
	}
	d.learned = d.unit
	d.receive(m, kind, convert.Acts(content.Type))
	if e.RetryCount > 0 || e.UnavailableRequestID != "" {
		d.event(EventMessageRecovered, cause(m.MessageKey), MessageData{Message: convert.MessageOf(m, d.people)})
	}
	d.received = e.Info.Timestamp
	return d.commitLater(e)
}

// incoming makes the record of a message that came.
func (d *draft) incoming(e *events.Message, content convert.Content) (store.Message, string, error) {
	info := e.Info
	chat, kind, err := d.place(info.Chat, chatAlt(info.MessageSource))
	if err != nil {
		return store.Message{}, "", err
	}
	sender, err := d.sender(info)
	if err != nil {
		return store.Message{}, "", err
	}
	m := store.Message{
		SessionID:  d.c.s.id,
		MessageKey: store.MessageKey{Chat: chat, Sender: sender, ID: convert.CleanID(info.ID)},
		FromMe:     info.IsFromMe,
		Type:       content.Type, Text: content.Text, Media: content.Media,
		Status: store.StatusReceived, Timestamp: info.Timestamp.UTC(), StoredAt: now(), Raw: rawOf(e.RawMessage),
	}
	if m.FromMe {
		m.Status = store.StatusSent
	}
	if len(m.Raw) > maxRaw {
		d.c.s.log.Warn("message too large to keep in its raw form", zap.Int("bytes", len(m.Raw)))
		m.Raw = nil
	}
	return m, kind, d.context(&m, content.Context)
}

// chatAlt is the other identity of the chat's person, where the stanza told it.
func chatAlt(src types.MessageSource) types.JID {
	if src.IsFromMe {
		return src.RecipientAlt
	}
	return src.SenderAlt
}

// sender is the canonical id of who sent a message.
func (d *draft) sender(info types.MessageInfo) (string, error) {
	if !convert.IsPerson(convert.Plain(info.Sender)) {
		return convert.Plain(info.Sender).String(), nil
	}
	if info.IsFromMe {
		return d.me()
	}
	p, err := d.person(info.Sender, info.SenderAlt, info.PushName)
	return p.ID, err
}

// me is the account's own canonical id. It comes from the session's record: whatsmeow
// changes its own without a lock.
func (d *draft) me() (string, error) {
	s := d.c.s
	s.mu.Lock()
	phone, lid, name := s.record.Phone, s.record.LID, s.record.PushName
	s.mu.Unlock()
	jid, err := convert.ParseAddress(phone)
	if err != nil {
		return "", fmt.Errorf("own number: %w", err)
	}
	alt, err := types.ParseJID(lid)
	if err != nil {
		return "", fmt.Errorf("own LID: %w", err)
	}
	p, err := d.person(jid, alt, name)
	return p.ID, err
}

// context fills in what a message answers and whom it mentions.
func (d *draft) context(m *store.Message, info *waE2E.ContextInfo) error {
	if info == nil {
		return nil
	}
	if id := info.GetStanzaID(); id != "" {
		quoted := convert.ContentOf(info.GetQuotedMessage())
		m.Quoted = &store.Quoted{ID: convert.CleanID(id), Type: quoted.Type, Text: quoted.Text}
		if jid, ok := convert.PersonIn(info.GetParticipant()); ok {
			p, err := d.person(jid, types.EmptyJID, "")
			if err != nil {
				return err
			}
			m.Quoted.Sender = p.ID
		}
	}
	for i, text := range info.GetMentionedJID() {
		if jid, ok := convert.PersonIn(text); ok && i < maxMentions {
			m.Mentions = append(m.Mentions, d.c.canonical(jid))
		}
	}
	return nil
}

// receive adds a message that came to the unit: itself, its chat and its event.
func (d *draft) receive(m store.Message, kind string, action bool) {
	d.unit.Messages = append(d.unit.Messages, m)
	up := store.ChatUpdate{ID: m.Chat, Kind: kind, ActivityAt: m.Timestamp}
	if kind == store.ChatPerson {
		up.Name = convert.DisplayName(d.people[m.Chat])
	}
	if !m.FromMe && !action {
		up.AddUnread = 1
	}
	d.unit.Chats = append(d.unit.Chats, up)
	d.event(EventNewMessages, cause(m.MessageKey), MessagesData{Messages: []convert.Message{convert.MessageOf(m, d.people)}})
}

// onUndecryptable tells of a message that could not be read. whatsmeow has asked for it
// again; when it comes, it comes as a message of its own.
func (c *conn) onUndecryptable(e *events.UndecryptableMessage) error {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	chat, _, err := d.place(e.Info.Chat, chatAlt(e.Info.MessageSource))
	if err != nil {
		return err
	}
	sender, err := d.sender(e.Info)
	if err != nil {
		return err
	}
	key := store.MessageKey{Chat: chat, Sender: sender, ID: convert.CleanID(e.Info.ID)}
	known, err := c.s.m.cfg.Store.Messages().Known(c.ctx, c.s.id, []store.MessageKey{key})
	if err != nil {
		return fmt.Errorf("look for message: %w", err)
	}
	switch {
	case known[key] && len(d.fresh) == 0: // a second copy that cannot be read any more of one that was
		return c.dev.Flush(c.ctx)
	case known[key]:
		return d.commit()
	}
	d.event(EventMessageUndecryptable, cause(key), UndecryptableData{
		ChatID: chat, MessageID: key.ID, From: convert.AddressOf(sender, d.people), Timestamp: convert.Time(e.Info.Timestamp),
	})
	return d.commit()
}

// cause names a message in the id of an event.
func cause(k store.MessageKey) string { return k.Chat + "\x00" + k.Sender + "\x00" + k.ID }

func rawOf(m *waE2E.Message) []byte {
	raw, err := proto.Marshal(m)
	if err != nil { // it was unmarshalled a moment ago
		return nil
	}
	return raw
}

func nowNano() int64 { return time.Now().UnixNano() }
