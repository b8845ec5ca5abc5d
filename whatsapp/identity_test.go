package whatsapp_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// saying encodes a text.
func saying(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := proto.Marshal(&waE2E.Message{Conversation: proto.String(text)})
	require.NoError(t, err)
	return raw
}

func jid(t *testing.T, text string) types.JID {
	t.Helper()
	j, err := types.ParseJID(text)
	require.NoError(t, err)
	return j
}

// contact is whose address it is; false for nobody.
func (r *rig) contact(address string) (store.Contact, bool) {
	r.t.Helper()
	found, err := r.store.Contacts().Find(r.t.Context(), "shop", []string{address})
	require.NoError(r.t, err)
	c, ok := found[address]
	return c, ok
}

// chats lists the chats of the session.
func (r *rig) chats() []store.Chat {
	r.t.Helper()
	list, _, err := r.store.Chats().List(r.t.Context(), store.ChatQuery{Session: "shop", Page: store.Page{Limit: 200}})
	require.NoError(r.t, err)
	return list
}

// events decodes the data of all events with a name.
func events[T any](r *rig, name string) (all []T) {
	r.t.Helper()
	list, err := r.store.Log().After(r.t.Context(), "shop", 0, 100_000)
	require.NoError(r.t, err)
	for _, e := range list {
		if e.Name == name {
			var data T
			require.NoError(r.t, json.Unmarshal(e.Data, &data))
			all = append(all, data)
		}
	}
	return all
}

// TestALearnedNumberChangesNoKey has somebody write whose number is hidden, and then shown.
func TestALearnedNumberChangesNoKey(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	bob := phone(t)
	for _, text := range []string{"one", "two"} {
		require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{
			To: p.Number(), Plain: saying(t, text), Attrs: map[string]any{"from": jid(t, bob.LID()), "sender_pn": nil, "sender_lid": nil},
		}))
	}
	r.texts("shop", bob.LID(), 2)
	before, ok := r.contact(bob.LID())
	require.True(t, ok)
	require.Equal(t, bob.LID(), before.Address())
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "three", Addressing: "lid"})
	require.NoError(t, err)
	require.Equal(t, []string{"text one", "text two", "text three"}, r.texts("shop", bob.LID(), 3))
	after, ok := r.contact(chatOf(bob))
	require.True(t, ok)
	require.Equal(t, before.ID, after.ID)
	require.Equal(t, chatOf(bob), after.Address())
	require.Len(t, r.chats(), 1)
	require.Equal(t, 3, r.chats()[0].Unread)
	mapped := events[whatsapp.IdentityData](r, whatsapp.EventIdentityMapped)
	require.Len(t, mapped, 1)
	require.Equal(t, bob.LID(), mapped[0].Old)
	require.Equal(t, chatOf(bob), mapped[0].New)
	list, _, err := r.store.Chats().List(t.Context(), store.ChatQuery{Session: "shop", Search: bob.Number(), Page: store.Page{Limit: 9}})
	require.NoError(t, err)
	require.Len(t, list, 1, "it is found by the number now")
}

// TestTwoRecordsOfOnePerson has one who is known by number, and one who is known by LID, turn out
// to be the same: one chat, and no copy of what either has.
func TestTwoRecordsOfOnePerson(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	at := time.Now().Add(-time.Hour)
	receive := func(id, text string) bool {
		known, err := s.Receive(t.Context(), whatsapp.Inbound{ID: id, Chat: bob.Number(), Text: text, Type: "text", Timestamp: at})
		require.NoError(t, err)
		return known
	}
	require.False(t, receive("OLD1", "by number"))
	require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{
		To: p.Number(), Plain: saying(t, "by lid"), Attrs: map[string]any{"from": jid(t, bob.LID()), "sender_pn": nil, "id": "LID1"},
	}))
	r.texts("shop", bob.LID(), 1)
	require.Len(t, r.chats(), 2)
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "by both"})
	require.NoError(t, err)
	require.Equal(t, []string{"text by number", "text by lid", "text by both"}, r.texts("shop", bob.LID(), 3))
	chats := r.chats()
	require.Len(t, chats, 1)
	require.Equal(t, 3, chats[0].Unread)
	require.Equal(t, "by both", chats[0].LastMessage.Text)
	byPhone, ok := r.contact(chatOf(bob))
	require.True(t, ok)
	byLID, _ := r.contact(bob.LID())
	require.Equal(t, byPhone, byLID)
	require.Len(t, byPhone.Also, 1)
	require.True(t, receive("OLD1", "a copy under the other key"))
	require.True(t, receive("LID1", "a copy under the other key"))
	require.Len(t, r.texts("shop", bob.LID(), 3), 3)
	require.Equal(t, 3, r.chats()[0].Unread)
}

// TestNobodyTakesAnothersNumber has a stanza pair a known number, and the account's own, with
// somebody else: neither is believed.
func TestNobodyTakesAnothersNumber(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob, eve := phone(t), phone(t)
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "it is me"})
	require.NoError(t, err)
	r.texts("shop", bob.LID(), 1)
	for _, claimed := range []string{chatOf(bob), chatOf(p), p.LID()} {
		require.NoError(t, eve.Forge(t.Context(), sandbox.Forgery{
			To: p.Number(), Plain: saying(t, "as "+claimed), Attrs: map[string]any{"from": jid(t, eve.LID()), "sender_pn": jid(t, claimed)},
		}))
	}
	require.Equal(t, []string{"text as " + chatOf(bob), "text as " + chatOf(p), "text as " + p.LID()}, r.texts("shop", eve.LID(), 3))
	require.Equal(t, []string{"text it is me"}, r.texts("shop", chatOf(bob), 1))
	require.Eventually(t, func() bool { // WhatsApp was asked
		list, err := r.store.Tasks().List(t.Context(), "shop", "identity", 9)
		require.NoError(t, err)
		return len(list) == 0
	}, 30*time.Second, 5*time.Millisecond)
	who, _ := r.contact(chatOf(bob))
	require.Equal(t, bob.LID(), who.LID)
	me, ok := r.contact(chatOf(p))
	require.True(t, ok)
	require.Equal(t, p.LID(), me.LID)
	stranger, _ := r.contact(eve.LID())
	require.NotEqual(t, me.ID, stranger.ID)
	require.NotEqual(t, who.ID, stranger.ID)
	require.Len(t, r.chats(), 2)
	require.Equal(t, jid(t, p.LID()), s.Hidden(t.Context(), chatOf(p)), "the client does not believe it either")
}

// TestARecycledNumber has a number that was somebody's belong to somebody else, as WhatsApp itself
// says: the number goes, the chats stay apart.
func TestARecycledNumber(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	before, now := phone(t), phone(t)
	require.NoError(t, before.Forge(t.Context(), sandbox.Forgery{
		To: p.Number(), Plain: saying(t, "mine so far"), Attrs: map[string]any{"from": jid(t, before.LID()), "sender_pn": jid(t, chatOf(now))},
	}))
	require.Equal(t, []string{"text mine so far"}, r.texts("shop", chatOf(now), 1))
	_, err := now.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "now mine"})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		c, ok := r.contact(chatOf(now))
		return ok && c.LID == now.LID()
	}, 30*time.Second, 5*time.Millisecond)
	require.Equal(t, []string{"text now mine"}, r.texts("shop", chatOf(now), 1))
	require.Equal(t, []string{"text mine so far"}, r.texts("shop", before.LID(), 1))
	was, _ := r.contact(before.LID())
	require.Equal(t, before.LID(), was.Address())
	require.Len(t, r.chats(), 2)
}
