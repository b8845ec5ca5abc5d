package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"whatsapp-api/store"
)

var sessionCases = []testCase{
	{"missing", func(k *kit) {
		_, err := k.st.Sessions().Get(k.ctx, "none")
		k.ErrorIs(err, store.ErrNotFound)
		_, err = k.st.Sessions().Update(k.ctx, "none", func(*store.Session) error { return nil })
		k.ErrorIs(err, store.ErrNotFound)
		k.ErrorIs(k.st.Sessions().Delete(k.ctx, "none"), store.ErrNotFound)
	}},
	{"comes back as it was", func(k *kit) {
		s := aSession("s")
		s.Reason, s.Since, s.Phone, s.LID, s.PushName = "r", at(3), "+34600", "1@lid", "Ann"
		s.Settings = map[string]string{}
		for _, v := range strange[:len(strange)-1] { // names and values of settings are texts
			s.Settings["name "+v] = v
		}
		s.LastSeq = 77
		k.NoError(k.st.Sessions().Create(k.ctx, s))
		got, err := k.st.Sessions().Get(k.ctx, "s")
		k.NoError(err)
		s.LastSeq = 0
		k.Equal(s, got)
		k.ErrorIs(k.st.Sessions().Create(k.ctx, aSession("s")), store.ErrExists)
	}},
	{"count", func(k *kit) {
		for i := range 5 {
			s := aSession(fmt.Sprint("s", i))
			s.OwnerID = fmt.Sprint("owner", i%2)
			k.NoError(k.st.Sessions().Create(k.ctx, s))
		}
		k.NoError(k.st.Sessions().Delete(k.ctx, "s0"))
		for owner, want := range map[string]int{"owner0": 2, "owner1": 2, "owner2": 0, "": 0} {
			n, err := k.st.Sessions().Count(k.ctx, owner)
			k.NoError(err)
			k.Equal(want, n, owner)
		}
	}},
	{"states of all", func(k *kit) {
		states, err := k.st.Sessions().States(k.ctx)
		k.NoError(err)
		k.Empty(states)
		want := map[string]string{}
		for i, state := range []string{"created", "connected", "", "connected"} {
			s := aSession(fmt.Sprint("s", i))
			s.State, s.OwnerID = state, fmt.Sprint("owner", i)
			k.NoError(k.st.Sessions().Create(k.ctx, s))
			want[s.ID] = state
		}
		_, err = k.st.Sessions().Update(k.ctx, "s0", func(s *store.Session) error {
			s.State = "stopped"
			return nil
		})
		k.NoError(err)
		k.NoError(k.st.Sessions().Delete(k.ctx, "s1"))
		want["s0"] = "stopped"
		delete(want, "s1")
		states, err = k.st.Sessions().States(k.ctx)
		k.NoError(err)
		k.Equal(want, states)
	}},
	{"settings, nil and empty", func(k *kit) {
		a, b := aSession("a"), aSession("b")
		b.Settings = map[string]string{}
		k.NoError(k.st.Sessions().Create(k.ctx, a))
		k.NoError(k.st.Sessions().Create(k.ctx, b))
		for _, id := range []string{"a", "b"} {
			got, err := k.st.Sessions().Get(k.ctx, id)
			k.NoError(err)
			k.Empty(got.Settings)
			got, err = k.st.Sessions().Update(k.ctx, id, func(s *store.Session) error {
				s.Settings = map[string]string{"x": ""}
				return nil
			})
			k.NoError(err)
			k.Equal(map[string]string{"x": ""}, got.Settings)
		}
	}},
	{"list", func(k *kit) {
		for i := range 9 {
			s := aSession(fmt.Sprint("s", (i*4)%9))
			s.OwnerID = fmt.Sprint("owner", i%2)
			k.NoError(k.st.Sessions().Create(k.ctx, s))
		}
		list := func(owner string, limit int) (names []string) {
			for _, s := range pages(k, limit, func(p store.Page) ([]store.Session, string, error) {
				return k.st.Sessions().List(k.ctx, owner, p)
			}) {
				names = append(names, s.ID)
			}
			return names
		}
		for limit := 1; limit < 11; limit++ {
			k.Equal(strings.Fields("s0 s1 s2 s3 s4 s5 s6 s7 s8"), list("", limit))
			k.Equal(strings.Fields("s1 s2 s3 s4"), list("owner1", limit))
		}
		k.Len(list("owner0", 2), 5)
		k.Len(list("owner1", 2), 4)
		k.Empty(list("nobody", 2))
		refuses(k, func(p store.Page) ([]store.Session, string, error) { return k.st.Sessions().List(k.ctx, "", p) })
	}},
	{"update", func(k *kit) {
		k.session("s")
		k.commit(store.Unit{Session: "s", Events: []store.Event{event(1), event(2)}})
		got, err := k.st.Sessions().Update(k.ctx, "s", func(s *store.Session) error {
			k.Equal(int64(2), s.LastSeq)
			s.ID, s.LastSeq = "other", 99
			s.Name, s.Desired, s.UpdatedAt = "new", store.DesiredStopped, at(50).Add(time.Nanosecond)
			return nil
		})
		k.NoError(err)
		want := aSession("s")
		want.Name, want.Desired, want.UpdatedAt, want.LastSeq = "new", store.DesiredStopped, at(50), 2
		k.Equal(want, got)
		got, err = k.st.Sessions().Get(k.ctx, "s")
		k.NoError(err)
		k.Equal(want, got)
		own := errors.New("own")
		_, err = k.st.Sessions().Update(k.ctx, "s", func(s *store.Session) error { s.Name = "no"; return own })
		k.ErrorIs(err, own)
		got, err = k.st.Sessions().Get(k.ctx, "s")
		k.NoError(err)
		k.Equal("new", got.Name)
	}},
	{"state comes with a unit", func(k *kit) {
		k.session("s")
		k.commit(store.Unit{Session: "s", State: &store.SessionUpdate{State: ptr("online"), Since: ptr(at(7)), Phone: ptr("+34")}})
		k.commit(store.Unit{Session: "s", State: &store.SessionUpdate{Reason: ptr("why"), LID: ptr("1@lid"), PushName: ptr("Ann")}})
		want := aSession("s")
		want.State, want.Since, want.Phone, want.Reason, want.LID, want.PushName = "online", at(7), "+34", "why", "1@lid", "Ann"
		got, err := k.st.Sessions().Get(k.ctx, "s")
		k.NoError(err)
		k.Equal(want, got)
		k.commit(store.Unit{Session: "s", State: &store.SessionUpdate{Phone: ptr(""), Since: ptr(time.Time{})}})
		got, err = k.st.Sessions().Get(k.ctx, "s")
		k.NoError(err)
		k.Empty(got.Phone, "empty is a value")
		k.True(got.Since.IsZero())
	}},
	{"units and updates at once, none lost", func(k *kit) {
		k.session("s")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 10 {
					_, err := k.st.Sessions().Update(k.ctx, "s", func(s *store.Session) error { s.Name += "x"; return nil })
					k.NoError(err)
				}
			})
		}
		wg.Go(func() {
			for i := range 40 {
				k.commit(store.Unit{
					Session: "s", Events: []store.Event{event(i)},
					State: &store.SessionUpdate{Reason: ptr(fmt.Sprint(i)), Since: ptr(at(i))},
				})
			}
		})
		wg.Wait()
		got, err := k.st.Sessions().Get(k.ctx, "s")
		k.NoError(err)
		k.Equal(aSession("s").Name+strings.Repeat("x", 40), got.Name)
		k.Equal("39", got.Reason)
		k.Equal(at(39), got.Since)
		k.Equal(int64(40), got.LastSeq)
	}},
	{"delete leaves nothing, and others alone", func(k *kit) {
		for _, id := range []string{"a", "ab", "a\x00", "b"} {
			k.session(id)
			k.fill(id, 30)
		}
		k.NoError(k.st.Sessions().Delete(k.ctx, "a"))
		k.ErrorIs(k.st.Sessions().Delete(k.ctx, "a"), store.ErrNotFound)
		k.empty("a")
		for _, id := range []string{"ab", "a\x00", "b"} {
			k.full(id, 30)
		}
		k.session("a")
		k.empty("a", "also when the id is used again")
		k.fill("a", 3)
		k.full("a", 3)
		k.reopen()
		k.full("a", 3)
		k.full("b", 30)
	}},
	{"delete while units come", func(k *kit) {
		k.session("s")
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 200 {
					id := fmt.Sprint(g, "-", i)
					_, err := k.st.Log().Commit(k.ctx, store.Unit{
						Session: "s", Messages: []store.Message{text("c", "p", id, at(i), "hello")}, Events: []store.Event{event(i)},
					})
					if err != nil {
						k.ErrorIs(err, store.ErrNotFound)
						return
					}
					if g == 0 && i == 5 {
						k.NoError(k.st.Sessions().Delete(k.ctx, "s"))
					}
				}
			})
		}
		wg.Wait()
		k.empty("s")
		k.session("s")
		k.empty("s")
		kept := k.commit(store.Unit{Session: "s", Events: []store.Event{event(1)}})
		k.Equal(int64(1), kept.LastSeq)
	}},
}

// fill puts n of everything into a session.
func (k *kit) fill(session string, n int) {
	k.Helper()
	for i := range n {
		id := fmt.Sprint(i)
		k.commit(store.Unit{
			Session:  session,
			Keys:     []store.KeyChange{{Table: "t", Key: id, Value: []byte(session + id)}},
			Contacts: []store.ContactUpdate{{ID: id, Phone: "phone" + id, Name: session}},
			Chats:    []store.ChatUpdate{{ID: id, Kind: store.ChatPerson, Name: session, ActivityAt: at(i), AddUnread: 1}},
			Messages: []store.Message{text("chat", "sender", id, at(i), "word "+id)},
			Receipts: []store.Receipt{{Key: store.MessageKey{Chat: "chat", Sender: "sender", ID: id}, By: "x", Status: store.StatusRead, At: at(i)}},
			Events:   []store.Event{event(i)},
		})
	}
}

// full asserts that what fill put there is there, and nothing else.
func (k *kit) full(session string, n int) {
	k.Helper()
	k.holds(session, n)
	events, err := k.st.Log().After(k.ctx, session, 0, 1000)
	k.NoError(err)
	k.Len(events, n)
	s, err := k.st.Sessions().Get(k.ctx, session)
	k.NoError(err)
	k.Equal(int64(n), s.LastSeq)
}

// empty asserts that a session has nothing. It need not be there.
func (k *kit) empty(session string, why ...any) {
	k.Helper()
	k.holds(session, 0, why...)
	events, err := k.st.Log().After(k.ctx, session, 0, 1000)
	if err != nil {
		k.ErrorIs(err, store.ErrNotFound)
	}
	k.Empty(events)
}

func (k *kit) holds(session string, n int, why ...any) {
	k.Helper()
	chats, _, err := k.st.Chats().List(k.ctx, store.ChatQuery{Session: session, Page: store.Page{Limit: 1000}})
	k.NoError(err)
	k.Len(chats, n, why...)
	contacts, _, err := k.st.Contacts().List(k.ctx, session, store.Page{Limit: 1000})
	k.NoError(err)
	k.Len(contacts, n, why...)
	many, err := k.st.Contacts().Find(k.ctx, session, []string{"phone0"})
	k.NoError(err)
	k.Len(many, min(n, 1), why...)
	messages, _, err := k.st.Messages().List(k.ctx, store.MessageQuery{Session: session, Chats: []string{"chat"}, Page: store.Page{Limit: 1000}})
	k.NoError(err)
	k.Len(messages, n, why...)
	found, _, err := k.st.Messages().List(k.ctx, store.MessageQuery{Session: session, Chats: []string{"chat"}, Search: "word", Page: store.Page{Limit: 1000}})
	k.NoError(err)
	k.Len(found, n, why...)
	count, err := k.st.Messages().Count(k.ctx, session, at(1_000_000))
	k.NoError(err)
	k.Equal(n, count, why...)
	keys, err := k.st.Devices().List(k.ctx, session, "t", "", "", 1000)
	k.NoError(err)
	k.Len(keys, n, why...)
	receipts, err := k.st.Messages().Receipts(k.ctx, session, store.MessageKey{Chat: "chat", Sender: "sender", ID: "0"})
	k.NoError(err)
	k.Len(receipts, min(n, 1), why...)
}
