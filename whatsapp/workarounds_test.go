package whatsapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// TestWhatsmeowLogsStanzas has messages come through a real client. Each must be seen as it is read
// and as it is answered, which whatsmeow tells in its debug log alone: else nothing holds a flood
// back, and nothing else would show that.
func TestWhatsmeowLogsStanzas(t *testing.T) {
	const n = 50
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	_, before := s.Backlog()
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "{n}", Count: n})
	require.NoError(t, err)
	r.texts("shop", chatOf(bob), n)
	require.Eventually(t, func() bool {
		waiting, handled := s.Backlog()
		return waiting == 0 && handled-before >= n
	}, 30*time.Second, 5*time.Millisecond, "read and answered stanzas were not seen in the log")
}

// TestRefusalsHaveTheirCode has WhatsApp refuse a message.
func TestRefusalsHaveTheirCode(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultAckError, Phone: p.Number(), Code: 479}))
	_, err := s.Send(t.Context(), whatsapp.Outgoing{To: phone(t).Number(), Content: whatsapp.Text("hello")})
	var refusal *whatsapp.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, 479, refusal.Code)
}

// TestEventsAreFramed has whatsmeow send a calendar event by itself, which phones drop, and then the session, whose
// event arrives.
func TestEventsAreFramed(t *testing.T) {
	r := run(t, quick())
	s, _ := r.link("shop")
	bob := phone(t)
	event := whatsapp.Event{Name: "Tasting", StartsAt: time.Now()}
	require.NoError(t, s.SendAsWhatsmeow(t.Context(), jid(t, bob.LID()), event))
	m, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: event})
	require.NoError(t, err)
	got, err := bob.WaitMessages(t.Context(), 0, 1)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, m.ID, got[0].ID)
	require.Equal(t, "event", got[0].Type)
}
