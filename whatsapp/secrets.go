package whatsapp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// secrets gives whatsmeow the secrets of messages, with which it opens what bots answer. A message
// that is stored has its secret within, so that there is no second copy, and it goes with the message.
type secrets struct{ s *Session }

// PutMessageSecret keeps nothing: the message itself is kept.
func (secrets) PutMessageSecret(context.Context, types.JID, types.JID, types.MessageID, []byte) error {
	return nil
}

// PutMessageSecrets keeps nothing: the messages themselves are kept.
func (secrets) PutMessageSecrets(context.Context, []wastore.MessageSecretInsert) error { return nil }

// GetMessageSecret reads a secret from its message; nil and no sender where there is none.
func (x secrets) GetMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID) ([]byte, types.JID, error) {
	chats, err := x.s.ChatKeys(ctx, chat)
	if err != nil {
		return nil, types.EmptyJID, err
	}
	senders, err := x.s.ChatKeys(ctx, sender)
	if err != nil {
		return nil, types.EmptyJID, err
	}
	for _, chat := range chats {
		for _, by := range senders {
			m, err := x.s.m.cfg.Store.Messages().Get(ctx, x.s.id, store.MessageKey{Chat: chat, Sender: by, ID: convert.CleanID(id)})
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, types.EmptyJID, fmt.Errorf("find message of a secret: %w", err)
			}
			if secret, err := secretOf(m); err == nil && len(secret) > 0 { // one that cannot be read has none
				return secret, wroteAs(m, sender), nil
			}
		}
	}
	return nil, types.EmptyJID, nil
}

// wroteAs is the identity under which a message was written, where its stanza said so.
func wroteAs(m store.Message, otherwise types.JID) types.JID {
	if m.Envelope != nil {
		if jid, err := types.ParseJID(m.Envelope.Sender); err == nil && !jid.IsEmpty() {
			return jid.ToNonAD()
		}
	}
	return otherwise.ToNonAD()
}

// dropSecrets deletes what earlier versions kept of secrets apart from their messages.
func (c *conn) dropSecrets(ctx context.Context) {
	if err := c.dev.DropSecrets(ctx); err != nil {
		c.s.log.Warn("old secrets not deleted", zap.Error(err))
	}
}

// newSecret is a secret for a message.
func newSecret() []byte {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails, see crypto/rand
	return secret
}
