package sandbox

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// queuedCopies is the messages that a device has not taken yet.
func queuedCopies(t *testing.T, d *device) (list []*node) {
	t.Helper()
	for _, q := range d.queue.take(0, 1000) {
		if q.tag == "message" {
			n, err := decodeNode(q.data)
			require.NoError(t, err)
			list = append(list, n)
		}
	}
	return list
}

// waitKnown waits until a client knows of another device of its own account: whatsmeow takes note of it in a
// goroutine of its own, after it has acknowledged what it was told.
func waitKnown(t *testing.T, c *client, p *Phone, number uint16) {
	t.Helper()
	for _, own := range []types.JID{jidOf(p), lidOf(p)} {
		require.Eventually(t, func() bool {
			devices, err := c.GetUserDevices(t.Context(), []types.JID{own})
			return err == nil && slices.ContainsFunc(devices, func(d types.JID) bool { return d.Device == number })
		}, patience, time.Millisecond)
	}
}

// A copy for an own device names the chat, and never the account's own other name, in both
// forms of address, from the phone and from a companion.
func TestOwnCopies(t *testing.T) {
	s, ann, bob, c := pair(t)
	second := linked(t, s, ann)
	waitGreeting(t, second, ann)
	waitKnown(t, c, ann, 2)
	second.Disconnect()
	require.Eventually(t, func() bool { return ann.account.device(2).online() == nil }, patience, time.Millisecond)
	waiting := len(queuedCopies(t, ann.account.device(2)))

	for _, addressing := range []string{"lid", "pn"} {
		_, err := ann.Send(within(t), Outgoing{To: bob.Number(), Text: "from the phone", Addressing: addressing})
		require.NoError(t, err)
	}
	c.say(jidOf(bob), "from a companion")
	var copies []*node
	require.Eventually(t, func() bool { // who has the acknowledgement may be ahead of the copies
		copies = queuedCopies(t, ann.account.device(2))[waiting:]
		return len(copies) == 3
	}, patience, time.Millisecond)
	for i, n := range copies {
		other := map[string]types.JID{"peer_recipient_pn": jidOf(bob)}
		recipient := lidOf(bob)
		if i == 1 {
			other, recipient = map[string]types.JID{"peer_recipient_lid": lidOf(bob)}, jidOf(bob)
		}
		require.Equal(t, recipient, n.Attrs["recipient"])
		for _, name := range []string{"sender_pn", "sender_lid", "peer_recipient_pn", "peer_recipient_lid"} {
			if jid, ok := other[name]; ok {
				require.Equal(t, jid, n.Attrs[name])
			} else {
				require.NotContains(t, n.Attrs, name)
			}
		}
	}
}

// The same on a copy that a companion sends once more, to one device: its recipient is the
// chat, while to is the device.
func TestOwnCopySentAgain(t *testing.T) {
	s, ann, bob, c := pair(t)
	second := linked(t, s, ann)
	waitGreeting(t, second, ann)
	waitKnown(t, c, ann, 2)
	require.NoError(t, s.AddFaults(Fault{Kind: FaultCorrupt, Phone: ann.Number(), Device: 2}))
	sent := c.say(jidOf(bob), "broken once")
	again := waitEvents(second, 1, func(m *events.Message) bool { return m.Info.ID == sent.ID })[0]
	require.True(t, again.Info.IsFromMe)
	require.Equal(t, lidOf(bob), again.Info.Chat)
	require.Equal(t, jidOf(bob), again.Info.RecipientAlt)
	require.True(t, again.Info.SenderAlt.IsEmpty())
}

// Every message of a phone has a secret of its own, which its own devices learn too.
func TestMessagesHaveSecrets(t *testing.T) {
	s, ann, bob, c := pair(t)
	other := linked(t, s, bob)
	waitGreeting(t, other, bob)
	ids := send(t, bob, ann, "text {n}", 2)
	secrets := map[string]bool{}
	for _, client := range []*client{c, other} {
		for _, m := range waitEvents(client, 2, func(m *events.Message) bool { return m.Info.ID == ids[0] || m.Info.ID == ids[1] }) {
			secret := m.Message.GetMessageContextInfo().GetMessageSecret()
			require.Len(t, secret, 32)
			secrets[string(secret)] = true
		}
	}
	require.Len(t, secrets, 2)
}
