package keys

import (
	"bytes"
	"context"

	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func secretKey(chat, sender types.JID, id types.MessageID) string {
	return joinKey(chat.ToNonAD().String(), sender.ToNonAD().String(), id)
}

// maxSecret bounds a secret, which its sender chooses, in bytes. WhatsApp's clients use 32.
const maxSecret = 1024

// maxSecretKey bounds a secret's key, in bytes: the message's id in it is its sender's choice too.
const maxSecretKey = 1024

// PutMessageSecrets leaves a secret that is in memory as it is, and one that is none out. The
// store is not asked: nearly every message brings a secret, which is new, and what a sender says
// of the same message later is as good.
func (s stores) PutMessageSecrets(ctx context.Context, inserts []wastore.MessageSecretInsert) error {
	return bulk(ctx, s.d, inserts, func(c *change, part []wastore.MessageSecretInsert) error {
		for _, in := range part {
			name := secretKey(in.Chat, in.Sender, in.ID)
			if len(in.Secret) > maxSecret || len(name) > maxSecretKey || c.inMemory(tableSecrets, name) {
				continue
			}
			c.set(tableSecrets, name, bytes.Clone(in.Secret))
		}
		return nil
	})
}

func (s stores) PutMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID, secret []byte) error {
	return s.PutMessageSecrets(ctx, []wastore.MessageSecretInsert{{Chat: chat, Sender: sender, ID: id, Secret: secret}})
}

// GetMessageSecret also looks under the other identity of chat and sender. It returns the
// sender as the secret was put, and nil and the empty JID when there is none.
func (s stores) GetMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID) ([]byte, types.JID, error) {
	chats, err := s.d.identities(ctx, chat)
	if err != nil {
		return nil, types.EmptyJID, err
	}
	senders, err := s.d.identities(ctx, sender)
	if err != nil {
		return nil, types.EmptyJID, err
	}
	var names []string
	var from []types.JID
	for _, c := range chats {
		for _, f := range senders {
			names, from = append(names, secretKey(c, f, id)), append(from, f)
		}
	}
	found, err := s.d.getMany(ctx, tableSecrets, names)
	if err != nil {
		return nil, types.EmptyJID, err
	}
	for i, name := range names {
		if secret := found[name]; secret != nil {
			return secret, from[i], nil
		}
	}
	return nil, types.EmptyJID, nil
}

// identities returns jid without device and, when known, the other identity of the same user.
func (d *Device) identities(ctx context.Context, jid types.JID) ([]types.JID, error) {
	jid = jid.ToNonAD()
	alt, err := d.altJID(ctx, jid)
	if err != nil {
		return nil, err
	}
	if alt.IsEmpty() {
		return []types.JID{jid}, nil
	}
	return []types.JID{jid, alt}, nil
}
