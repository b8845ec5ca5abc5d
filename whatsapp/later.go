package whatsapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// sendLater keeps a message as queued while nothing can be sent. It goes out at the next login with all that is
// queued, or has failed then as expired if it is too old. Nobody can be asked whether the recipient is on
// WhatsApp: that is found out then as well.
func (s *Session) sendLater(ctx context.Context, o Outgoing) (store.Message, error) {
	if !s.Linked() { // there is no account that could send it
		return store.Message{}, ErrOffline
	}
	fresh := o.ID == ""
	o.ID = cmp.Or(o.ID, NewMessageID())
	to, err := s.knownAddress(ctx, o.To)
	if err != nil {
		return store.Message{}, err
	}
	keys, err := s.ChatKeys(ctx, to)
	if err != nil {
		return store.Message{}, err
	}
	about, err := s.about(ctx, keys, o)
	if err != nil {
		return store.Message{}, err
	}
	m, err := s.keepQueued(ctx, to, outgoing{id: o.ID, fresh: fresh, content: o.Content.write(about)})
	if errors.Is(err, store.ErrExists) {
		return s.queuedBefore(ctx, m.MessageKey)
	}
	if c := s.live.Load(); err == nil && c != nil { // the session came online meanwhile
		c.resendSoon()
	}
	return m, err
}

// knownAddress is where to write to somebody, as far as that is known here.
func (s *Session) knownAddress(ctx context.Context, text string) (types.JID, error) {
	to, err := convert.ParseAddress(text)
	if err != nil || to.Server != types.DefaultUserServer {
		return to, err
	}
	p, ok, err := s.person(ctx, to)
	if err != nil || !ok {
		return to, err
	}
	return addressOf(p)
}

func (s *Session) keepQueued(ctx context.Context, to types.JID, o outgoing) (store.Message, error) {
	s.ingest.Lock()
	defer s.ingest.Unlock()
	d := s.draft(nil)
	m, err := d.queue(ctx, to, o)
	if err != nil {
		return m, err
	}
	return m, d.commit(ctx)
}

// queuedBefore is a message whose id was used before: it is queued still, or went out meanwhile.
func (s *Session) queuedBefore(ctx context.Context, key store.MessageKey) (store.Message, error) {
	m, err := s.m.cfg.Store.Messages().Get(ctx, s.id, key)
	if err != nil {
		return m, fmt.Errorf("find message: %w", err)
	}
	if m.Status == store.StatusFailed {
		return m, ErrOffline
	}
	return m, nil
}
