package sandbox

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// A phone that is off takes nothing, also after a restart; what was sent to it arrives when it is on.
func TestPower(t *testing.T) {
	dir := t.TempDir()
	s := openData(t, dir)
	ann, bob := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	ctx := within(t)
	require.True(t, bob.On())
	require.NoError(t, bob.SetPower(ctx, false))
	require.NoError(t, bob.SetPower(ctx, false))
	ids := send(t, ann, bob, "are you there?", 1)
	require.NoError(t, s.Close())

	s = openData(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	ann, bob = mustPhone(t, s, "12025550100"), mustPhone(t, s, "12025550101")
	require.False(t, bob.On())
	more := send(t, ann, bob, "and now?", 1)
	note := send(t, ann, ann, "to the own client", 1)
	require.NotEqual(t, note, more)
	for name, act := range map[string]func() error{
		"send":    func() error { _, err := bob.Send(ctx, Outgoing{To: ann.Number(), Text: "x"}); return err },
		"react":   func() error { _, err := bob.React(ctx, ann.Number(), ids[0], "x"); return err },
		"scan":    func() error { _, err := bob.Scan(ctx, "2@x,"+qrKeys); return err },
		"typing":  func() error { return bob.SetTyping(ann.Number(), "composing") },
		"archive": func() error { return bob.Archive(ctx, ann.Number(), true) },
		"receipt": func() error { return bob.Receipt(ctx, ann.Number(), "read", ids, nil) },
		"rename":  func() error { return bob.Rename(ctx, "Robert") },
	} {
		require.ErrorIs(t, act(), ErrPhoneOff, name)
	}
	require.Empty(t, bob.Messages(0))
	require.Empty(t, ann.Receipts(0), "nothing was delivered")
	require.Equal(t, 2, bob.device().queue.len())
	require.NoError(t, bob.SetPower(ctx, true))
	list, err := bob.WaitMessages(ctx, 0, 2)
	require.NoError(t, err)
	require.Equal(t, []string{ids[0], more[0]}, []string{list[0].ID, list[1].ID})
	waitReceipt(t, ann, func(r Receipt) bool { return r.IDs[0] == more[0] && r.Type == "delivered" })
}

const qrKeys = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,1"

// With read receipts off, others do not learn what was read, but the own client does; in groups
// everybody learns it.
func TestReadReceiptsOff(t *testing.T) {
	s, ann, bob, c := pair(t)
	ctx := within(t)
	require.NoError(t, ann.SetReadReceipts(ctx, false))
	waitEvents(c, 1, func(e *events.PrivacySettings) bool { return e.ReadReceiptsChanged })
	require.Equal(t, types.PrivacySettingNone, c.GetPrivacySettings(ctx).ReadReceipts)
	ids := send(t, bob, ann, "secret", 1)
	waitMessage(t, ann, func(m Received) bool { return m.ID == ids[0] })
	require.NoError(t, ann.Read(ctx, bob.Number(), ids[0]))
	r := waitEvents(c, 1, func(r *events.Receipt) bool { return r.Type == types.ReceiptTypeReadSelf })[0]
	require.Equal(t, []string{ids[0]}, r.MessageIDs)
	require.Equal(t, lidOf(bob), r.Chat)

	g, err := s.NewGroup(ctx, NewGroup{Subject: "Club", Owner: bob.Number(), Participants: []string{ann.Number()}})
	require.NoError(t, err)
	said, err := bob.Send(ctx, Outgoing{To: g.ID, Text: "to all"})
	require.NoError(t, err)
	waitMessage(t, ann, func(m Received) bool { return m.ID == said[0] })
	require.NoError(t, ann.Read(ctx, g.ID, said[0]))
	waitReceipt(t, bob, func(r Receipt) bool { return r.Type == "read" && r.IDs[0] == said[0] })
	for _, r := range bob.Receipts(0) {
		require.False(t, r.Type == "read" && r.IDs[0] == ids[0], "what was read before is not told")
	}
	require.NoError(t, ann.SetReadReceipts(ctx, true))
	require.NoError(t, ann.Read(ctx, bob.Number(), ids[0]))
	waitReceipt(t, bob, func(r Receipt) bool { return r.Type == "read" && r.IDs[0] == ids[0] })
}

// A phone that is deleted is gone with all that it had, for clients, for groups and after a restart,
// and its number may be used again by somebody else.
func TestDeletePhone(t *testing.T) {
	dir := t.TempDir()
	s := openData(t, dir)
	ann, bob := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	ctx := within(t)
	c := linked(t, s, ann)
	waitGreeting(t, c, ann)
	c.settle()
	b := linked(t, s, bob)
	waitGreeting(t, b, bob)
	g, err := s.NewGroup(ctx, NewGroup{Subject: "Club", Owner: ann.Number(), Participants: []string{bob.Number()}})
	require.NoError(t, err)
	c.say(jidOf(bob), "before")
	send(t, bob, ann, "to Ann", 3)
	_, err = ann.WaitMessages(ctx, 0, 4)
	require.NoError(t, err)

	require.NoError(t, s.DeletePhone(ctx, ann.Number()))
	waitEvents[*events.LoggedOut](c, 1, nil)
	waitEvents(b, 1, func(e *events.GroupInfo) bool { return len(e.Leave) == 1 })
	require.ErrorIs(t, s.DeletePhone(ctx, ann.Number()), ErrNoPhone)
	_, err = bob.Send(ctx, Outgoing{To: ann.Number(), Text: "too late"})
	require.ErrorIs(t, err, ErrNoPhone)
	_, err = bob.Send(ctx, Outgoing{To: g.ID, Text: "alone"})
	require.NoError(t, err)
	require.Len(t, s.Phones(), 1)
	chats := bob.Chats()
	require.Len(t, chats, 1)
	require.Equal(t, g.ID, chats[0].Chat)
	c.Disconnect()
	b.Disconnect()
	require.NoError(t, s.Close())

	s = openData(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	require.Len(t, s.Phones(), 1)
	kept := 0
	for _, kind := range keptOfPhones {
		require.NoError(t, s.disk.each(kind+"/12025550100/", func(string, []byte) error { kept++; return nil }))
	}
	require.Zero(t, kept)
	bob = mustPhone(t, s, "12025550101")
	again := newPhone(t, s, "12025550100", "Another Ann")
	require.Empty(t, again.Messages(0))
	require.Empty(t, again.Devices())
	ids := send(t, bob, again, "hello", 1) // with the session of the one who is gone, which is made anew
	require.Equal(t, "hello", waitMessage(t, again, func(m Received) bool { return m.ID == ids[0] }).Text)
	ids = send(t, again, bob, "hello back", 1)
	require.Equal(t, "Another Ann", mustPhone(t, s, "12025550100").Name())
	require.Equal(t, "hello back", waitMessage(t, bob, func(m Received) bool { return m.ID == ids[0] }).Text)
}

// The list of chats has the newest first, and groups in which nothing was written yet.
func TestChats(t *testing.T) {
	var ahead atomic.Int64
	s, err := Open(Config{Root: rootKey(), Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	ann, bob, cleo := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob"), newPhone(t, s, "12025550102", "Cleo")
	g, err := s.NewGroup(within(t), NewGroup{Subject: "Club", Owner: cleo.Number(), Participants: []string{ann.Number()}})
	require.NoError(t, err)
	require.Equal(t, []Chat{{Chat: g.ID, Kind: "group", Title: "Club"}}, ann.Chats())
	ids := send(t, bob, ann, "to Ann", 1)
	waitMessage(t, ann, func(m Received) bool { return m.ID == ids[0] })
	ahead.Store(int64(time.Minute))
	send(t, ann, bob, "to Bob {n}", 2)
	ahead.Store(int64(2 * time.Minute))
	send(t, ann, ann, "a note", 1)
	list := ann.Chats()
	require.Len(t, list, 3)
	require.Equal(t, []string{ann.Number(), bob.Number(), g.ID}, []string{list[0].Chat, list[1].Chat, list[2].Chat})
	require.Equal(t, []string{"oneself", "person", "group"}, []string{list[0].Kind, list[1].Kind, list[2].Kind})
	require.Equal(t, []int{1, 2}, []int{list[1].Received, list[1].Sent})
	require.Equal(t, "Bob", list[1].Title)
	require.Equal(t, "to Bob 2", list[1].Last.Text)
	require.True(t, list[1].Last.FromMe)
}
