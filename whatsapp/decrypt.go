package whatsapp

import (
	"context"

	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types/events"
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
	if err != nil && d.c.refuses(err) {
		d.c.settle((*events.Message)(nil), err)
	}
}

// ClearBufferedEventPlaintext does nothing once something was refused: what whatsmeow takes for
// handled then, for it does not always look at the handler's answer, comes again.
func (d decryption) ClearBufferedEventPlaintext(ctx context.Context, hash [32]byte) error {
	if d.c.refuse.Load() {
		return nil
	}
	return d.EventBuffer.ClearBufferedEventPlaintext(ctx, hash)
}
