package storetest

import (
	"fmt"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"whatsapp-api/store"
)

// What random units are made of: little, so that they meet.
var (
	people = []string{"a", "b", "c", "me"} // also the chats
	tables = []string{"t", "u"}
	texts  = []string{"apple", "berry", "citrus"}

	addresses = []string{"p1", "p2", "p3", "l1", "l2", "l3"} // phones and LIDs
)

func optional[T any](g *rapid.Generator[T]) *rapid.Generator[*T] { return rapid.Ptr(g, true) }

func pick(t *rapid.T, from []string) string { return rapid.SampledFrom(from).Draw(t, "one of") }

func some[T any](t *rapid.T, what string, most int, one func(*rapid.T) T) []T {
	return rapid.SliceOfN(rapid.Custom(one), 0, most).Draw(t, what)
}

func aTime(t *rapid.T) time.Time { return at(rapid.IntRange(0, 4).Draw(t, "seconds")) }

func aKey(t *rapid.T) store.MessageKey {
	return store.MessageKey{Chat: pick(t, people), Sender: pick(t, people), ID: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "id")}
}

func aMessage(t *rapid.T) store.Message {
	m := store.Message{
		MessageKey: aKey(t), Type: "text", Text: pick(t, append([]string{""}, texts...)), Status: pick(t, statuses), Timestamp: aTime(t),
		StoredAt: aTime(t),
	}
	if rapid.Bool().Draw(t, "quotes") {
		m.Quoted = &store.Quoted{ID: "q", Sender: pick(t, people)}
	}
	if rapid.Bool().Draw(t, "has more") {
		m.Raw, m.Mentions, m.Content = []byte(pick(t, texts)), people[:1], &store.Content{ViewOnce: true}
		m.Envelope, m.Media = &store.Envelope{Chat: pick(t, people)}, &store.Media{Size: 3}
	}
	return m
}

func aTask(t *rapid.T) store.TaskChange {
	return store.TaskChange{Done: rapid.Bool().Draw(t, "done"), Task: store.Task{
		ID: pick(t, people), Kind: pick(t, texts), Payload: []byte(pick(t, texts)), Due: aTime(t), Attempt: rapid.IntRange(0, 2).Draw(t, "attempt"),
	}}
}

func anUpdate(t *rapid.T) store.MessageUpdate {
	u := store.MessageUpdate{
		Key: aKey(t), Status: optional(rapid.SampledFrom(statuses)).Draw(t, "status"),
		Timestamp: optional(rapid.Custom(aTime)).Draw(t, "timestamp"),
		EditedAt:  optional(rapid.Custom(aTime)).Draw(t, "edited"),
	}
	if rapid.IntRange(0, 5).Draw(t, "revokes") == 0 {
		u.RevokedAt = ptr(aTime(t))
	}
	if rapid.Bool().Draw(t, "says something else") {
		b := aMessage(t)
		u.Body = ptr(b.Body())
	}
	if rapid.Bool().Draw(t, "lives") {
		u.Live = &store.Live{Starred: &store.Mark{On: rapid.Bool().Draw(t, "starred")}}
	}
	if rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
		u.Failure = &store.Failure{Code: pick(t, texts), Retryable: rapid.Bool().Draw(t, "retryable")}
	}
	return u
}

func aChatUpdate(t *rapid.T) store.ChatUpdate {
	u := store.ChatUpdate{
		ID: pick(t, people), Kind: pick(t, []string{"", store.ChatPerson, store.ChatGroup}), Name: pick(t, append([]string{""}, texts...)),
		AddUnread: rapid.IntRange(-1, 3).Draw(t, "unread"), ClearRead: rapid.Bool().Draw(t, "clear"),
		Archived: optional(rapid.Bool()).Draw(t, "archived"), Pinned: optional(rapid.Bool()).Draw(t, "pinned"),
		MutedUntil: optional(rapid.Custom(aTime)).Draw(t, "muted"), Ephemeral: optional(rapid.IntRange(0, 2)).Draw(t, "timer"),
		EphemeralAt: optional(rapid.Custom(aTime)).Draw(t, "timer set"),
	}
	switch rapid.IntRange(0, 9).Draw(t, "joined") {
	case 0:
		u.Also = people[:rapid.IntRange(1, 2).Draw(t, "also")]
	case 1:
		u.Into = pick(t, people)
	case 2:
		u.ReadUpTo = aTime(t)
	case 3:
		u.Gone = true
	}
	if rapid.Bool().Draw(t, "active") {
		u.ActivityAt = aTime(t)
	}
	return u
}

func aContactUpdate(t *rapid.T) store.ContactUpdate {
	phones, lids := append([]string{""}, addresses[:3]...), append([]string{""}, addresses[3:]...)
	if rapid.IntRange(0, 5).Draw(t, "joined") == 0 { // "c" stands for "b", never the other way
		return store.ContactUpdate{ID: "b", SameAs: "c"}
	}
	return store.ContactUpdate{
		ID: pick(t, people), Phone: pick(t, phones), LID: pick(t, lids), Name: pick(t, append([]string{""}, texts...)),
		PushName: pick(t, append([]string{""}, texts...)),
	}
}

func aKeyChange(t *rapid.T) store.KeyChange {
	k := store.KeyChange{Table: pick(t, tables), Key: pick(t, people)}
	if rapid.IntRange(0, 2).Draw(t, "sets") > 0 {
		k.Value = []byte(pick(t, append([]string{""}, texts...)))
	}
	return k
}

// RandomUnit makes a unit of a little of everything.
func RandomUnit(t *rapid.T, session string, n int) store.Unit {
	u := store.Unit{
		Session: session, ForgetKeys: rapid.IntRange(0, 9).Draw(t, "forget") == 0,
		Keys: some(t, "keys", 3, aKeyChange), Tasks: some(t, "tasks", 2, aTask), Contacts: some(t, "contacts", 2, aContactUpdate), Chats: some(t, "chats", 3, aChatUpdate),
		Messages: some(t, "messages", 2, aMessage), Updates: some(t, "updates", 2, anUpdate),
		Receipts: some(t, "receipts", 2, func(t *rapid.T) store.Receipt {
			return store.Receipt{Key: aKey(t), By: pick(t, people), Status: pick(t, []string{store.StatusRead, store.StatusPlayed}), At: aTime(t)}
		}),
	}
	if rapid.IntRange(0, 3).Draw(t, "state") == 0 {
		u.State = &store.SessionUpdate{
			State: optional(rapid.SampledFrom(texts)).Draw(t, "state"), Since: optional(rapid.Custom(aTime)).Draw(t, "since"),
			Phone: optional(rapid.SampledFrom(texts)).Draw(t, "phone"),
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "events") {
		u.Events = append(u.Events, event(n))
	}
	return u
}

// RandomSession is a session for a model. Its ids are never the same.
func RandomSession() store.Session {
	return aSession(fmt.Sprintf("model-%d", sessionNumber.Add(1)))
}

var sessionNumber atomic.Int64

var modelCases = []testCase{
	{"random units", func(k *kit) {
		rapid.Check(k.T, func(t *rapid.T) {
			m := NewModel(RandomSession())
			if err := k.st.Sessions().Create(k.ctx, m.Session); err != nil {
				t.Fatal(err)
			}
			for n := range rapid.IntRange(1, 12).Draw(t, "units") {
				u := RandomUnit(t, m.Session.ID, n)
				want := m.Commit(u)
				kept, err := k.st.Log().Commit(k.ctx, u)
				switch {
				case want == nil && err != nil:
					t.Fatalf("unit %d: %v", n, err)
				case want != nil:
					k.ErrorIs(err, want)
				case kept.LastSeq != m.Session.LastSeq:
					t.Fatalf("unit %d: seq %d, not %d", n, kept.LastSeq, m.Session.LastSeq)
				}
			}
			m.Check(k.ctx, t, k.st)
			k.NoError(k.st.Log().Recover(k.ctx, m.Session.ID))
			m.Check(k.ctx, t, k.st)
		})
	}},
}
