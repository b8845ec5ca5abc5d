package whatsapp_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// outcomes is a store's log that has its own way with the units in which messages change.
type outcomes struct {
	store.Log
	hold  atomic.Pointer[chan struct{}] // they wait until it is closed
	loses atomic.Int64                  // so many are refused, as by a store that is away
}

func (o *outcomes) Commit(ctx context.Context, u store.Unit) (store.Kept, error) {
	if len(u.Updates) == 0 {
		return o.Log.Commit(ctx, u)
	}
	if hold := o.hold.Load(); hold != nil {
		<-*hold
	}
	if o.loses.Add(-1) >= 0 {
		return store.Kept{}, fmt.Errorf("commit: %w", store.ErrUnavailable)
	}
	return o.Log.Commit(ctx, u)
}

func outcomesRig(t *testing.T, timing whatsapp.Timing) (*rig, *outcomes) {
	log := &outcomes{}
	return run(t, timing, func(c *whatsapp.Config) { log.Log, c.Log = c.Log, log }), log
}

// TestASendIsAnsweredBeforeItsOutcomeIsKept: WhatsApp has the message, so its sender is told; who reads
// the session waits until the store says so too.
func TestASendIsAnsweredBeforeItsOutcomeIsKept(t *testing.T) {
	r, log := outcomesRig(t, quick())
	s, _ := r.link("shop")
	bob := phone(t)
	hold := make(chan struct{})
	log.hold.Store(&hold)
	m, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("hello")})
	require.NoError(t, err)
	require.Equal(t, store.StatusSent, m.Status)
	got, err := bob.WaitMessages(t.Context(), 0, 1)
	require.NoError(t, err)
	require.Len(t, got, 1)
	kept, err := r.store.Messages().Get(t.Context(), "shop", m.MessageKey)
	require.NoError(t, err)
	require.Equal(t, store.StatusQueued, kept.Status)
	reading, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() { waiting <- s.Settled(reading) }()
	cancel()
	require.ErrorIs(t, <-waiting, context.Canceled, "a reader waits, but no longer than they want to")
	close(hold)
	require.NoError(t, s.Settled(t.Context()))
	kept, err = r.store.Messages().Get(t.Context(), "shop", m.MessageKey)
	require.NoError(t, err)
	require.NotEqual(t, store.StatusQueued, kept.Status)
	require.NoError(t, s.Settled(t.Context()), "there is nothing to wait for")
}

// TestAnOutcomeThatIsNotKept: the message stays queued, is sent again under its id, arrives once and is
// told once.
func TestAnOutcomeThatIsNotKept(t *testing.T) {
	timing := quick()
	timing.Resend = 50 * time.Millisecond
	r, log := outcomesRig(t, timing)
	s, p := r.link("shop")
	bob := phone(t)
	t.Cleanup(world.ClearFaults)
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultFreeze, Phone: bob.Number()})) // no receipt of his tells it instead
	log.loses.Store(1)
	m, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("hello")})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		kept, err := r.store.Messages().Get(t.Context(), "shop", m.MessageKey)
		require.NoError(t, err)
		return kept.Status != store.StatusQueued
	}, 30*time.Second, 5*time.Millisecond)
	world.ClearFaults()
	got, err := bob.WaitMessages(t.Context(), 0, 1)
	require.NoError(t, err)
	require.Len(t, got, 1)
	_, err = bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "got it"})
	require.NoError(t, err)
	r.texts("shop", chatOf(bob), 2)
	sent := 0
	for _, name := range r.told("shop") {
		if name == whatsapp.EventMessageSent {
			sent++
		}
	}
	require.Equal(t, 1, sent)
}
