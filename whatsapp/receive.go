package whatsapp

import (
	"context"
	"errors"
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
	if err := d.meetSource(&e.Info, content.Context); err != nil {
		return err
	}
	m, kind := d.incoming(e, content)
	d.learned, d.received = d.unit, e.Info.Timestamp
	there, err := d.isThere(c.ctx, m.MessageKey)
	if err != nil {
		return err
	}
	if there {
		return d.commitLater(e) // what is new of people
	}
	if err := d.receive(c.ctx, m, kind, convert.Acts(content.Type)); err != nil {
		return err
	}
	if e.RetryCount > 0 || e.UnavailableRequestID != "" {
		d.event(EventMessageRecovered, cause(m.MessageKey), MessageData{Message: convert.MessageOf(m, d.people)})
	}
	return d.commitLater(e)
}

// meetSource meets everybody whom a message names: its chat's person, its sender, and whom it
// quotes and mentions.
func (d *draft) meetSource(info *types.MessageInfo, context *waE2E.ContextInfo) error {
	actors := []someone{{jid: chatOf(info.MessageSource), alt: chatAlt(info.MessageSource)}}
	if !info.IsFromMe {
		actors = append(actors, someone{jid: info.Sender, alt: info.SenderAlt, name: info.PushName})
	}
	var named []types.JID
	if jid, ok := convert.PersonIn(context.GetParticipant()); ok {
		named = append(named, jid)
	}
	for i, text := range context.GetMentionedJID() {
		if jid, ok := convert.PersonIn(text); ok && i < maxMentions {
			named = append(named, jid)
		}
	}
	return d.meet(d.c.ctx, actors, named...)
}

// chatOf is the chat in which a message shows: one that came through somebody's broadcast list
// is a message of theirs.
func chatOf(src types.MessageSource) types.JID {
	if src.IsIncomingBroadcast() && !src.IsFromMe {
		return src.Sender
	}
	return src.Chat
}

// isThere says whether the message is stored under another key of its chat or sender, from the
// time before two records turned out to be one person. Its own key is the commit's to know.
func (d *draft) isThere(ctx context.Context, key store.MessageKey) (bool, error) {
	chats, senders := d.keysOf(key.Chat), d.keysOf(key.Sender)
	if len(chats) == 1 && len(senders) == 1 {
		return false, nil
	}
	var others []store.MessageKey
	for _, chat := range chats {
		for _, sender := range senders {
			if other := (store.MessageKey{Chat: chat, Sender: sender, ID: key.ID}); other != key {
				others = append(others, other)
			}
		}
	}
	if d.c != nil {
		if err := d.c.dev.Settled(ctx); err != nil {
			return false, err
		}
	}
	known, err := d.s.m.cfg.Store.Messages().Known(ctx, d.s.id, others)
	if err != nil {
		return false, fmt.Errorf("look for message: %w", err)
	}
	return len(known) > 0, nil
}

// keysOf are all keys of a person or chat.
func (d *draft) keysOf(key string) []string {
	if p, ok := d.people[key]; ok {
		return p.Keys()
	}
	return []string{key}
}

// incoming makes the record of a message that came. Whom it names has been met.
func (d *draft) incoming(e *events.Message, content convert.Content) (store.Message, string) {
	info := e.Info
	chat, kind := d.place(chatOf(info.MessageSource))
	m := store.Message{
		SessionID:  d.s.id,
		MessageKey: store.MessageKey{Chat: chat, Sender: d.sender(info), ID: convert.CleanID(info.ID)},
		FromMe:     info.IsFromMe,
		Type:       content.Type, Text: content.Text, Media: content.Media, Envelope: envelopeOf(e),
		Status: store.StatusReceived, Timestamp: info.Timestamp.UTC(), StoredAt: now(), Raw: rawOf(e.RawMessage),
	}
	if m.FromMe {
		m.Status = store.StatusSent
	}
	if len(m.Raw) > maxRaw {
		d.s.log.Warn("message too large to keep in its raw form", zap.Int("bytes", len(m.Raw)))
		m.Raw = nil
	}
	d.context(&m, content.Context)
	return m, kind
}

// chatAlt is the other identity of the chat's person, where the stanza told it.
func chatAlt(src types.MessageSource) types.JID {
	switch {
	case src.IsFromMe:
		return src.RecipientAlt
	case src.IsGroup && !src.IsIncomingBroadcast():
		return types.EmptyJID
	}
	return src.SenderAlt
}

// sender is the key of who sent a message.
func (d *draft) sender(info types.MessageInfo) string {
	if info.IsFromMe && convert.IsPerson(convert.Plain(info.Sender)) {
		return d.me()
	}
	return d.key(info.Sender)
}

// context fills in what a message answers and whom it mentions.
func (d *draft) context(m *store.Message, info *waE2E.ContextInfo) {
	if info == nil {
		return
	}
	if id := info.GetStanzaID(); id != "" {
		quoted := convert.ContentOf(info.GetQuotedMessage())
		m.Quoted = &store.Quoted{ID: convert.CleanID(id), Type: quoted.Type, Text: quoted.Text}
		if jid, ok := convert.PersonIn(info.GetParticipant()); ok {
			m.Quoted.Sender = d.key(jid)
		}
	}
	for i, text := range info.GetMentionedJID() {
		if jid, ok := convert.PersonIn(text); ok && i < maxMentions {
			m.Mentions = append(m.Mentions, d.key(jid))
		}
	}
}

// receive adds a message that came to the unit: itself, its chat and its event.
func (d *draft) receive(ctx context.Context, m store.Message, kind string, action bool) error {
	d.unit.Messages = append(d.unit.Messages, m)
	up := store.ChatUpdate{ID: m.Chat, Kind: kind, ActivityAt: m.Timestamp}
	if p, ok := d.people[m.Chat]; ok {
		up.Name, up.Phone = convert.DisplayName(p), &p.Phone
	}
	if !m.FromMe && !action {
		up.AddUnread = 1
	}
	if err := d.inChat(ctx, up); err != nil {
		return err
	}
	d.event(EventNewMessages, cause(m.MessageKey), MessagesData{Messages: []convert.Message{convert.MessageOf(m, d.people)}})
	return nil
}

// inChat adds the update of a chat that gets a message. One that is new has the marks that the phone
// gave it before.
func (d *draft) inChat(ctx context.Context, up store.ChatUpdate) error {
	if !d.s.chats.Contains(up.ID) {
		_, err := d.s.m.cfg.Store.Chats().Get(ctx, d.s.id, up.ID)
		if errors.Is(err, store.ErrNotFound) {
			err = d.asThere(&up)
		}
		if err != nil {
			return fmt.Errorf("read chat: %w", err)
		}
		d.s.chats.Add(up.ID, struct{}{})
	}
	d.unit.Chats = append(d.unit.Chats, up)
	return nil
}

// onUndecryptable tells of a message that could not be read. whatsmeow has asked for it
// again; when it comes, it comes as a message of its own.
func (c *conn) onUndecryptable(e *events.UndecryptableMessage) error {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	if err := d.meetSource(&e.Info, nil); err != nil {
		return err
	}
	chat, _ := d.place(chatOf(e.Info.MessageSource))
	sender := d.sender(e.Info)
	key := store.MessageKey{Chat: chat, Sender: sender, ID: convert.CleanID(e.Info.ID)}
	known, err := c.s.m.cfg.Store.Messages().Known(c.ctx, c.s.id, []store.MessageKey{key})
	if err != nil {
		return fmt.Errorf("look for message: %w", err)
	}
	switch {
	case known[key] && len(d.fresh) == 0: // a second copy that cannot be read any more of one that was
		return c.dev.Flush(c.ctx)
	case known[key]:
		return d.commit(c.ctx)
	}
	d.event(EventMessageUndecryptable, cause(key), UndecryptableData{
		ChatID: d.shown(chat), MessageID: key.ID, From: convert.AddressOf(sender, d.people), Timestamp: convert.Time(e.Info.Timestamp),
	})
	return d.commit(c.ctx)
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
