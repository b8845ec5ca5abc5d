package storetest

import (
	"fmt"

	"whatsapp-api/store"
)

const (
	lid   = "9@lid"
	phone = "34600@s.whatsapp.net"
)

func (k *kit) merge(session string) store.Kept {
	k.Helper()
	return k.commit(store.Unit{Session: session, Merges: []store.ChatMerge{{From: lid, To: phone, Kind: store.ChatPerson}}})
}

var mergeCases = []testCase{
	{"nothing to merge", func(k *kit) {
		k.session("s")
		k.merge("s")
		_, err := k.st.Chats().Get(k.ctx, "s", phone)
		k.ErrorIs(err, store.ErrNotFound)
		_, err = k.st.Contacts().Find(k.ctx, "s", phone)
		k.ErrorIs(err, store.ErrNotFound)
		k.putChats("s", store.ChatUpdate{ID: phone, Name: "Ann", AddUnread: 2})
		was := k.chat("s", phone)
		k.commit(store.Unit{Session: "s", Merges: []store.ChatMerge{{From: phone, To: phone}, {From: lid, To: phone}}})
		k.Equal(was, k.chat("s", phone), "into itself, and from what is not there")
	}},
	{"into a chat that is new", func(k *kit) {
		k.session("s")
		k.putContacts("s", store.ContactUpdate{ID: lid, LID: lid, PushName: "ann"})
		k.putChats("s", store.ChatUpdate{
			ID: lid, Kind: "odd", Name: "Ann", AddUnread: 2, ActivityAt: at(5), Archived: ptr(true), Pinned: ptr(true), MutedUntil: ptr(at(9)),
		})
		k.putMessages("s", text(lid, lid, "m", at(5), "hello there"))
		k.merge("s")
		_, err := k.st.Chats().Get(k.ctx, "s", lid)
		k.ErrorIs(err, store.ErrNotFound)
		chat := k.chat("s", phone)
		k.Equal("m", chat.LastMessage.ID)
		chat.LastMessage = nil
		k.Equal(store.Chat{
			SessionID: "s", ID: phone, Kind: store.ChatPerson, Name: "Ann", Unread: 2, Archived: true, Pinned: true,
			MutedUntil: at(9), LastActivityAt: at(5),
		}, chat)
		k.Equal(store.Contact{SessionID: "s", ID: phone, LID: lid, PushName: "ann"}, k.contact("s", lid))
		k.Equal([]string{phone}, k.chatIDs(store.ChatQuery{Session: "s", Search: "ann"}, 9))
		k.Empty(k.search("s", lid, "hello"))
		k.Equal([]string{"m"}, k.search("s", phone, "hello"))
	}},
	{"into a chat that is there", func(k *kit) {
		k.session("s")
		k.putContacts("s",
			store.ContactUpdate{ID: lid, LID: lid, PushName: "from", BusinessName: "Biz"},
			store.ContactUpdate{ID: phone, Phone: phone, PushName: "to"})
		k.putChats("s",
			store.ChatUpdate{ID: lid, Kind: store.ChatPerson, Name: "From", AddUnread: 2, ActivityAt: at(5), Pinned: ptr(true), MutedUntil: ptr(at(9))},
			store.ChatUpdate{ID: phone, Kind: store.ChatPerson, AddUnread: 3, ActivityAt: at(4), Archived: ptr(true)})
		k.merge("s")
		k.Equal(store.Chat{
			SessionID: "s", ID: phone, Kind: store.ChatPerson, Name: "From", Unread: 5, Archived: true, MutedUntil: at(9), LastActivityAt: at(5),
		}, k.chat("s", phone), "a flag of To is never lacking")
		want := store.Contact{SessionID: "s", ID: phone, Phone: phone, LID: lid, PushName: "to", BusinessName: "Biz"}
		k.Equal(want, k.contact("s", phone))
		k.Equal(want, k.contact("s", lid))
		contacts, _, err := k.st.Contacts().List(k.ctx, "s", store.Page{Limit: 9})
		k.NoError(err)
		k.Len(contacts, 1)
		was := k.chat("s", phone)
		k.merge("s")
		k.Equal(was, k.chat("s", phone), "once more changes nothing")
	}},
	{"messages and receipts move", func(k *kit) {
		k.session("s")
		k.session("other")
		k.putMessages("other", text(lid, lid, "m", at(0), "other"))
		group := text("g", lid, "m", at(0), "in a group")
		theirs, mine := text(lid, lid, "theirs", at(1), "one"), text(lid, "me", "mine", at(2), "two")
		theirs.Quoted = &store.Quoted{ID: "q", Sender: lid}
		mine.Quoted = &store.Quoted{ID: "q", Sender: "me"}
		mine.FromMe = true
		k.commit(store.Unit{
			Session: "s", Messages: []store.Message{group, theirs, mine, text(phone, phone, "there", at(3), "three")},
			Receipts: []store.Receipt{
				{Key: mine.MessageKey, By: lid, Status: store.StatusRead, At: at(3)},
				{Key: mine.MessageKey, By: "x", Status: store.StatusRead, At: at(4)},
				{Key: theirs.MessageKey, By: "me", Status: store.StatusRead, At: at(4)},
				{Key: group.MessageKey, By: lid, Status: store.StatusRead, At: at(4)},
			},
		})
		k.merge("s")
		k.Equal([]string{"there", "mine", "theirs"}, k.messageIDs(store.MessageQuery{Session: "s", Chat: phone}, 2))
		k.Empty(k.messageIDs(store.MessageQuery{Session: "s", Chat: lid}, 2))
		got := k.message("s", store.MessageKey{Chat: phone, Sender: phone, ID: "theirs"})
		k.Equal(phone, got.Quoted.Sender)
		k.Equal("one", got.Text)
		got = k.message("s", store.MessageKey{Chat: phone, Sender: "me", ID: "mine"})
		k.Equal("me", got.Quoted.Sender)
		k.True(got.FromMe)
		receipts, err := k.st.Messages().Receipts(k.ctx, "s", got.MessageKey)
		k.NoError(err)
		k.Equal([]store.Receipt{
			{Key: got.MessageKey, By: phone, Status: store.StatusRead, At: at(3)},
			{Key: got.MessageKey, By: "x", Status: store.StatusRead, At: at(4)},
		}, receipts)
		receipts, err = k.st.Messages().Receipts(k.ctx, "s", mine.MessageKey)
		k.NoError(err)
		k.Empty(receipts)
		receipts, err = k.st.Messages().Receipts(k.ctx, "s", group.MessageKey)
		k.NoError(err)
		k.Equal(lid, receipts[0].By, "other chats stay as they are")
		k.Equal("in a group", k.message("s", group.MessageKey).Text)
		k.Equal("other", k.message("other", store.MessageKey{Chat: lid, Sender: lid, ID: "m"}).Text)
	}},
	{"the same message in both", func(k *kit) {
		k.session("s")
		k.commit(store.Unit{
			Session: "s",
			Messages: []store.Message{
				text(lid, lid, "m", at(1), "from"), text(phone, phone, "m", at(2), "to"),
				text(lid, "me", "n", at(3), "from"), text(phone, "me", "n", at(4), "to"),
			},
			Receipts: []store.Receipt{
				{Key: store.MessageKey{Chat: lid, Sender: "me", ID: "n"}, By: lid, Status: store.StatusRead, At: at(5)},
				{Key: store.MessageKey{Chat: lid, Sender: "me", ID: "n"}, By: lid, Status: store.StatusDelivered, At: at(5)},
				{Key: store.MessageKey{Chat: phone, Sender: "me", ID: "n"}, By: phone, Status: store.StatusRead, At: at(6)},
			},
		})
		k.merge("s")
		k.Equal([]string{"n", "m"}, k.messageIDs(store.MessageQuery{Session: "s", Chat: phone}, 9))
		k.Equal("to", k.message("s", store.MessageKey{Chat: phone, Sender: phone, ID: "m"}).Text, "what To has stays")
		k.Empty(k.search("s", phone, "from"))
		key := store.MessageKey{Chat: phone, Sender: "me", ID: "n"}
		receipts, err := k.st.Messages().Receipts(k.ctx, "s", key)
		k.NoError(err)
		k.Equal([]store.Receipt{
			{Key: key, By: phone, Status: store.StatusDelivered, At: at(5)}, {Key: key, By: phone, Status: store.StatusRead, At: at(6)},
		}, receipts)
		n, err := k.st.Messages().Count(k.ctx, "s", at(99))
		k.NoError(err)
		k.Equal(2, n)
	}},
	{"the two names of one sender become one", func(k *kit) {
		k.session("s")
		k.putMessages("s", text(lid, lid, "m", at(1), "first"), text(lid, phone, "m", at(2), "second"))
		k.merge("s")
		k.Equal([]string{"m"}, k.messageIDs(store.MessageQuery{Session: "s", Chat: phone}, 9))
		k.Equal("first", k.message("s", store.MessageKey{Chat: phone, Sender: phone, ID: "m"}).Text, "the one stored first")
	}},
	{"first of all in its unit", func(k *kit) {
		k.session("s")
		k.putMessages("s", text(lid, lid, "m", at(1), "one"))
		k.putChats("s", store.ChatUpdate{ID: lid, AddUnread: 4})
		m := text(phone, phone, "n", at(2), "two")
		k.commit(store.Unit{
			Session: "s", Merges: []store.ChatMerge{{From: lid, To: phone, Kind: store.ChatPerson}},
			Contacts: []store.ContactUpdate{{ID: phone, Phone: phone, LID: lid}},
			Chats:    []store.ChatUpdate{{ID: phone, AddUnread: 1}}, Messages: []store.Message{m},
			Updates:  []store.MessageUpdate{{Key: store.MessageKey{Chat: phone, Sender: phone, ID: "m"}, Text: ptr("edited")}},
			Receipts: []store.Receipt{{Key: m.MessageKey, By: "x", Status: store.StatusRead}},
		})
		k.Equal(5, k.chat("s", phone).Unread)
		k.Equal("edited", k.message("s", store.MessageKey{Chat: phone, Sender: phone, ID: "m"}).Text)
		k.Equal(lid, k.contact("s", phone).LID)
	}},
	{"known after the merge", func(k *kit) {
		k.session("s")
		mine := text(lid, "me", "mine", at(1), "one")
		k.commit(store.Unit{
			Session: "s", Messages: []store.Message{text(lid, lid, "m", at(1), "one"), mine},
			Receipts: []store.Receipt{{Key: mine.MessageKey, By: lid, Status: store.StatusRead}},
		})
		merges := []store.ChatMerge{{From: "x@lid", To: lid}, {From: lid, To: phone, Kind: store.ChatPerson}}
		moved := store.MessageKey{Chat: phone, Sender: "me", ID: "mine"}
		for i, u := range []store.Unit{
			{Messages: []store.Message{text(phone, phone, "m", at(2), "again")}},
			{Messages: []store.Message{text(phone, "me", "mine", at(2), "again")}},
			{Receipts: []store.Receipt{{Key: moved, By: phone, Status: store.StatusRead}}},
		} {
			u.Session, u.Merges, u.Events = "s", merges, []store.Event{event(1)}
			_, err := k.st.Log().Commit(k.ctx, u)
			k.ErrorIs(err, store.ErrExists, fmt.Sprint(i))
		}
		k.Equal("one", k.message("s", store.MessageKey{Chat: lid, Sender: lid, ID: "m"}).Text, "the merge was not kept")
		k.commit(store.Unit{
			Session: "s", Merges: merges, Messages: []store.Message{text(lid, lid, "m", at(3), "anew")},
			Receipts: []store.Receipt{{Key: moved, By: lid, Status: store.StatusRead}},
		})
		k.Equal("anew", k.message("s", store.MessageKey{Chat: lid, Sender: lid, ID: "m"}).Text)
		k.Equal("one", k.message("s", store.MessageKey{Chat: phone, Sender: phone, ID: "m"}).Text)
	}},
	{"many messages", func(k *kit) {
		k.session("s")
		u := store.Unit{Session: "s"}
		for i := range 700 {
			u.Messages = append(u.Messages, text(lid, lid, fmt.Sprint(i), at(i), "w"))
		}
		k.commit(u)
		k.merge("s")
		k.Len(k.messageIDs(store.MessageQuery{Session: "s", Chat: phone, Search: "w"}, 300), 700)
		k.Empty(k.messageIDs(store.MessageQuery{Session: "s", Chat: lid}, 300))
	}},
}
