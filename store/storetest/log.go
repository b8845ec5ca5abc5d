package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"whatsapp-api/store"
)

var logCases = []testCase{
	{"no such session", func(k *kit) {
		_, err := k.st.Log().Commit(k.ctx, store.Unit{Session: "none", Events: []store.Event{event(1)}})
		k.ErrorIs(err, store.ErrNotFound)
		k.ErrorIs(k.st.Log().Recover(k.ctx, "none"), store.ErrNotFound)
		k.session("none")
		kept := k.commit(store.Unit{Session: "none", Events: []store.Event{event(1)}})
		k.Equal(int64(1), kept.LastSeq)
		k.NoError(k.st.Sessions().Delete(k.ctx, "none"))
		_, err = k.st.Log().Commit(k.ctx, store.Unit{Session: "none", Events: []store.Event{event(1)}})
		k.ErrorIs(err, store.ErrNotFound)
		k.ErrorIs(k.st.Log().Recover(k.ctx, "none"), store.ErrNotFound)
	}},
	{"an empty unit", func(k *kit) {
		k.session("s")
		k.Zero(k.commit(store.Unit{Session: "s"}).LastSeq)
		k.commit(store.Unit{Session: "s", Events: []store.Event{event(1)}})
		kept := k.commit(store.Unit{Session: "s"})
		k.Equal(int64(1), kept.LastSeq)
		k.Empty(kept.Events)
		k.Empty(kept.Pos)
	}},
	{"all of a unit is seen", func(k *kit) {
		k.session("s")
		m := text("c", "p", "m", at(1), "hello")
		kept := k.commit(store.Unit{
			Session: "s", Keys: []store.KeyChange{{Table: "t", Key: "k", Value: []byte("v")}},
			Contacts: []store.ContactUpdate{{ID: "p", Phone: "phone"}}, Chats: []store.ChatUpdate{{ID: "c", AddUnread: 1}},
			Messages: []store.Message{m}, Receipts: []store.Receipt{{Key: m.MessageKey, By: "x", Status: store.StatusRead}},
			State: &store.SessionUpdate{State: ptr("online")}, Events: []store.Event{event(1), event(2)},
		})
		k.Equal(int64(2), kept.LastSeq)
		k.Equal(kept.Pos[0], k.message("s", m.MessageKey).Pos)
		k.Equal("p", k.contact("s", "phone").ID)
		k.Equal(1, k.chat("s", "c").Unread)
		s, err := k.st.Sessions().Get(k.ctx, "s")
		k.NoError(err)
		k.Equal("online", s.State)
		k.Equal(int64(2), s.LastSeq)
		receipts, err := k.st.Messages().Receipts(k.ctx, "s", m.MessageKey)
		k.NoError(err)
		k.Len(receipts, 1)
		keys, err := k.st.Devices().Get(k.ctx, "s", "t", []string{"k"})
		k.NoError(err)
		k.Equal([]byte("v"), keys["k"])
		events, err := k.st.Log().After(k.ctx, "s", 0, 10)
		k.NoError(err)
		k.Equal(kept.Events, events)
	}},
	{"known already, and nothing is kept", func(k *kit) {
		k.session("s")
		m := text("c", "p", "m", at(1), "first")
		k.putMessages("s", m)
		again := m
		again.Text = "second"
		u := store.Unit{
			Session: "s", ForgetKeys: true, Keys: []store.KeyChange{{Table: "t", Key: "k", Value: []byte("v")}},
			Contacts: []store.ContactUpdate{{ID: "p", Phone: "phone"}}, Chats: []store.ChatUpdate{{ID: "c", AddUnread: 1}},
			Messages: []store.Message{text("c", "p", "new", at(2), "new"), again},
			Receipts: []store.Receipt{{Key: m.MessageKey, By: "x", Status: store.StatusRead}},
			Updates:  []store.MessageUpdate{{Key: m.MessageKey, Body: says("updated")}},
			State:    &store.SessionUpdate{State: ptr("online")}, Events: []store.Event{event(1)},
		}
		for range 2 {
			_, err := k.st.Log().Commit(k.ctx, u)
			k.ErrorIs(err, store.ErrExists)
			k.False(errors.Is(err, store.ErrUnavailable))
		}
		k.Equal("first", k.message("s", m.MessageKey).Text)
		_, err := k.st.Messages().Find(k.ctx, "s", []string{"c"}, "new")
		k.ErrorIs(err, store.ErrNotFound)
		_, err = k.st.Chats().Get(k.ctx, "s", "c")
		k.ErrorIs(err, store.ErrNotFound)
		k.nobody("s", "phone")
		keys, err := k.st.Devices().List(k.ctx, "s", "t", "", "", 9)
		k.NoError(err)
		k.Empty(keys)
		s, err := k.st.Sessions().Get(k.ctx, "s")
		k.NoError(err)
		k.Equal(aSession("s"), s)
		k.Empty(k.search("s", "c", "new"))
		twice := store.Unit{Session: "s", Messages: []store.Message{text("c", "p", "t", at(1), ""), text("c", "p", "t", at(2), "")}}
		_, err = k.st.Log().Commit(k.ctx, twice)
		k.ErrorIs(err, store.ErrExists, "twice in one unit")
		_, err = k.st.Messages().Find(k.ctx, "s", []string{"c"}, "t")
		k.ErrorIs(err, store.ErrNotFound)
	}},
	{"one of many tries is kept", func(k *kit) {
		k.session("s")
		var wg sync.WaitGroup
		var mu sync.Mutex
		good := 0
		for range 8 {
			wg.Go(func() {
				_, err := k.st.Log().Commit(k.ctx, store.Unit{
					Session: "s", Messages: []store.Message{text("c", "p", "m", at(1), "")}, Events: []store.Event{event(1)},
				})
				if err == nil {
					mu.Lock()
					good++
					mu.Unlock()
					return
				}
				k.ErrorIs(err, store.ErrExists)
			})
		}
		wg.Wait()
		k.Equal(1, good)
		events, err := k.st.Log().After(k.ctx, "s", 0, 10)
		k.NoError(err)
		k.Len(events, 1)
	}},
	{"no gaps and no doubles from many at once", func(k *kit) {
		const sessions, writers, units = 3, 8, 15
		var wg sync.WaitGroup
		for s := range sessions {
			session := k.session(fmt.Sprint("s", s))
			for w := range writers {
				wg.Go(func() {
					var last int64
					for i := range units {
						n := rand.IntN(3)
						u := store.Unit{
							Session: session, Messages: []store.Message{text("c", "p", fmt.Sprint(w, "-", i), at(i), "hello")},
							Chats: []store.ChatUpdate{{ID: "c", AddUnread: 1}},
							Keys:  []store.KeyChange{{Table: "t", Key: fmt.Sprint(w), Value: []byte(fmt.Sprint(i))}},
						}
						for range n {
							u.Events = append(u.Events, event(i))
						}
						kept := k.commit(u)
						k.Len(kept.Events, n)
						for _, e := range kept.Events {
							k.Greater(e.Seq, last)
							last = e.Seq
						}
						got, err := k.st.Messages().Get(k.ctx, session, u.Messages[0].MessageKey)
						k.NoError(err, "every reader sees it")
						k.Equal(kept.Pos[0], got.Pos)
					}
				})
			}
		}
		wg.Wait()
		for s := range sessions {
			session := fmt.Sprint("s", s)
			events, err := k.st.Log().After(k.ctx, session, 0, 10_000)
			k.NoError(err)
			for i, e := range events {
				k.Equal(int64(i+1), e.Seq)
			}
			_, newest, err := k.st.Log().Bounds(k.ctx, session)
			k.NoError(err)
			k.Equal(int64(len(events)), newest)
			k.Equal(writers*units, k.chat(session, "c").Unread)
			list := k.messageIDs(store.MessageQuery{Session: session, Chats: []string{"c"}}, 500)
			k.Len(list, writers*units)
		}
	}},
	{"in the order of the calls", func(k *kit) {
		k.session("s")
		for i := range 30 {
			k.commit(store.Unit{Session: "s", Events: []store.Event{event(i)}})
		}
		events, err := k.st.Log().After(k.ctx, "s", 0, 100)
		k.NoError(err)
		for i, e := range events {
			k.Equal(fmt.Sprint("event-", i), e.ID)
		}
	}},
	{"recover", func(k *kit) {
		k.session("s")
		k.fill("s", 5)
		for range 3 {
			k.NoError(k.st.Log().Recover(k.ctx, "s"))
			k.full("s", 5)
		}
		k.reopen()
		for range 2 {
			k.NoError(k.st.Log().Recover(k.ctx, "s"))
			k.full("s", 5)
			k.Equal(1, k.chat("s", "0").Unread, "nothing is applied twice")
		}
		k.reopen()
		kept := k.commit(store.Unit{Session: "s", Events: []store.Event{event(9)}})
		k.Equal(int64(6), kept.LastSeq, "also without Recover")
	}},
	{"what was given is not changed", func(k *kit) {
		k.session("s")
		m := everything("s")
		m.RevokedAt = at(9)
		u := store.Unit{Session: "s", Messages: []store.Message{m}, Events: []store.Event{event(1)}}
		k.commit(u)
		k.Equal(m, u.Messages[0])
		k.Equal(event(1), u.Events[0])
	}},
}
