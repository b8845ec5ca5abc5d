package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Inbound is a message of this session that another WhatsApp service received.
type Inbound struct {
	ID        string // WhatsApp's message id
	Chat      string // phone number, JID or LID
	From      string // empty: the chat's person, or the account itself when FromMe
	FromMe    bool
	Type      string // empty: text
	Text      string
	Name      string // what the sender calls themselves
	Timestamp time.Time
}

// Receive keeps a message that came another way, with the same events as one that came over
// the session's own connection. known says that it was here already: then nothing changes.
// convert.ErrAddress.
func (s *Session) Receive(ctx context.Context, in Inbound) (known bool, err error) {
	s.ingest.Lock()
	defer s.ingest.Unlock()
	u := store.Unit{Session: s.id}
	people := convert.People{}
	jid, err := convert.ParseAddress(in.Chat)
	if err != nil {
		return false, fmt.Errorf("chat: %w", err)
	}
	chat, err := s.introduce(ctx, &u, people, jid, "")
	if err != nil {
		return false, err
	}
	sender, err := s.inboundSender(ctx, &u, people, in, chat)
	if err != nil {
		return false, err
	}
	kind := convert.KindOf(jid)
	m := store.Message{
		SessionID: s.id, MessageKey: store.MessageKey{Chat: chat, Sender: sender, ID: convert.CleanID(in.ID)}, FromMe: in.FromMe,
		Type: in.Type, Text: convert.CleanText(in.Text), Status: store.StatusReceived, Timestamp: in.Timestamp.UTC().Truncate(time.Millisecond), StoredAt: now(),
	}
	up := store.ChatUpdate{ID: chat, Kind: kind, ActivityAt: m.Timestamp, AddUnread: 1}
	if m.FromMe {
		m.Status, up.AddUnread = store.StatusSent, 0
	}
	if kind == store.ChatPerson {
		up.Name = convert.DisplayName(people[chat])
	}
	u.Messages, u.Chats = []store.Message{m}, []store.ChatUpdate{up}
	u.Events = []store.Event{newEvent(s.id, EventNewMessages, cause(m.MessageKey), now(), MessagesData{Messages: []convert.Message{convert.MessageOf(m, people)}})}
	if _, err = s.m.cfg.Log.Commit(ctx, u); errors.Is(err, store.ErrExists) {
		return true, nil
	}
	if err == nil {
		s.people.Purge() // what was learned is in the store
	}
	return false, err
}

// inboundSender is the canonical id of who sent it.
func (s *Session) inboundSender(ctx context.Context, u *store.Unit, people convert.People, in Inbound, chat string) (string, error) {
	from := in.From
	if from == "" && in.FromMe {
		s.mu.Lock()
		from = s.record.Phone
		s.mu.Unlock()
	}
	if from == "" {
		from = chat
	}
	jid, err := convert.ParseAddress(from)
	if err != nil {
		return "", fmt.Errorf("from: %w", err)
	}
	return s.introduce(ctx, u, people, jid, convert.CleanName(in.Name))
}

// introduce adds a person to the unit, if they or their name are new, and returns their id.
func (s *Session) introduce(ctx context.Context, u *store.Unit, people convert.People, jid types.JID, name string) (string, error) {
	id := convert.Plain(jid).String()
	if !convert.IsPerson(convert.Plain(jid)) {
		return id, nil
	}
	p, found, err := s.contact(ctx, id)
	if err != nil {
		return "", err
	}
	if earlier, ok := people[id]; ok {
		p, found = earlier, true
	}
	want := p
	if !found {
		want = store.Contact{SessionID: s.id, ID: id}
		if jid.Server == types.HiddenUserServer {
			want.LID = id
		} else {
			want.Phone = id
		}
	}
	if name != "" {
		want.PushName = name
	}
	if !found || want != p {
		u.Contacts = append(u.Contacts, store.ContactUpdate{ID: want.ID, Phone: want.Phone, LID: want.LID, PushName: want.PushName})
	}
	people[want.ID], people[id] = want, want
	return want.ID, nil
}
