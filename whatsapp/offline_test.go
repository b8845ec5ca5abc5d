package whatsapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// atOnce is far below every wait for the network.
const atOnce = 2 * time.Second

// TestASendDuringADialIsOfflineAtOnce sends while the connection is being opened to a server that
// does not answer: whatsmeow holds its lock for as long as that takes.
func TestASendDuringADialIsOfflineAtOnce(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	t.Cleanup(world.ClearFaults)
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultHello}, sandbox.Fault{Kind: sandbox.FaultCut, Phone: p.Number()}))
	require.Eventually(t, func() bool { return len(world.Faults()) == 0 }, 30*time.Second, time.Millisecond, "no hello came")
	began := time.Now()
	_, err := s.Send(t.Context(), whatsapp.Outgoing{To: phone(t).Number(), Content: whatsapp.Text("hello")})
	require.ErrorIs(t, err, whatsapp.ErrOffline)
	require.Less(t, time.Since(began), atOnce)
}

// TestASendDuringALoginIsOfflineAtOnce sends while a login is refused and its socket still open:
// nobody is logged in then.
func TestASendDuringALoginIsOfflineAtOnce(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	t.Cleanup(world.ClearFaults)
	require.NoError(t, world.AddFaults(
		sandbox.Fault{Kind: sandbox.FaultLogin, Phone: p.Number(), Code: 503},
		sandbox.Fault{Kind: sandbox.FaultCut, Phone: p.Number()}))
	for snap, changed := s.Watch(); snap.State == whatsapp.Connected; snap, changed = s.Watch() {
		<-changed
	}
	require.Eventually(t, func() bool { return len(world.Faults()) == 0 }, 30*time.Second, time.Millisecond, "no login came")
	to := phone(t).Number()
	for range 20 {
		began := time.Now()
		_, err := s.Send(t.Context(), whatsapp.Outgoing{To: to, Content: whatsapp.Text("hello")})
		require.Less(t, time.Since(began), atOnce)
		require.ErrorIs(t, err, whatsapp.ErrOffline)
	}
	r.await(s, whatsapp.Connected, "")
	_, err := s.Send(t.Context(), whatsapp.Outgoing{To: to, Content: whatsapp.Text("hello")})
	require.NoError(t, err)
}
