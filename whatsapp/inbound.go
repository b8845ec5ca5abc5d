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
	if err := s.own(ctx); err != nil {
		return false, err
	}
	s.ingest.Lock()
	defer s.ingest.Unlock()
	d := s.draft(nil)
	chat, err := convert.ParseAddress(in.Chat)
	if err != nil {
		return false, fmt.Errorf("chat: %w", err)
	}
	from, err := s.inboundSender(in, chat)
	if err != nil {
		return false, err
	}
	if err := d.meet(ctx, []someone{{jid: chat}, {jid: from, name: in.Name}}); err != nil {
		return false, err
	}
	key, _ := d.place(chat)
	m := store.Message{
		SessionID: s.id, MessageKey: store.MessageKey{Chat: key, Sender: d.key(from), ID: convert.CleanID(in.ID)}, FromMe: in.FromMe,
		Type: in.Type, Text: convert.CleanText(in.Text), Status: store.StatusReceived, Timestamp: plausible(in.Timestamp).Truncate(time.Millisecond), StoredAt: now(),
	}
	if m.FromMe {
		m.Status = store.StatusSent
	}
	there, err := d.isThere(ctx, m.MessageKey)
	if err != nil || there {
		return there, err
	}
	if err := d.receive(ctx, m); err != nil {
		return false, err
	}
	err = d.commit(ctx)
	if errors.Is(err, store.ErrExists) {
		return true, nil
	}
	return false, err
}

// inboundSender is the address of who sent it.
func (s *Session) inboundSender(in Inbound, chat types.JID) (types.JID, error) {
	from := in.From
	if from == "" && in.FromMe {
		s.mu.Lock()
		from = s.record.Phone
		s.mu.Unlock()
	}
	if from == "" {
		return chat, nil
	}
	jid, err := convert.ParseAddress(from)
	if err != nil {
		return jid, fmt.Errorf("from: %w", err)
	}
	return jid, nil
}
