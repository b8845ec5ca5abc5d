package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox"
)

// TestGroupMessages has a session take part in groups of both forms of address: what phones write
// there is one message each, by who wrote it, and what the session writes reaches them.
func TestGroupMessages(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		r := start(t, at)
		ana, bob := r.link("shop"), phone(t, "Bob")
		for _, addressing := range []string{"lid", "pn"} {
			g, err := theWorld.server.NewGroup(t.Context(), sandbox.NewGroup{
				Subject: "Club " + addressing, Owner: bob.Number(), Participants: []string{ana.Number()}, Addressing: addressing,
			})
			require.NoError(t, err)
			for _, text := range []string{"first over ", "second over "} {
				_, err = bob.Send(t.Context(), sandbox.Outgoing{To: g.ID, Text: text + addressing})
				require.NoError(t, err)
				r.awaitText("shop", text+addressing)
			}
			before := len(bob.Messages(0))
			sent := r.send(map[string]any{"to": g.ID, "text": "to all over " + addressing})
			got, err := bob.WaitMessages(t.Context(), before, 1)
			require.NoError(t, err)
			require.Equal(t, []string{sent, g.ID, "to all over " + addressing}, []string{got[0].ID, got[0].Chat, got[0].Text})
			list := r.allMessages(g.ID)
			require.Len(t, list, 4) // with the line that tells of the group
			require.Equal(t, bob.Number(), list[1].obj("from").str("phone"))
			require.Equal(t, bob.LID(), list[1].obj("from").str("lid"))
		}
	})
}
