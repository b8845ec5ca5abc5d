package sandbox

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

func TestTalk(t *testing.T) {
	s := openServer(t)
	ann, bob := newPhone(t, s, "+12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	c := linked(t, s, ann)

	for _, addressing := range []string{"lid", "pn"} {
		ids, err := bob.Send(within(t), Outgoing{To: ann.Number(), Text: "hello by " + addressing, Addressing: addressing})
		require.NoError(t, err)
		m := waitEvents(c, 1, func(m *events.Message) bool { return m.Info.ID == ids[0] })[0]
		require.Equal(t, "hello by "+addressing, textOf(m))
		require.Equal(t, "Bob", m.Info.PushName)
		require.False(t, m.Info.IsFromMe)
		waitReceipt(t, bob, func(r Receipt) bool { return r.IDs[0] == ids[0] && r.Device == 0 && r.Type == "delivered" })
		waitReceipt(t, bob, func(r Receipt) bool { return r.IDs[0] == ids[0] && r.Device == 1 && r.Type == "inactive" })
	}

	sent := c.say(jidOf(bob), "hi Bob")
	got, err := bob.WaitMessages(within(t), 0, 1)
	require.NoError(t, err)
	require.Equal(t, "hi Bob", got[0].Text)
	require.Equal(t, sent.ID, got[0].ID)
	require.Equal(t, ann.Number(), got[0].From)
	waitEvents(c, 1, func(r *events.Receipt) bool {
		return r.Type == types.ReceiptTypeDelivered && r.MessageIDs[0] == sent.ID && r.Sender.User == lidOf(bob).User
	})
	own, err := ann.WaitMessages(within(t), 2, 1)
	require.NoError(t, err)
	require.True(t, own[0].FromMe)
	require.Equal(t, bob.Number(), own[0].Chat)
}
