package sandbox

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// bothModes runs a test of groups in both forms of address.
func bothModes(t *testing.T, test func(t *testing.T, addressing string)) {
	for _, addressing := range []string{"lid", "pn"} {
		t.Run(addressing, func(t *testing.T) { test(t, addressing) })
	}
}

// club is a group of Ann, who has a client, Bob, who has one too, and Cleo.
func club(t *testing.T, addressing string) (s *Server, g Group, ann, bob, cleo *Phone, a, b *client) {
	t.Helper()
	s, ann, bob, a = pair(t)
	cleo = newPhone(t, s, "12025550102", "Cleo")
	b = linked(t, s, bob)
	waitGreeting(t, b, bob)
	g, err := s.NewGroup(within(t), NewGroup{
		Subject: "Club", Owner: bob.Number(), Participants: []string{ann.Number(), cleo.Number()}, Addressing: addressing,
	})
	require.NoError(t, err)
	joined := waitEvents[*events.JoinedGroup](a, 1, nil)[0]
	require.Equal(t, g.ID, joined.JID.String())
	require.Equal(t, addressing, string(joined.AddressingMode))
	return s, g, ann, bob, cleo, a, b
}

func jidOfGroup(t *testing.T, g Group) types.JID {
	t.Helper()
	jid, err := types.ParseJID(g.ID)
	require.NoError(t, err)
	return jid
}

// Phones and clients write into a group, and all members read it, in both forms of address.
func TestGroupTalk(t *testing.T) {
	bothModes(t, func(t *testing.T, addressing string) {
		_, g, ann, bob, cleo, a, b := club(t, addressing)
		group := jidOfGroup(t, g)
		for _, text := range []string{"first", "second"} { // the second finds sessions and sender keys
			ids, err := cleo.Send(within(t), Outgoing{To: g.ID, Text: text})
			require.NoError(t, err)
			for _, c := range []*client{a, b} {
				m := contentOf(c, ids[0])
				require.Equal(t, text, textOf(m))
				require.Equal(t, group, m.Info.Chat)
				require.Equal(t, addressing, string(m.Info.AddressingMode))
				want := map[string][2]types.JID{"lid": {lidOf(cleo), jidOf(cleo)}, "pn": {jidOf(cleo), lidOf(cleo)}}[addressing]
				require.Equal(t, want, [2]types.JID{m.Info.Sender, m.Info.SenderAlt})
				require.Len(t, m.Message.GetMessageContextInfo().GetMessageSecret(), 32)
			}
			for _, p := range []*Phone{ann, bob} {
				m := waitMessage(t, p, func(m Received) bool { return m.ID == ids[0] })
				require.Equal(t, []string{g.ID, text, cleo.Number()}, []string{m.Chat, m.Text, m.From})
			}
			waitReceipt(t, cleo, func(r Receipt) bool { return r.IDs[0] == ids[0] && r.From == ann.Number() && r.Device == 1 })

			sent := a.say(group, text+" from a client")
			m := waitMessage(t, cleo, func(m Received) bool { return m.ID == sent.ID })
			require.Equal(t, []string{g.ID, text + " from a client", ann.Number()}, []string{m.Chat, m.Text, m.From})
			require.Equal(t, addressing, m.Address)
			require.True(t, waitMessage(t, ann, func(m Received) bool { return m.ID == sent.ID }).FromMe)
			require.Equal(t, text+" from a client", textOf(contentOf(b, sent.ID)))
			waitEvents(a, 1, func(r *events.Receipt) bool {
				return r.MessageIDs[0] == sent.ID && r.Chat == group && r.Sender.User == map[string]string{"lid": lidOf(cleo).User, "pn": jidOf(cleo).User}[addressing]
			})
		}
	})
}

// What people do about messages works in a group, and whoever cannot read one asks again.
func TestGroupActs(t *testing.T) {
	bothModes(t, func(t *testing.T, addressing string) {
		s, g, ann, _, cleo, a, _ := club(t, addressing)
		group := jidOfGroup(t, g)
		sent := a.say(group, "from a client")
		waitMessage(t, cleo, func(m Received) bool { return m.ID == sent.ID })
		require.NoError(t, cleo.Read(within(t), g.ID, sent.ID))
		waitEvents(a, 1, func(r *events.Receipt) bool { return r.Type == types.ReceiptTypeRead && r.Chat == group })
		_, err := cleo.React(within(t), g.ID, sent.ID, "👍")
		require.NoError(t, err)
		key := waitEvents(a, 1, func(m *events.Message) bool { return m.Message.GetReactionMessage() != nil })[0].Message.GetReactionMessage().GetKey()
		require.Equal(t, sent.ID, key.GetID())
		require.Equal(t, map[string]types.JID{"lid": lidOf(ann), "pn": jidOf(ann)}[addressing].String(), key.GetParticipant())

		poll := sendOne(t, a, cleo, Outgoing{To: g.ID, Poll: &Poll{Name: "?", Options: []string{"a", "b"}}})
		id, err := cleo.Vote(within(t), g.ID, poll.Info.ID, "b")
		require.NoError(t, err)
		vote, err := a.DecryptPollVote(within(t), contentOf(a, id))
		require.NoError(t, err)
		require.Equal(t, whatsmeow.HashPollOptions([]string{"b"}), vote.GetSelectedOptions())

		quoting := sendOne(t, a, cleo, Outgoing{To: g.ID, Text: "I quote you", QuotedID: sent.ID})
		require.Equal(t, sent.ID, quoting.Message.GetExtendedTextMessage().GetContextInfo().GetStanzaID())

		require.NoError(t, cleo.SetTyping(g.ID, "composing"))
		seen := waitEvents[*events.ChatPresence](a, 1, nil)[0]
		require.Equal(t, []string{group.String(), cleo.account.jid(0, formOf(addressing == "pn")).String()}, []string{seen.Chat.String(), seen.Sender.String()})
		require.NoError(t, a.SendChatPresence(within(t), group, types.ChatPresenceComposing, types.ChatPresenceMediaAudio))
		typing, err := cleo.WaitTyping(within(t), 0, 1)
		require.NoError(t, err)
		require.Equal(t, []Typing{{N: 1, From: ann.Number(), Chat: g.ID, State: "recording"}}, typing)
		require.Empty(t, ann.Typing(0)[1:], "nobody is told of what they do themselves")

		require.NoError(t, s.AddFaults(Fault{Kind: FaultCorrupt, Phone: ann.Number()}))
		require.Equal(t, "broken once", textOf(sendOne(t, a, cleo, Outgoing{To: g.ID, Text: "broken once"})))
		sent, err = a.SendMessage(within(t), group, &waE2E.Message{Conversation: ptr("still here")})
		require.NoError(t, err)
		waitMessage(t, cleo, func(m Received) bool { return m.ID == sent.ID && m.Text == "still here" })
	})
}

// Who is in a group changes from the phones and from a client; who is not in it reads nothing.
func TestGroupMembers(t *testing.T) {
	s, g, ann, bob, cleo, a, b := club(t, "lid")
	group := jidOfGroup(t, g)
	dora := newPhone(t, s, "12025550103", "Dora")
	ctx := within(t)

	info, err := a.GetGroupInfo(ctx, group)
	require.NoError(t, err)
	require.Equal(t, "Club", info.Name)
	require.Len(t, info.Participants, 3)
	_, err = s.ChangeGroup(ctx, g.ID, "add", ann.Number(), dora.Number())
	require.ErrorIs(t, err, ErrNotAllowed)
	g, err = s.ChangeGroup(ctx, g.ID, "promote", bob.Number(), ann.Number())
	require.NoError(t, err)
	waitEvents(a, 1, func(e *events.GroupInfo) bool { return len(e.Promote) == 1 && e.Promote[0] == lidOf(ann) })
	added, err := a.UpdateGroupParticipants(ctx, group, []types.JID{jidOf(dora)}, whatsmeow.ParticipantChangeAdd)
	require.NoError(t, err)
	require.Zero(t, added[0].Error)
	require.NoError(t, a.SetGroupName(ctx, group, "Club of four"))
	waitEvents(b, 1, func(e *events.GroupInfo) bool { return e.Name != nil && e.Name.Name == "Club of four" })
	// whatsmeow reads the members of a group, for a send, without the lock under which it changes them.
	waitEvents(a, 1, func(e *events.GroupInfo) bool { return len(e.Join) == 1 && e.Join[0] == lidOf(dora) })
	sent := a.say(group, "hello Dora")
	waitMessage(t, dora, func(m Received) bool { return m.ID == sent.ID })

	_, err = s.ChangeGroup(ctx, g.ID, "remove", bob.Number(), ann.Number())
	require.NoError(t, err)
	waitEvents(a, 1, func(e *events.GroupInfo) bool { return len(e.Leave) == 1 && e.Leave[0] == lidOf(ann) })
	_, err = a.GetGroupInfo(ctx, group)
	require.ErrorIs(t, err, whatsmeow.ErrNotInGroup)
	_, err = ann.Send(ctx, Outgoing{To: g.ID, Text: "let me in"})
	require.ErrorIs(t, err, ErrNotAllowed)
	waitMessage(t, ann, func(m Received) bool { return m.ID == sent.ID }) // it may come after the removal that it came before
	before := len(ann.Messages(0))
	ids, err := cleo.Send(ctx, Outgoing{To: g.ID, Text: "without Ann"})
	require.NoError(t, err)
	waitMessage(t, dora, func(m Received) bool { return m.ID == ids[0] })
	require.Len(t, ann.Messages(0), before)

	g, err = s.ChangeGroup(ctx, g.ID, "leave", cleo.Number())
	require.NoError(t, err)
	require.Len(t, g.Participants, 2)
	mine, err := b.GetJoinedGroups(ctx)
	require.NoError(t, err)
	require.Len(t, mine, 1)
	require.NoError(t, b.LeaveGroup(ctx, group))
	made, err := b.CreateGroup(ctx, whatsmeow.ReqCreateGroup{Name: "Another", Participants: []types.JID{jidOf(ann)}})
	require.NoError(t, err)
	require.Len(t, made.Participants, 2)
	require.Len(t, s.Groups(), 2)
	_, err = s.Group("120363000000000000@g.us")
	require.ErrorIs(t, err, ErrNoGroup)
}

// A group and the sender keys of phones are there again after a restart.
func TestGroupsAreKept(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Config{Root: rootKey(), DataDir: dir, Log: testLog(t)})
	require.NoError(t, err)
	ann, bob := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	g, err := s.NewGroup(within(t), NewGroup{Subject: "Club", Owner: ann.Number(), Participants: []string{bob.Number()}, Addressing: "pn"})
	require.NoError(t, err)
	_, err = ann.Send(within(t), Outgoing{To: g.ID, Text: "before"})
	require.NoError(t, err)
	waitMessage(t, bob, func(m Received) bool { return m.Text == "before" })
	require.NoError(t, s.Close())

	s, err = Open(Config{Root: rootKey(), DataDir: dir, Log: testLog(t)})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	require.Equal(t, []Group{g}, s.Groups())
	ann, bob = mustPhone(t, s, "12025550100"), mustPhone(t, s, "12025550101")
	_, err = ann.Send(within(t), Outgoing{To: g.ID, Text: "after"})
	require.NoError(t, err)
	require.Equal(t, g.ID, waitMessage(t, bob, func(m Received) bool { return m.Text == "after" }).Chat)
}
