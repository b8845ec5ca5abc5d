package whatsapp

import (
	"context"
	"errors"

	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types/events"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/keys"
)

// decryption is whatsmeow's store of decrypted events, through which every decryption goes.
//
// whatsmeow takes whatever fails in a decryption for a broken message: it acknowledges it and
// asks its sender for another copy. When it was our store that failed, the message is well. So
// nothing may leave then, and it comes again, in its order, when the store is back.
type decryption struct {
	wastore.EventBuffer
	c *conn
}

// GetBufferedEvent is called at the begin of every decryption.
func (d decryption) GetBufferedEvent(ctx context.Context, hash [32]byte) (*wastore.BufferedEvent, error) {
	e, err := d.EventBuffer.GetBufferedEvent(ctx, hash)
	d.look(err)
	return e, err
}

// DoDecryptionTxn decrypts.
func (d decryption) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	err := d.EventBuffer.DoDecryptionTxn(ctx, fn)
	d.look(err)
	return err
}

// look ends the conn when keys could not be read or kept.
func (d decryption) look(err error) {
	for _, ours := range []error{store.ErrUnavailable, store.ErrFenced, keys.ErrClosed} {
		if errors.Is(err, ours) {
			d.c.out.hold()(false)
			d.c.settle((*events.Message)(nil), err)
			return
		}
	}
}
