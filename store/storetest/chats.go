package storetest

import (
	"fmt"
	"math"
	"time"

	"whatsapp-api/store"
)

func (k *kit) chat(session, id string) store.Chat {
	k.Helper()
	chat, err := k.st.Chats().Get(k.ctx, session, id)
	k.NoError(err)
	return chat
}

// chatIDs walks a list of chats.
func (k *kit) chatIDs(q store.ChatQuery, limit int) []string {
	k.Helper()
	names := []string{}
	for _, c := range pages(k, limit, func(p store.Page) ([]store.Chat, string, error) {
		q.Page = p
		return k.st.Chats().List(k.ctx, q)
	}) {
		names = append(names, c.ID)
	}
	return names
}

func (k *kit) putChats(session string, updates ...store.ChatUpdate) {
	k.Helper()
	k.commit(store.Unit{Session: session, Chats: updates})
}

var chatCases = []testCase{
	{"missing", func(k *kit) {
		_, err := k.st.Chats().Get(k.ctx, "none", "c")
		k.ErrorIs(err, store.ErrNotFound)
		k.session("s")
		_, err = k.st.Chats().Get(k.ctx, "s", "c")
		k.ErrorIs(err, store.ErrNotFound)
		k.Empty(k.chatIDs(store.ChatQuery{Session: "none"}, 5))
		k.Empty(k.chatIDs(store.ChatQuery{Session: "s"}, 5))
	}},
	{"made by the first update", func(k *kit) {
		k.session("s")
		k.putChats("s", store.ChatUpdate{ID: "c", Kind: store.ChatGroup})
		k.Equal(store.Chat{SessionID: "s", ID: "c", Kind: store.ChatGroup}, k.chat("s", "c"))
		k.putChats("s", store.ChatUpdate{
			ID: "d", Kind: store.ChatPerson, Name: "Ann", ActivityAt: at(5).Add(time.Microsecond), AddUnread: 3, ClearRead: true,
			Archived: ptr(true), Pinned: ptr(true), MutedUntil: ptr(at(90)), Ephemeral: ptr(60), EphemeralAt: ptr(at(3)), ReadUpTo: at(4),
		})
		want := store.Chat{
			SessionID: "s", ID: "d", Kind: store.ChatPerson, Name: "Ann", Unread: 3, Archived: true, Pinned: true,
			MutedUntil: at(90), Ephemeral: 60, EphemeralAt: at(3), ReadUpTo: at(4), LastActivityAt: at(5),
		}
		k.Equal(want, k.chat("s", "d"))
	}},
	{"nil and zero leave as is", func(k *kit) {
		k.session("s")
		k.putChats("s", store.ChatUpdate{
			ID: "c", Kind: store.ChatPerson, Name: "Ann", ActivityAt: at(5), AddUnread: 3,
			Archived: ptr(true), Pinned: ptr(true), MutedUntil: ptr(at(90)),
		})
		was := k.chat("s", "c")
		k.putChats("s", store.ChatUpdate{ID: "c"})
		k.Equal(was, k.chat("s", "c"))
		k.putChats("s", store.ChatUpdate{ID: "c", Kind: store.ChatGroup, Name: "Bo", Archived: ptr(false), Pinned: ptr(false), MutedUntil: &time.Time{}})
		want := store.Chat{SessionID: "s", ID: "c", Kind: store.ChatGroup, Name: "Bo", Unread: 3, LastActivityAt: at(5)}
		k.Equal(want, k.chat("s", "c"))
	}},
	{"activity is the later", func(k *kit) {
		k.session("s")
		k.putChats("s", store.ChatUpdate{ID: "c", ActivityAt: at(5)})
		k.putChats("s", store.ChatUpdate{ID: "c", ActivityAt: at(3)})
		k.Equal(at(5), k.chat("s", "c").LastActivityAt)
		k.putChats("s", store.ChatUpdate{ID: "c", ActivityAt: at(7)})
		k.Equal(at(7), k.chat("s", "c").LastActivityAt)
		k.putChats("s", store.ChatUpdate{ID: "old", ActivityAt: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)})
		k.Equal(1969, k.chat("s", "old").LastActivityAt.Year())
	}},
	{"unread", func(k *kit) {
		k.session("s")
		k.putChats("s", store.ChatUpdate{ID: "c", AddUnread: 1}, store.ChatUpdate{ID: "c", AddUnread: 2})
		k.Equal(3, k.chat("s", "c").Unread, "several updates of one chat in one unit")
		k.putChats("s", store.ChatUpdate{ID: "c", ClearRead: true})
		k.Zero(k.chat("s", "c").Unread)
		k.putChats("s", store.ChatUpdate{ID: "c", AddUnread: 5}, store.ChatUpdate{ID: "c", ClearRead: true, AddUnread: 1})
		k.Equal(1, k.chat("s", "c").Unread)
		k.putChats("s", store.ChatUpdate{ID: "c", AddUnread: -3})
		k.Zero(k.chat("s", "c").Unread, "never below zero")
		k.putChats("s", store.ChatUpdate{ID: "new", AddUnread: -3})
		k.Zero(k.chat("s", "new").Unread)
	}},
	{"order and pages", func(k *kit) {
		k.session("s")
		k.session("other")
		k.putChats("other", store.ChatUpdate{ID: "x", ActivityAt: at(99)})
		var want []string
		for i := range 7 { // three chats share each time
			for _, id := range []string{"B", "a", "é"} {
				want = append([]string{}, append(want, fmt.Sprint(id, i))...)
				k.putChats("s", store.ChatUpdate{ID: fmt.Sprint(id, i), Kind: store.ChatPerson, ActivityAt: at(-i)})
			}
		}
		k.putChats("s", store.ChatUpdate{ID: "never"})
		want = append(want, "never")
		for _, limit := range []int{1, 2, 3, 4, 22, 23, 100} {
			k.Equal(want, k.chatIDs(store.ChatQuery{Session: "s"}, limit))
		}
		refuses(k, func(p store.Page) ([]store.Chat, string, error) {
			return k.st.Chats().List(k.ctx, store.ChatQuery{Session: "s", Page: p})
		})
	}},
	{"pages are stable when chats come", func(k *kit) {
		k.session("s")
		for i := range 6 {
			k.putChats("s", store.ChatUpdate{ID: fmt.Sprint("b", i), ActivityAt: at(0)})
		}
		first, next, err := k.st.Chats().List(k.ctx, store.ChatQuery{Session: "s", Page: store.Page{Limit: 3}})
		k.NoError(err)
		k.Len(first, 3)
		k.putChats("s", store.ChatUpdate{ID: "a", ActivityAt: at(0)}, store.ChatUpdate{ID: "new", ActivityAt: at(9)})
		second, next, err := k.st.Chats().List(k.ctx, store.ChatQuery{Session: "s", Page: store.Page{Limit: 10, Cursor: next}})
		k.NoError(err)
		k.Empty(next)
		k.Equal([]string{"b3", "b4", "b5"}, []string{second[0].ID, second[1].ID, second[2].ID})
		k.Len(second, 3)
	}},
	{"filters", func(k *kit) {
		k.session("s")
		k.putChats("s",
			store.ChatUpdate{ID: "1", ActivityAt: at(4), Archived: ptr(true), AddUnread: 2},
			store.ChatUpdate{ID: "2", ActivityAt: at(3), AddUnread: 1},
			store.ChatUpdate{ID: "3", ActivityAt: at(2), Archived: ptr(true)},
			store.ChatUpdate{ID: "4", ActivityAt: at(1)})
		list := func(archived, unread *bool) []string {
			return k.chatIDs(store.ChatQuery{Session: "s", Archived: archived, Unread: unread}, 1)
		}
		k.Equal([]string{"1", "3"}, list(ptr(true), nil))
		k.Equal([]string{"2", "4"}, list(ptr(false), nil))
		k.Equal([]string{"1", "2"}, list(nil, ptr(true)))
		k.Equal([]string{"3", "4"}, list(nil, ptr(false)))
		k.Equal([]string{"1"}, list(ptr(true), ptr(true)))
		k.Equal([]string{"4"}, list(ptr(false), ptr(false)))
	}},
	{"search", func(k *kit) {
		k.session("s")
		k.putChats("s",
			store.ChatUpdate{ID: "34600111@s.whatsapp.net", ActivityAt: at(9), Name: "José Núñez García"},
			store.ChatUpdate{ID: "34600222@s.whatsapp.net", ActivityAt: at(8), Name: "Family 2024 .*"},
			store.ChatUpdate{ID: "9@g.us", ActivityAt: at(7), Name: "Notes 34600"},
			store.ChatUpdate{ID: "10@g.us", ActivityAt: at(6)},
			store.ChatUpdate{ID: "11@g.us", ActivityAt: at(5), Name: "Zoë's 日本語 room"})
		for search, want := range map[string][]string{
			"":             {"34600111@s.whatsapp.net", "34600222@s.whatsapp.net", "9@g.us", "10@g.us", "11@g.us"},
			"jose":         {"34600111@s.whatsapp.net"},
			"NUÑ gar":      {"34600111@s.whatsapp.net"},
			"nun jose":     {"34600111@s.whatsapp.net"},
			"ose":          {},
			"jose family":  {},
			"34600":        {"34600111@s.whatsapp.net", "34600222@s.whatsapp.net", "9@g.us"},
			"+34 600-222":  {"34600222@s.whatsapp.net"},
			"346001112":    {},
			"2024":         {"34600222@s.whatsapp.net"},
			"family 34600": {},
			".*":           {"34600111@s.whatsapp.net", "34600222@s.whatsapp.net", "9@g.us", "10@g.us", "11@g.us"},
			"zoe":          {"11@g.us"},
			"日本":           {"11@g.us"},
			"s r":          {"11@g.us"},
			"1":            {"10@g.us", "11@g.us"},
		} {
			for _, limit := range []int{1, 10} {
				k.Equal(want, k.chatIDs(store.ChatQuery{Session: "s", Search: search}, limit), "search %q", search)
			}
		}
		k.putChats("s", store.ChatUpdate{ID: "9@g.us", Name: "Renamed"})
		k.Empty(k.chatIDs(store.ChatQuery{Session: "s", Search: "notes"}, 10))
		k.Equal([]string{"9@g.us"}, k.chatIDs(store.ChatQuery{Session: "s", Search: "rena"}, 10))
	}},
	{"last message", func(k *kit) {
		k.session("s")
		k.session("other")
		last := func() string {
			list, _, err := k.st.Chats().List(k.ctx, store.ChatQuery{Session: "s", Page: store.Page{Limit: 9}})
			k.NoError(err)
			k.Len(list, 1)
			k.Equal(list[0], k.chat("s", "c"))
			if list[0].LastMessage == nil {
				return ""
			}
			k.Equal("c", list[0].LastMessage.Chat)
			return list[0].LastMessage.ID
		}
		k.putChats("s", store.ChatUpdate{ID: "c"})
		k.commit(store.Unit{Session: "other", Chats: []store.ChatUpdate{{ID: "c"}}, Messages: []store.Message{text("c", "p", "x", at(99), "")}})
		k.Equal("", last())
		k.commit(store.Unit{Session: "s", Messages: []store.Message{text("c", "p", "1", at(5), ""), text("d", "p", "9", at(9), "")}})
		k.Equal("1", last())
		k.commit(store.Unit{Session: "s", Messages: []store.Message{text("c", "p", "0", at(4), "")}})
		k.Equal("1", last(), "an older message came later")
		k.commit(store.Unit{Session: "s", Messages: []store.Message{text("c", "p", "2", at(5), "")}})
		k.Equal("2", last(), "of the same time the one stored later")
		k.commit(store.Unit{Session: "s", Updates: []store.MessageUpdate{{Key: store.MessageKey{Chat: "c", Sender: "p", ID: "0"}, Timestamp: ptr(at(6)), Body: says("new")}}})
		k.Equal("0", last(), "its time was changed")
		k.Equal("new", k.chat("s", "c").LastMessage.Text)
		n, err := k.st.Messages().DeleteBefore(k.ctx, "s", at(6), 100)
		k.NoError(err)
		k.Equal(2, n)
		k.Equal("0", last())
		_, err = k.st.Messages().DeleteBefore(k.ctx, "s", at(7), 100)
		k.NoError(err)
		k.Equal("", last())
	}},
	{"read up to the later", func(k *kit) {
		k.session("s")
		k.putChats("s", store.ChatUpdate{ID: "c", ReadUpTo: at(5)})
		k.putChats("s", store.ChatUpdate{ID: "c", ReadUpTo: at(3)})
		k.Equal(at(5), k.chat("s", "c").ReadUpTo)
	}},
	{"found by the number of its person", func(k *kit) {
		k.session("s")
		k.putChats("s", store.ChatUpdate{ID: "900@lid", Kind: store.ChatPerson, Phone: ptr("34600@s")}, store.ChatUpdate{ID: "900@g.us", Kind: store.ChatGroup})
		k.Equal([]string{"900@lid"}, k.chatIDs(store.ChatQuery{Session: "s", Search: "+34 6"}, 9))
		k.Equal([]string{"900@g.us"}, k.chatIDs(store.ChatQuery{Session: "s", Search: "900"}, 9), "a hidden id is no number")
		k.putChats("s", store.ChatUpdate{ID: "900@lid", Phone: ptr("")})
		k.Empty(k.chatIDs(store.ChatQuery{Session: "s", Search: "346"}, 9))
	}},
	{"two that turn out to be one", func(k *kit) {
		k.session("s")
		k.putChats("s",
			store.ChatUpdate{ID: "a", Kind: store.ChatPerson, ActivityAt: at(2), AddUnread: 1},
			store.ChatUpdate{ID: "b", Kind: store.ChatPerson, ActivityAt: at(4), AddUnread: 2})
		var want []string
		for i := range 6 {
			chat := []string{"a", "b"}[i%2]
			k.putMessages("s", text(chat, "p", fmt.Sprint(i), at(i), "word"))
			want = append([]string{fmt.Sprint(i)}, want...)
		}
		k.putChats("s", store.ChatUpdate{ID: "b", Into: "a"}, store.ChatUpdate{ID: "a", Also: []string{"b"}, AddUnread: 2, ActivityAt: at(4)})
		k.Equal([]string{"a"}, k.chatIDs(store.ChatQuery{Session: "s"}, 9))
		chat := k.chat("s", "a")
		k.Equal([]string{"a", "b"}, chat.Keys())
		k.Equal("5", chat.LastMessage.ID)
		k.Equal(3, chat.Unread)
		for limit := 1; limit < 8; limit++ {
			k.Equal(want, k.messageIDs(store.MessageQuery{Session: "s", Chats: chat.Keys()}, limit))
			k.Equal(want, k.messageIDs(store.MessageQuery{Session: "s", Chats: chat.Keys(), Search: "word"}, limit))
		}
		m, err := k.st.Messages().Find(k.ctx, "s", chat.Keys(), "3")
		k.NoError(err)
		k.Equal("b", m.Chat)
		third := k.message("s", store.MessageKey{Chat: "a", Sender: "p", ID: "2"})
		for pos, want := range map[int64]int{third.Pos: 3, third.Pos - 1: 4, math.MaxInt64: 3} {
			n, err := k.st.Messages().Unread(k.ctx, "s", chat.Keys(), at(2), pos)
			k.NoError(err)
			k.Equal(want, n)
		}
		list, _, err := k.st.Chats().List(k.ctx, store.ChatQuery{Session: "s", Page: store.Page{Limit: 3}})
		k.NoError(err)
		k.Equal("5", list[0].LastMessage.ID)
	}},
	{"strange ids and names", func(k *kit) {
		k.session("s")
		for i, s := range strange {
			k.putChats("s", store.ChatUpdate{ID: "id" + s, Kind: store.ChatGroup, Name: s, ActivityAt: at(i)})
			got := k.chat("s", "id"+s)
			k.Equal("id"+s, got.ID)
			k.Equal(s, got.Name)
		}
		k.Len(k.chatIDs(store.ChatQuery{Session: "s"}, 2), len(strange))
	}},
	{"deleted", func(k *kit) {
		k.session("s")
		k.putChats("s", store.ChatUpdate{ID: "c", Kind: store.ChatGroup, Name: "Friends", ActivityAt: at(1), AddUnread: 3, Pinned: ptr(true)}, store.ChatUpdate{ID: "d", ActivityAt: at(2)})
		k.putMessages("s", text("c", "p", "1", at(1), "stays"))
		k.putChats("s", store.ChatUpdate{ID: "c", Gone: true}, store.ChatUpdate{ID: "never", Gone: true})
		_, err := k.st.Chats().Get(k.ctx, "s", "c")
		k.ErrorIs(err, store.ErrNotFound)
		list, _, err := k.st.Chats().List(k.ctx, store.ChatQuery{Session: "s", Page: store.Page{Limit: 9}})
		k.NoError(err)
		k.Len(list, 1)
		k.putChats("s", store.ChatUpdate{ID: "c", Kind: store.ChatGroup, ActivityAt: at(5), AddUnread: 1}, store.ChatUpdate{ID: "d", AddUnread: 1},
			store.ChatUpdate{ID: "d", Gone: true}, store.ChatUpdate{ID: "d", Name: "again"})
		c, err := k.st.Chats().Get(k.ctx, "s", "c")
		k.NoError(err)
		k.Equal(1, c.Unread)
		k.False(c.Pinned)
		k.Empty(c.Name)
		k.Equal("1", c.LastMessage.ID)
		d, err := k.st.Chats().Get(k.ctx, "s", "d")
		k.NoError(err)
		k.Equal("again", d.Name)
		k.Zero(d.Unread)
	}},
}
