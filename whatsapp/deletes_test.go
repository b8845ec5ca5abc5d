package whatsapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
	waEvents "go.mau.fi/whatsmeow/types/events"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// left waits until a chat has these texts.
func (r *rig) left(address string, texts ...string) {
	r.t.Helper()
	require.EventuallyWithT(r.t, func(t *assert.CollectT) {
		list, _, err := r.store.Messages().List(r.t.Context(), store.MessageQuery{Session: "shop", Chats: r.chatKeys("shop", address), Page: store.Page{Limit: 99}})
		require.NoError(t, err)
		got := []string{}
		for _, m := range list {
			if m.Type != store.TypeSystem {
				got = append(got, m.Text)
			}
		}
		require.ElementsMatch(t, texts, got)
	}, 30*time.Second, 5*time.Millisecond)
}

// TestThePhoneDeletesForItself has the phone delete messages for the account alone, in a chat with a
// person and in a group; one before it comes.
func TestThePhoneDeletesForItself(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	g, err := world.NewGroup(t.Context(), sandbox.NewGroup{Subject: "Friends", Owner: bob.Number(), Participants: []string{p.Number()}})
	require.NoError(t, err)
	seen := 0
	for _, chat := range []struct{ to, from, address string }{{p.Number(), bob.Number(), bob.LID()}, {g.ID, g.ID, g.ID}} {
		ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: chat.to, Text: "in {n}", Count: 2})
		require.NoError(t, err)
		r.left(chat.address, "in 1", "in 2")
		mine, err := s.Send(t.Context(), whatsapp.Outgoing{To: chat.from, Content: whatsapp.Text("out")})
		require.NoError(t, err)
		_, err = p.WaitMessages(t.Context(), seen, 3)
		require.NoError(t, err)
		seen += 3
		require.NoError(t, p.DeleteForMe(t.Context(), chat.from, ids[0]))
		r.left(chat.address, "in 2", "out")
		require.NoError(t, p.DeleteForMe(t.Context(), chat.from, mine.ID))
		r.left(chat.address, "in 2")
	}
	require.Eventually(t, func() bool {
		return len(events[whatsapp.DeletedData](r, whatsapp.EventMessageDeleted)) == 4
	}, 30*time.Second, 5*time.Millisecond)
	told := events[whatsapp.DeletedData](r, whatsapp.EventMessageDeleted)
	require.False(t, told[0].MessageFromMe)
	require.True(t, told[1].MessageFromMe)
	for _, chat := range r.chats() {
		require.Equal(t, 1, chat.Unread)
	}
	require.True(t, s.Handle(&waEvents.DeleteForMe{
		ChatJID: jid(t, bob.LID()), MessageID: "LATE1", Timestamp: time.Now(), Action: &waSyncAction.DeleteMessageForMeAction{},
	}))
	require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: saying(t, "late"), Attrs: map[string]any{"id": "LATE1"}}))
	require.Eventually(t, func() bool {
		return len(events[whatsapp.DeletedData](r, whatsapp.EventMessageDeleted)) == 5
	}, 30*time.Second, 5*time.Millisecond)
	r.left(bob.LID(), "in 2")
	tasks, err := r.store.Tasks().List(t.Context(), "shop", "delete", 9)
	require.NoError(t, err)
	require.Empty(t, tasks)
}

// TestThePhoneClearsAndDeletesAChat has the phone clear a chat and then delete it: what was there is
// gone with all that belongs to it, and what comes later begins anew.
func TestThePhoneClearsAndDeletesAChat(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	bob := phone(t)
	send := func(text string) {
		_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: text})
		require.NoError(t, err)
	}
	send("one")
	send("two")
	r.left(bob.LID(), "one", "two")
	require.NoError(t, p.ClearChat(t.Context(), bob.Number()))
	r.left(bob.LID())
	require.Eventually(t, func() bool { return len(r.chats()) == 1 && r.chats()[0].Unread == 0 }, 30*time.Second, 5*time.Millisecond)
	require.Len(t, events[whatsapp.ChatClearedData](r, whatsapp.EventChatCleared), 1)
	send("three")
	r.left(bob.LID(), "three")
	require.NoError(t, p.DeleteChat(t.Context(), bob.Number()))
	require.Eventually(t, func() bool { return len(r.chats()) == 0 }, 30*time.Second, 5*time.Millisecond)
	r.left(bob.LID())
	told := events[whatsapp.ChatClearedData](r, whatsapp.EventChatDeleted)
	require.Len(t, told, 1)
	require.Equal(t, chatOf(bob), told[0].ChatID)
	require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: saying(t, "four")}))
	r.left(bob.LID(), "four")
	require.Equal(t, 1, r.chats()[0].Unread)
}
