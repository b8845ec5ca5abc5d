package whatsapp_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
	waEvents "go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// only waits for the chat's one message to be as it should.
func (r *rig) only(address string, is func(store.Message) bool) (m store.Message) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		list, _, err := r.store.Messages().List(r.t.Context(), store.MessageQuery{Session: "shop", Chats: r.chatKeys("shop", address), Page: store.Page{Limit: 9}})
		require.NoError(r.t, err)
		if len(list) != 1 {
			return false
		}
		m = list[0]
		return is(m)
	}, 30*time.Second, 5*time.Millisecond)
	return m
}

// TestWhatActsIsNoMessage has a contact react, edit and revoke: one record, unread once, and
// lastMessage as a person would see it.
func TestWhatActsIsNoMessage(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	bob := phone(t)
	ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "see you at 5"})
	require.NoError(t, err)
	text := func(want string) func(store.Message) bool {
		return func(m store.Message) bool { return m.Text == want }
	}
	first := r.only(bob.LID(), text("see you at 5"))
	reacted := func(emoji string) func(store.Message) bool {
		return func(m store.Message) bool {
			return m.Live != nil && len(m.Live.Reactions) == 1 && m.Live.Reactions[0].Emoji == emoji
		}
	}
	for _, emoji := range []string{"👍", "👩‍👩‍👧‍👦", ""} {
		_, err = bob.React(t.Context(), p.Number(), ids[0], emoji)
		require.NoError(t, err)
		r.only(bob.LID(), reacted(emoji))
	}
	reactions := events[whatsapp.ReactionData](r, whatsapp.EventMessageReaction)
	require.Len(t, reactions, 3)
	require.Equal(t, "👍", *reactions[0].Emoji)
	require.Nil(t, reactions[2].Emoji)
	require.Equal(t, ids[0], reactions[0].MessageID)
	require.Equal(t, chatOf(bob), reactions[0].ChatID)
	_, err = bob.Edit(t.Context(), p.Number(), ids[0], "see you at 6")
	require.NoError(t, err)
	require.False(t, r.only(bob.LID(), text("see you at 6")).EditedAt.IsZero())
	_, err = bob.EditSecretly(t.Context(), p.Number(), ids[0], "see you at 7")
	require.NoError(t, err)
	m := r.only(bob.LID(), text("see you at 7"))
	require.Equal(t, first.Timestamp, m.Timestamp)
	require.Len(t, events[whatsapp.MessageData](r, whatsapp.EventMessageEdited), 2)
	chat := r.chats()[0]
	require.Equal(t, 1, chat.Unread)
	require.Equal(t, "see you at 7", chat.LastMessage.Text)
	require.Equal(t, first.Timestamp, chat.LastActivityAt)
	_, err = bob.Revoke(t.Context(), p.Number(), ids[0])
	require.NoError(t, err)
	m = r.only(bob.LID(), func(m store.Message) bool { return !m.RevokedAt.IsZero() })
	require.Empty(t, m.Text)
	require.Len(t, events[whatsapp.RevokedData](r, whatsapp.EventMessageRevoked), 1)
	require.Len(t, events[whatsapp.MessagesData](r, whatsapp.EventNewMessages), 1)
}

// TestAnActWaitsForItsTarget has acts come before what they are about.
func TestAnActWaitsForItsTarget(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	bob := phone(t)
	key := &waCommon.MessageKey{ID: proto.String("LATE1"), FromMe: proto.Bool(true), RemoteJID: proto.String(chatOf(p))}
	for _, m := range []*waE2E.Message{
		{ReactionMessage: &waE2E.ReactionMessage{Key: key, Text: proto.String("❤️"), SenderTimestampMS: proto.Int64(time.Now().UnixMilli())}},
		{ProtocolMessage: &waE2E.ProtocolMessage{
			Key: key, Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), TimestampMS: proto.Int64(time.Now().UnixMilli()),
			EditedMessage: &waE2E.Message{Conversation: proto.String("corrected")},
		}},
	} {
		raw, err := proto.Marshal(m)
		require.NoError(t, err)
		require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: raw}))
	}
	require.Eventually(t, func() bool {
		list, err := r.store.Tasks().List(t.Context(), "shop", "act", 9)
		require.NoError(t, err)
		return len(list) == 2
	}, 30*time.Second, 5*time.Millisecond)
	require.Empty(t, r.chats())
	require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: saying(t, "wrong"), Attrs: map[string]any{"id": "LATE1"}}))
	m := r.only(bob.LID(), func(m store.Message) bool { return m.Text == "corrected" && m.Live != nil })
	require.Equal(t, "❤️", m.Live.Reactions[0].Emoji)
	require.Equal(t, 1, r.chats()[0].Unread)
	require.Eventually(t, func() bool {
		list, err := r.store.Tasks().List(t.Context(), "shop", "act", 9)
		require.NoError(t, err)
		return len(list) == 0
	}, 30*time.Second, 5*time.Millisecond)
}

// TestNobodyEditsAnothersMessage has a contact edit and revoke what the account itself has sent.
func TestNobodyEditsAnothersMessage(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	sent, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("ours")})
	require.NoError(t, err)
	key := &waCommon.MessageKey{ID: proto.String(sent.ID), FromMe: proto.Bool(false), RemoteJID: proto.String(chatOf(p))}
	for _, m := range []*waE2E.Message{
		{ProtocolMessage: &waE2E.ProtocolMessage{
			Key: key, Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), TimestampMS: proto.Int64(time.Now().UnixMilli()),
			EditedMessage: &waE2E.Message{Conversation: proto.String("theirs")},
		}},
		{ProtocolMessage: &waE2E.ProtocolMessage{Key: key, Type: waE2E.ProtocolMessage_REVOKE.Enum()}},
		{ReactionMessage: &waE2E.ReactionMessage{Key: key, Text: proto.String("👎"), SenderTimestampMS: proto.Int64(1)}},
	} {
		raw, err := proto.Marshal(m)
		require.NoError(t, err)
		require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: raw}))
	}
	m := r.only(bob.LID(), func(m store.Message) bool { return m.Live != nil }) // the last of them was taken
	require.Equal(t, "ours", m.Text)
	require.True(t, m.RevokedAt.IsZero())
	require.True(t, m.EditedAt.IsZero())
}

// TestVotes counts a poll of the account's contact, in which the account's phone votes too.
func TestVotes(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	bob := phone(t)
	ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Poll: &sandbox.Poll{Name: "Lunch?", Options: []string{"Soup", "Salad"}}})
	require.NoError(t, err)
	r.only(bob.LID(), func(m store.Message) bool { return m.Type == "poll" })
	for i, options := range [][]string{{"Soup"}, {"Salad"}, {}} {
		_, err = bob.Vote(t.Context(), p.Number(), ids[0], options...)
		require.NoError(t, err)
		r.only(bob.LID(), func(m store.Message) bool { // the latest counts
			return m.Live != nil && len(m.Live.Votes) == 1 && slices.Equal(options, m.Content.Poll.Texts(m.Live, m.Live.Votes[0]))
		})
		require.Len(t, events[whatsapp.PollVoteData](r, whatsapp.EventPollVote), i+1)
	}
}

// TestAnswersToAnEvent counts the answers to a contact's invitation, of which the last of each counts.
func TestAnswersToAnEvent(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	bob := phone(t)
	ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Proto: []byte(`{"eventMessage":{"name":"Dinner","startTime":"1900000000"}}`)})
	require.NoError(t, err)
	r.only(bob.LID(), func(m store.Message) bool { return m.Type == "event" })
	who, ok := r.contact(bob.LID())
	require.True(t, ok)
	for i, answer := range []struct {
		said, is string
		guests   int
	}{{"maybe", store.AnswerMaybe, 0}, {"yes", store.AnswerGoing, 2}, {"no", store.AnswerNotGoing, 0}} {
		_, err = bob.Answer(t.Context(), p.Number(), ids[0], answer.said, answer.guests)
		require.NoError(t, err)
		r.only(bob.LID(), func(m store.Message) bool {
			return m.Live != nil && len(m.Live.Answers) == 1 && m.Live.Answers[0].Answer == answer.is && m.Live.Answers[0].Guests == answer.guests
		})
		told := events[whatsapp.AnswerData](r, whatsapp.EventAnswer)
		require.Len(t, told, i+1)
		require.Equal(t, answer.is, *told[i].Answer)
		require.Equal(t, answer.guests, told[i].Guests)
		require.Equal(t, ids[0], told[i].MessageID)
		require.Equal(t, who.Address(), told[i].By.ID)
	}
	require.Equal(t, 1, r.chats()[0].Unread)
}

// TestStarsOfThePhone has the phone star a message, in a chat with a person and in a group, and take
// the stars off; one comes before its message.
func TestStarsOfThePhone(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	g, err := world.NewGroup(t.Context(), sandbox.NewGroup{Subject: "Friends", Owner: bob.Number(), Participants: []string{p.Number()}})
	require.NoError(t, err)
	starred := func(chat, id string, want bool) {
		require.Eventually(t, func() bool {
			m, err := r.store.Messages().Find(t.Context(), "shop", r.chatKeys("shop", chat), id)
			return err == nil && m.Live != nil && m.Live.Starred != nil && m.Live.Starred.On == want
		}, 30*time.Second, 5*time.Millisecond)
	}
	told := 0
	for _, chat := range []struct{ to, from, address string }{{p.Number(), bob.Number(), bob.LID()}, {g.ID, g.ID, g.ID}} {
		ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: chat.to, Text: "remember this"})
		require.NoError(t, err)
		mine, err := s.Send(t.Context(), whatsapp.Outgoing{To: chat.from, Content: whatsapp.Text("and this")})
		require.NoError(t, err)
		_, err = p.WaitMessages(t.Context(), told/2, 2)
		require.NoError(t, err)
		for _, id := range []string{ids[0], mine.ID} {
			for _, on := range []bool{true, false} {
				require.NoError(t, p.Star(t.Context(), chat.from, id, on))
				starred(chat.address, id, on)
				told++
			}
		}
	}
	data := events[whatsapp.StarredData](r, whatsapp.EventMessageStarred)
	require.Len(t, data, told)
	require.True(t, data[0].Starred)
	require.False(t, data[1].Starred)
	require.True(t, s.Handle(&waEvents.Star{
		ChatJID: jid(t, bob.LID()), MessageID: "LATE1", Timestamp: time.Now(), Action: &waSyncAction.StarAction{Starred: proto.Bool(true)},
	}))
	require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: saying(t, "late"), Attrs: map[string]any{"id": "LATE1"}}))
	starred(bob.LID(), "LATE1", true)
	require.Len(t, events[whatsapp.StarredData](r, whatsapp.EventMessageStarred), told+1)
}

// TestATimerIsLearnt has a contact's messages disappear: the chat's timer goes into what is sent.
func TestATimerIsLearnt(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	raw, err := proto.Marshal(&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
		Text: proto.String("gone soon"), ContextInfo: &waE2E.ContextInfo{Expiration: proto.Uint32(86400), EphemeralSettingTimestamp: proto.Int64(1700000000)},
	}})
	require.NoError(t, err)
	require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: raw}))
	r.texts("shop", bob.LID(), 1)
	require.Equal(t, 86400, r.chats()[0].Ephemeral)
	_, err = s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("mine too")})
	require.NoError(t, err)
	got, err := bob.WaitMessages(t.Context(), 0, 1)
	require.NoError(t, err)
	var arrived waE2E.Message
	require.NoError(t, proto.Unmarshal(got[0].Raw, &arrived))
	require.EqualValues(t, 86400, arrived.GetExtendedTextMessage().GetContextInfo().GetExpiration())
}

// TestAPlaceIsHeld has a message come that cannot be read at first: it takes the place that is
// held for it.
func TestAPlaceIsHeld(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	bob := phone(t)
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "one"})
	require.NoError(t, err)
	r.texts("shop", bob.LID(), 1)
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultCorrupt, Phone: p.Number()}))
	_, err = bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "two"})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		list := r.texts("shop", bob.LID(), 2)
		return len(list) == 2 && list[1] == "text two"
	}, 30*time.Second, 5*time.Millisecond)
	require.Equal(t, 2, r.chats()[0].Unread)
	require.Len(t, events[whatsapp.UndecryptableData](r, whatsapp.EventMessageUndecryptable), 1)
	require.Len(t, events[whatsapp.MessageData](r, whatsapp.EventMessageRecovered), 1)
	require.Len(t, events[whatsapp.MessagesData](r, whatsapp.EventNewMessages), 2)
}

// TestReadingLeavesWhatIsNewer has the phone read a chat up to a message.
func TestReadingLeavesWhatIsNewer(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "n {n}", Count: 3})
	require.NoError(t, err)
	r.texts("shop", bob.LID(), 3)
	require.Equal(t, 3, r.chats()[0].Unread)
	read := func(id string, left int) {
		require.NoError(t, s.Stanza(t.Context(), waBinary.Node{Tag: "receipt", Attrs: waBinary.Attrs{
			"from": jid(t, chatOf(p)), "recipient": jid(t, bob.LID()), "id": id, "type": "read-self", "t": fmt.Sprint(time.Now().Unix()),
		}}))
		require.Eventually(t, func() bool { return r.chats()[0].Unread == left }, 30*time.Second, 5*time.Millisecond)
	}
	read(ids[1], 1)
	read(ids[0], 1)
	read("NEVER SEEN", 1)
	read(ids[2], 0)
}

// TestMarksFromBeforeTheFirstMessage has the phone archive, pin and mute a chat before it has a
// message here.
func TestMarksFromBeforeTheFirstMessage(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	require.NoError(t, p.Archive(t.Context(), bob.Number(), true))
	require.NoError(t, p.Mute(t.Context(), bob.Number(), time.Hour))
	require.Eventually(t, func() bool { return s.Muted(t.Context(), bob.LID(), bob.Number()) }, 30*time.Second, 5*time.Millisecond)
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "first"})
	require.NoError(t, err)
	r.texts("shop", bob.LID(), 1)
	chat := r.chats()[0]
	require.True(t, chat.Archived)
	require.False(t, chat.MutedUntil.IsZero())
}

// TestAppStateIsToldToItsEnd has what the phone did to a chat be lost after whatsmeow has moved on,
// as by a crash before the commit: the next login fetches it again.
func TestAppStateIsToldToItsEnd(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "hello"})
	require.NoError(t, err)
	r.texts("shop", bob.LID(), 1)
	archived := func(want bool) {
		require.Eventually(t, func() bool { return r.chats()[0].Archived == want }, 30*time.Second, 5*time.Millisecond)
	}
	require.NoError(t, p.Archive(t.Context(), bob.Number(), true))
	archived(true)
	no := false
	_, err = r.store.Log().Commit(t.Context(), store.Unit{Session: "shop", Chats: []store.ChatUpdate{{ID: r.chats()[0].ID, Archived: &no}}})
	require.NoError(t, err)
	archived(false)
	require.NoError(t, s.MoveAppState(t.Context(), "regular_low"))
	require.NoError(t, s.Stop(t.Context()))
	require.NoError(t, s.Listen(t.Context()))
	archived(true)
}

// TestHistoryIsRead has what the phone announces at linking read and confirmed, and forgotten then.
func TestHistoryIsRead(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	require.Eventually(t, func() bool {
		read := 0
		for _, got := range p.Receipts(0) {
			if got.Type == "hist_sync" {
				read++
			}
		}
		list, err := r.store.Tasks().List(t.Context(), "shop", "history", 99)
		require.NoError(t, err)
		return read > 0 && len(list) == 0
	}, 30*time.Second, 5*time.Millisecond)
}
