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

// onMessage keeps what came as a message, from a contact or from the account's own other devices:
// one that a person reads with its chat, its people, its event and its keys in one unit; what acts
// on another one with what it changes there; and of what passes between programs the keys.
func (c *conn) onMessage(e *events.Message) error {
	r := readingOf(e)
	switch {
	case e.Info.Category == "peer" || r.Class == convert.ClassTechnical || r.Class == convert.ClassHidden:
		return c.onTechnical(e)
	case r.Act != nil:
		return c.onAct(e, r)
	}
	return c.keepMessage(e, r)
}

// onTechnical keeps the keys that came with what passes between programs, and what it makes necessary.
func (c *conn) onTechnical(e *events.Message) error {
	u := store.Unit{}
	task, ok := historyTask(e)
	if ok {
		u.Tasks = append(u.Tasks, task)
	}
	_, err := c.dev.CommitReceived(c.ctx, u, e.Info.Timestamp)
	if err == nil && ok {
		c.s.newChores()
	}
	return err
}

// readingOf understands what came: in its raw form, which has all that wrappers say.
func readingOf(e *events.Message) convert.Reading {
	if e.RawMessage != nil {
		return convert.Read(e.RawMessage)
	}
	return convert.Read(e.Message)
}

// keepMessage keeps a message as what it was understood to be.
func (c *conn) keepMessage(e *events.Message, r convert.Reading) error {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	d.received = e.Info.Timestamp
	if err := d.meetSource(&e.Info, r); err != nil {
		return err
	}
	return d.keep(e, r)
}

// keep adds a message to the unit, unless it is here already, and has it kept. Whom it names has
// been met.
func (d *draft) keep(e *events.Message, r convert.Reading) error {
	m := d.incoming(e, r)
	d.learned = d.unit
	again := e.RetryCount > 0 || e.UnavailableRequestID != ""
	if again || d.s.unread.Contains(m.MessageKey) {
		return d.replace(e, m)
	}
	there, err := d.isThere(d.c.ctx, m.MessageKey)
	if err != nil {
		return err
	}
	if !there {
		if err := d.receive(d.c.ctx, m); err != nil {
			return err
		}
	}
	return d.commitLater(e) // what is new of people in any case
}

// meetSource meets everybody whom a message names: its chat's person, its sender, and whom it
// quotes, mentions and holds.
func (d *draft) meetSource(info *types.MessageInfo, r convert.Reading) error {
	actors := []someone{{jid: chatOf(info.MessageSource), alt: chatAlt(info.MessageSource)}}
	if !info.IsFromMe {
		actors = append(actors, someone{jid: info.Sender, alt: info.SenderAlt, name: info.PushName})
	}
	return d.meet(d.c.ctx, actors, namedIn(r)...)
}

// namedIn are the people whom a message names: whom it quotes, mentions and holds.
func namedIn(r convert.Reading) (named []types.JID) {
	add := func(text string) {
		if jid, ok := convert.PersonIn(text); ok && len(named) < maxMentions {
			named = append(named, jid)
		}
	}
	add(r.Context.GetParticipant())
	for _, text := range r.Context.GetMentionedJID() {
		add(text)
	}
	r.Content.People(func(text *string) { add(*text) })
	if r.Act != nil {
		add(r.Act.Target.Participant)
	}
	return named
}

// chatOf is the chat in which a message shows: one that came through somebody's broadcast list
// is a message of theirs.
func chatOf(src types.MessageSource) types.JID {
	if src.IsIncomingBroadcast() && !src.IsFromMe {
		return src.Sender
	}
	return src.Chat
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
	if err := d.settled(ctx); err != nil {
		return false, err
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
func (d *draft) incoming(e *events.Message, r convert.Reading) store.Message {
	info := e.Info
	chat, _ := d.place(chatOf(info.MessageSource))
	m := store.Message{
		SessionID:  d.s.id,
		MessageKey: store.MessageKey{Chat: chat, Sender: d.sender(info), ID: convert.CleanID(info.ID)},
		FromMe:     info.IsFromMe, Envelope: envelopeOf(e, r),
		Status: store.StatusReceived, Timestamp: plausible(info.Timestamp), StoredAt: now(),
	}
	raw := e.RawMessage
	if raw == nil {
		raw = e.Message
	}
	m.SetBody(d.body(chat, r, rawOf(raw)))
	if m.FromMe {
		m.Status = store.StatusSent
		contentOf(&m).Source = sourceOf(info.Sender)
	}
	if info.Chat.IsBroadcastList() {
		contentOf(&m).Broadcast = true
	}
	return m
}

// contentOf is what a message says beyond its text, to be added to.
func contentOf(m *store.Message) *store.Content {
	if m.Content == nil {
		m.Content = &store.Content{}
	}
	return m.Content
}

// sourceOf says which of the account's own devices wrote a message: the phone is device 0.
func sourceOf(sender types.JID) string {
	if sender.Device == 0 {
		return store.SourcePhone
	}
	return store.SourceDevice
}

// sender is the key of who sent a message.
func (d *draft) sender(info types.MessageInfo) string {
	if info.IsFromMe && convert.IsPerson(convert.Plain(info.Sender)) {
		return d.me()
	}
	return d.key(info.Sender)
}

// body is what a message says, with the people in it by their keys. They have been met.
func (d *draft) body(chat string, r convert.Reading, raw []byte) store.Body {
	b := store.Body{Type: r.Type, Text: r.Text, Media: r.Media, Content: r.Content, Raw: raw}
	if len(raw) > maxRaw {
		d.s.log.Warn("message too large to keep in its raw form", zap.Int("bytes", len(raw)))
		b.Raw = nil
	}
	b.Content.People(func(text *string) { *text = d.named(*text) })
	if b.Content != nil && b.Content.QuotedChat == chat {
		b.Content.QuotedChat = ""
	}
	if b.Content.Empty() {
		b.Content = nil
	}
	if id := r.Context.GetStanzaID(); id != "" {
		quoted := convert.Read(r.Context.GetQuotedMessage())
		b.Quoted = &store.Quoted{ID: convert.CleanID(id), Type: quoted.Type, Text: quoted.Text}
		if jid, ok := convert.PersonIn(r.Context.GetParticipant()); ok {
			b.Quoted.Sender = d.key(jid)
		}
	}
	for i, text := range r.Context.GetMentionedJID() {
		if jid, ok := convert.PersonIn(text); ok && i < maxMentions {
			b.Mentions = append(b.Mentions, d.key(jid))
		}
	}
	return b
}

// named is the key of a person or chat that a message names.
func (d *draft) named(text string) string {
	if jid, ok := convert.PersonIn(text); ok {
		return d.key(jid)
	}
	return text
}

// receive adds a message that came to the unit: itself, its chat and its event.
func (d *draft) receive(ctx context.Context, m store.Message) error {
	d.unit.Messages = append(d.unit.Messages, m)
	up := store.ChatUpdate{ID: m.Chat, Kind: d.kindOf(m.Chat), ActivityAt: m.Timestamp}
	if !m.FromMe && m.Type != store.TypeSystem {
		up.AddUnread = 1
	}
	if err := d.inChat(ctx, up, &m); err != nil {
		return err
	}
	d.wake(m.ID)
	d.event(EventNewMessages, cause(m.MessageKey), MessagesData{Messages: []convert.Message{convert.MessageOf(m, d.people)}})
	return nil
}

// kindOf is the kind of a chat by its key.
func (d *draft) kindOf(key string) string {
	if _, ok := d.people[key]; ok {
		return store.ChatPerson
	}
	jid, err := types.ParseJID(key)
	if err != nil {
		return store.ChatPerson
	}
	return convert.KindOf(jid)
}

// inChat adds the update of a chat that gets a message: its person's name, and the timer that the
// message tells of. One that is new has the marks that the phone gave it before.
func (d *draft) inChat(ctx context.Context, up store.ChatUpdate, m *store.Message) error {
	if p, ok := d.people[up.ID]; ok {
		up.Name, up.Phone = convert.DisplayName(p), &p.Phone
	}
	timer, err := d.timerOf(ctx, &up)
	if err != nil {
		return err
	}
	// A timer that was given to one message of ours is not the chat's.
	if c := m.Content; c != nil && c.Source != store.SourceAPI && c.Ephemeral != nil && c.Ephemeral.Seconds != timer {
		seconds, at := c.Ephemeral.Seconds, m.Timestamp
		up.Ephemeral, up.EphemeralAt = &seconds, &at
		d.s.timers.Add(up.ID, seconds)
	}
	d.unit.Chats = append(d.unit.Chats, up)
	return nil
}

// timerOf is the timer of a chat that is there. One that is new gets its marks, and has none.
func (d *draft) timerOf(ctx context.Context, up *store.ChatUpdate) (int, error) {
	if timer, ok := d.s.timers.Get(up.ID); ok {
		return timer, nil
	}
	chat, err := d.s.m.cfg.Store.Chats().Get(ctx, d.s.id, up.ID)
	if errors.Is(err, store.ErrNotFound) {
		err = d.asThere(up)
	}
	if err != nil {
		return 0, fmt.Errorf("read chat: %w", err)
	}
	d.s.timers.Add(up.ID, chat.Ephemeral)
	return chat.Ephemeral, nil
}

// cause names a message in the id of an event.
func cause(k store.MessageKey) string { return k.Chat + "\x00" + k.Sender + "\x00" + k.ID }

func rawOf(m *waE2E.Message) []byte {
	raw, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil { // it was unmarshalled a moment ago
		return nil
	}
	return raw
}

func nowNano() int64 { return time.Now().UnixNano() }
