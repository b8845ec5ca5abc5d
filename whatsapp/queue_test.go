package whatsapp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// queue leaves n sends of the session without acknowledgement, then stops it.
func (r *rig) queue(s *whatsapp.Session, p, to *sandbox.Phone, n int) {
	r.t.Helper()
	require.NoError(r.t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultAckLost, Phone: p.Number(), Count: n}))
	results := make(chan error, n)
	for i := range n {
		go func() {
			_, err := s.Send(r.t.Context(), whatsapp.Outgoing{To: to.Number(), Content: whatsapp.Text(fmt.Sprint("m ", i))})
			results <- err
		}()
	}
	for range n {
		require.ErrorIs(r.t, <-results, whatsapp.ErrUnconfirmed)
	}
}

func (r *rig) queued(id string) []store.Message {
	r.t.Helper()
	list, err := r.store.Messages().Queued(r.t.Context(), id, 1000)
	require.NoError(r.t, err)
	return list
}

// TestAcknowledgementsGetLost loses those of a few messages on a connection that goes on. They are
// sent again on it, and arrive once.
func TestAcknowledgementsGetLost(t *testing.T) {
	const n = 3
	timing := quick()
	timing.Resend = 100 * time.Millisecond
	r := run(t, timing, func(c *whatsapp.Config) { c.SendTimeout = 500 * time.Millisecond })
	s, p := r.link("shop")
	bob := phone(t)
	t.Cleanup(world.ClearFaults)
	r.queue(s, p, bob, n)
	require.Eventually(t, func() bool { return len(r.queued("shop")) == 0 }, 30*time.Second, 10*time.Millisecond)
	require.Zero(t, r.disconnects("shop"))
	got, err := bob.WaitMessages(t.Context(), 0, n)
	require.NoError(t, err)
	require.Len(t, got, n)
}

// TestAllThatIsQueuedGoesOut starts a session with far more queued messages than are read at once.
// All go out; one that is too old has failed, for good and for that reason.
func TestAllThatIsQueuedGoesOut(t *testing.T) {
	const n = 250
	r := run(t, quick(), func(c *whatsapp.Config) { c.QueueMaxAge = time.Hour })
	s, p := r.link("shop")
	bob := phone(t)
	require.NoError(t, s.Stop(t.Context()))
	at := time.Now().UTC().Truncate(time.Millisecond)
	var all []store.Message
	for i := range n + 1 {
		raw, err := proto.Marshal(&waE2E.Message{Conversation: proto.String(fmt.Sprint("m ", i))})
		require.NoError(t, err)
		m := store.Message{
			SessionID: "shop", MessageKey: store.MessageKey{Chat: chatOf(bob), Sender: chatOf(p), ID: fmt.Sprintf("3EB0QUEUED%d", i)},
			FromMe: true, Type: "text", Text: fmt.Sprint("m ", i), Status: store.StatusQueued, Timestamp: at, StoredAt: at, Raw: raw,
		}
		if i == n {
			m.StoredAt = at.Add(-2 * time.Hour)
		}
		all = append(all, m)
	}
	_, err := r.store.Log().Commit(t.Context(), store.Unit{Session: "shop", Messages: all})
	require.NoError(t, err)
	require.NoError(t, s.Listen(t.Context()))
	require.Eventually(t, func() bool { return len(r.queued("shop")) == 0 }, 60*time.Second, 10*time.Millisecond)
	got, err := bob.WaitMessages(t.Context(), 0, n)
	require.NoError(t, err)
	require.Len(t, got, n)
	old, err := r.store.Messages().Get(t.Context(), "shop", all[n].MessageKey)
	require.NoError(t, err)
	require.Equal(t, store.StatusFailed, old.Status)
	require.Equal(t, "expired", old.Failure.Code)
	require.False(t, old.Failure.Retryable)
}
