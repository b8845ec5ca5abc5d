package sandbox

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A phone shows what it has sent itself, in order, also after a restart.
func TestSent(t *testing.T) {
	dir := t.TempDir()
	s := openData(t, dir)
	ann, bob := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	g, err := s.NewGroup(within(t), NewGroup{Subject: "Club", Owner: ann.Number(), Participants: []string{bob.Number()}})
	require.NoError(t, err)
	ids := send(t, ann, bob, "number {n}", 12)
	for _, o := range []Outgoing{
		{To: ann.Number(), Text: "a note"},
		{To: g.ID, Text: "to all"},
		{To: bob.Number(), Addressing: "pn", Poll: &Poll{Name: "?", Options: []string{"a", "b"}}},
	} {
		_, err := ann.Send(within(t), o)
		require.NoError(t, err)
	}
	_, err = ann.Edit(within(t), bob.Number(), ids[0], "number one")
	require.NoError(t, err)
	before := ann.Sent(0)
	require.NoError(t, s.Close())

	s = openData(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	ann, bob = mustPhone(t, s, "12025550100"), mustPhone(t, s, "12025550101")
	list := ann.Sent(0)
	require.Equal(t, before, list)
	require.Len(t, list, 16)
	for i, m := range list {
		require.Equal(t, i+1, m.N)
		require.False(t, m.Timestamp.IsZero())
	}
	require.Equal(t, []string{ids[11], "number 12", bob.Number(), "lid"}, []string{list[11].ID, list[11].Text, list[11].Chat, list[11].Address})
	require.Equal(t, []string{ann.Number(), g.ID}, []string{list[12].Chat, list[13].Chat})
	require.Equal(t, []string{"poll", "?", "pn"}, []string{list[14].Type, list[14].Text, list[14].Address})
	require.Equal(t, []string{"edit", "number one", ids[0]}, []string{list[15].Type, list[15].Text, list[15].TargetID})
	require.Equal(t, list[14:], ann.Sent(14))
	require.Empty(t, bob.Sent(0))
	send(t, ann, bob, "after the restart", 1)
	require.Equal(t, 17, ann.Sent(16)[0].N)
}
