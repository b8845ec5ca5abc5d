package keys

import (
	"context"

	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// Secrets of messages are not kept here: a message that is kept has its own within, so that it goes
// with the message. Whoever has the messages gives whatsmeow a store that looks there.

// PutMessageSecret keeps nothing.
func (stores) PutMessageSecret(context.Context, types.JID, types.JID, types.MessageID, []byte) error {
	return nil
}

// PutMessageSecrets keeps nothing.
func (stores) PutMessageSecrets(context.Context, []wastore.MessageSecretInsert) error { return nil }

// GetMessageSecret finds none.
func (stores) GetMessageSecret(context.Context, types.JID, types.JID, types.MessageID) ([]byte, types.JID, error) {
	return nil, types.EmptyJID, nil
}

// secretsPage is how many secrets are deleted at once.
const secretsPage = 500

// DropSecrets deletes the secrets of messages that earlier versions kept here: a copy of each that
// came, which stayed when its message was deleted.
func (d *Device) DropSecrets(ctx context.Context) error {
	for {
		var names []string
		err := d.each(ctx, nil, tableSecrets, "", "", func(name string, _ []byte) bool {
			names = append(names, name)
			return len(names) < secretsPage
		})
		if err != nil || len(names) == 0 {
			return err
		}
		err = d.update(ctx, strict, func(c *change) error {
			for _, name := range names {
				c.delete(tableSecrets, name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}
