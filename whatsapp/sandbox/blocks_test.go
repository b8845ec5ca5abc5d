package sandbox

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// Who is blocked, by a client or by a person, is not heard until that ends; all devices know of it,
// also after a restart. In groups everybody is heard.
func TestBlocks(t *testing.T) {
	dir := t.TempDir()
	s := openData(t, dir)
	ann, bob := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	ctx := within(t)
	first := linked(t, s, ann)
	waitGreeting(t, first, ann)
	second := linked(t, s, ann)
	second.settle()
	g, err := s.NewGroup(ctx, NewGroup{Subject: "Club", Owner: bob.Number(), Participants: []string{ann.Number()}})
	require.NoError(t, err)

	list, err := first.UpdateBlocklist(ctx, lidOf(bob), events.BlocklistChangeActionBlock)
	require.NoError(t, err)
	require.Equal(t, []types.JID{lidOf(bob)}, list.JIDs)
	change := waitEvents[*events.Blocklist](second, 1, nil)[0]
	require.Equal(t, []events.BlocklistChange{{JID: lidOf(bob), Action: events.BlocklistChangeActionBlock}}, change.Changes)
	require.Equal(t, list.DHash, change.DHash)
	require.Equal(t, []string{bob.Number()}, ann.Blocked())
	b := linked(t, s, bob)
	waitGreeting(t, b, bob)
	lost := append(send(t, bob, ann, "from the phone", 1), b.say(jidOf(ann), "from the client").ID)
	require.NoError(t, bob.SetTyping(ann.Number(), "composing"))
	for _, c := range []*client{first, second, b} {
		c.Disconnect()
	}
	require.NoError(t, s.Close())

	s = openData(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	ann, bob = mustPhone(t, s, "12025550100"), mustPhone(t, s, "12025550101")
	require.Equal(t, []string{bob.Number()}, ann.Blocked())
	heard, err := bob.Send(ctx, Outgoing{To: g.ID, Text: "to all"})
	require.NoError(t, err)
	require.NoError(t, ann.Block(ctx, bob.Number(), false))
	heard = append(heard, send(t, bob, ann, "friends again", 1)...)
	for _, id := range heard {
		waitMessage(t, ann, func(m Received) bool { return m.ID == id })
	}
	for _, m := range ann.Messages(0) {
		require.NotContains(t, lost, m.ID)
	}
	require.Empty(t, ann.Typing(0))
	require.ErrorIs(t, ann.Block(ctx, ann.Number(), true), ErrInvalid)
	require.ErrorIs(t, ann.Block(ctx, "12025550199", true), ErrNoPhone)
	require.NoError(t, ann.Block(ctx, bob.Number(), true))
	require.NoError(t, s.DeletePhone(ctx, bob.Number()))
	require.Empty(t, ann.Blocked())
}
