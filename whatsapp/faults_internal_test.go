package whatsapp

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types/events"
	"go.uber.org/zap"

	"whatsapp-api/store"
)

// clearing is a buffer of events that says what was cleared.
type clearing struct {
	wastore.EventBuffer
	cleared int
}

func (c *clearing) ClearBufferedEventPlaintext(context.Context, [32]byte) error {
	c.cleared++
	return nil
}

// TestNothingLeavesAfterARefusal has an event refused that nobody had promised to keep, as when a
// read fails: whatsmeow does not always look at the answer, and may acknowledge all the same.
func TestNothingLeavesAfterARefusal(t *testing.T) {
	c := &conn{s: &Session{log: zap.NewNop()}, mail: newMailbox(), out: newOutlet(func() {}), ctx: t.Context()}
	buffer := &clearing{}
	d := decryption{buffer, c}
	require.NoError(t, d.ClearBufferedEventPlaintext(t.Context(), [32]byte{1}))
	_, open, err := c.out.now()
	require.NoError(t, err)
	require.True(t, open)

	require.False(t, c.answer(&events.Receipt{}, store.ErrUnavailable))
	_, _, err = c.out.now()
	require.ErrorIs(t, err, errHeld)
	require.NoError(t, d.ClearBufferedEventPlaintext(t.Context(), [32]byte{2}))
	require.Equal(t, 1, buffer.cleared, "it comes again")
	require.IsType(t, notKept{}, c.mail.next())
}
