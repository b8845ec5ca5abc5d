package whatsapp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.uber.org/zap"
)

// TestNotConnectedAfterTheMessageLeft tells a message that did not leave from one of which nobody
// knows, as of one that was queued already: only the first may be called failed.
func TestNotConnectedAfterTheMessageLeft(t *testing.T) {
	c := &conn{s: &Session{log: zap.NewNop()}}
	var before, after whatsmeow.SendResponse
	after.DebugTimings.Resp = time.Millisecond
	require.ErrorIs(t, c.unsent(before, whatsmeow.ErrNotConnected, false), ErrOffline)
	for _, err := range []error{
		c.unsent(after, whatsmeow.ErrNotConnected, false),
		c.unsent(before, whatsmeow.ErrNotConnected, true),
	} {
		require.ErrorIs(t, err, ErrUnconfirmed)
		require.NotErrorIs(t, err, ErrOffline)
	}
}
