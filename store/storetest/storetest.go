// Package storetest holds a back end to the words of package store. Both back ends call
// Run, and no case is left out for either of them: a difference that is found between
// them becomes a case here first, and is cured then.
//
// There is one file per noun. A case gets an empty store of its own and runs beside the
// others. model.go makes units at random and compares what a back end made of them with
// a model in memory.
package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

// Opener opens an empty store. reopen closes the store that is open and opens another
// one on the same data. The opener closes what is left with t.Cleanup.
type Opener func(t *testing.T) (st store.Store, reopen func() store.Store)

// testCase is one promise of the contracts.
type testCase struct {
	name string
	run  func(k *kit)
}

// Run tries every promise on the back end that open opens.
func Run(t *testing.T, open Opener) {
	groups := []struct {
		name  string
		cases []testCase
	}{
		{"store", storeCases},
		{"users", userCases},
		{"admins", adminCases},
		{"tokens", tokenCases},
		{"api keys", apiKeyCases},
		{"audit", auditCases},
		{"sessions", sessionCases},
		{"chats", chatCases},
		{"contacts", contactCases},
		{"messages", messageCases},
		{"updates", updateCases},
		{"search", searchCases},
		{"receipts", receiptCases},
		{"tasks", taskCases},
		{"log", logCases},
		{"events", eventCases},
		{"leases", leaseCases},
		{"duties", dutyCases},
		{"changes", changeCases},
		{"devices", deviceCases},
		{"webhooks", webhookCases},
		{"deliveries", deliveryCases},
		{"files", fileCases},
		{"idempotency", idempotencyCases},
		{"secrets", secretCases},
		{"model", modelCases},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range g.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(newKit(t, open))
				})
			}
		})
	}
}

// kit is what a case works with.
type kit struct {
	*testing.T
	*require.Assertions
	ctx    context.Context
	st     store.Store
	reopen func()
}

func newKit(t *testing.T, open Opener) *kit {
	k := &kit{T: t, Assertions: require.New(t), ctx: t.Context()}
	st, reopen := open(t)
	k.st = st
	k.reopen = func() { k.st = reopen() }
	return k
}

// epoch is the time at which the cases play.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is n seconds after epoch.
func at(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }

func ptr[T any](v T) *T { return &v }

// session makes a session and returns its id.
func (k *kit) session(id string) string {
	k.Helper()
	k.NoError(k.st.Sessions().Create(k.ctx, aSession(id)))
	return id
}

func aSession(id string) store.Session {
	return store.Session{
		ID: id, Name: "name of " + id, OwnerID: "owner", Desired: store.DesiredListening,
		State: "starting", CreatedAt: at(0), UpdatedAt: at(1),
	}
}

// commit keeps a unit that must be good.
func (k *kit) commit(u store.Unit) store.Kept {
	k.Helper()
	kept, err := k.st.Log().Commit(k.ctx, u)
	k.NoError(err)
	return kept
}

// text is a message with a text.
func text(chat, sender, id string, when time.Time, words string) store.Message {
	return store.Message{
		MessageKey: store.MessageKey{Chat: chat, Sender: sender, ID: id},
		Type:       "text", Text: words, Status: store.StatusReceived, Timestamp: when, StoredAt: when,
	}
}

// event is an event with a payload.
func event(n int) store.Event {
	return store.Event{
		ID: fmt.Sprintf("event-%d", n), Name: "new_messages", Timestamp: at(n),
		Data: []byte(fmt.Sprintf(`{"n":%d}`, n)),
	}
}

// ids names the messages of a list by their ids.
func ids(list []store.Message) []string {
	names := []string{}
	for _, m := range list {
		names = append(names, m.ID)
	}
	return names
}

// pages walks a list of pages of the given size to its end.
func pages[T any](k *kit, limit int, list func(store.Page) ([]T, string, error)) []T {
	k.Helper()
	var all []T
	p := store.Page{Limit: limit}
	for range 1000 {
		page, next, err := list(p)
		k.NoError(err)
		k.LessOrEqual(len(page), limit)
		all = append(all, page...)
		if next == "" {
			return all
		}
		k.NotEmpty(page, "a page before the last is not empty")
		p.Cursor = next
	}
	k.Fail("the list does not end")
	return nil
}

// badCursors are cursors that no list may take.
var badCursors = []string{
	"%%%", "not base64!", "bnVsbA", "e30", "WzEs", store.EncodeCursor(nil),
	store.EncodeCursor(true), store.EncodeCursor([]string{"x"}), store.EncodeCursor(map[string]any{}),
}

// refuses asserts that a list takes none of badCursors.
func refuses[T any](k *kit, list func(store.Page) ([]T, string, error)) {
	k.Helper()
	for _, cursor := range badCursors {
		_, _, err := list(store.Page{Cursor: cursor, Limit: 3})
		k.ErrorIs(err, store.ErrCursor, "cursor %q", cursor)
	}
}

// strange are strings that a back end must keep as they are.
var strange = []string{
	"", " ", "a\x00b", "\x00", "\x01\x02\x1f\x7f", "ñandú", "日本語", "👩‍👩‍👧‍👦", "e\u0301 é", "$where", "$set", "a.b.$c",
	"'; DROP TABLE users; --", `"quoted" \ back`, "%_*?[]", "\u202eright to left", "\ufeffbom", "line\nbreak\r\n\ttab",
	"not UTF-8: \xff\xfe\xc3",
}

var storeCases = []testCase{
	{"ping", func(k *kit) {
		k.NoError(k.st.Ping(k.ctx))
		k.NoError(k.st.Ping(k.ctx))
		k.Contains([]string{"sqlite", "mongodb"}, k.st.Name())
	}},
	{"given up before it begins", func(k *kit) {
		ctx, cancel := context.WithCancel(k.ctx)
		cancel()
		k.session("s")
		_, err := k.st.Log().Commit(ctx, store.Unit{Session: "s", Events: []store.Event{event(1)}})
		k.ErrorIs(err, store.ErrUnavailable)
		k.ErrorIs(err, context.Canceled)
		_, err = k.st.Sessions().Get(ctx, "s")
		k.ErrorIs(err, context.Canceled)
		kept := k.commit(store.Unit{Session: "s", Events: []store.Event{event(1)}})
		k.Equal(int64(1), kept.LastSeq, "what was given up was not kept")
	}},
	{"closed twice, and no use after", func(k *kit) {
		k.session("s")
		k.NoError(k.st.Close())
		k.NoError(k.st.Close())
		_, err := k.st.Sessions().Get(k.ctx, "s")
		k.ErrorIs(err, store.ErrUnavailable)
		_, err = k.st.Log().Commit(k.ctx, store.Unit{Session: "s"})
		k.ErrorIs(err, store.ErrUnavailable)
		k.ErrorIs(k.st.Ping(k.ctx), store.ErrUnavailable)
	}},
	{"all is there after it is opened again", func(k *kit) {
		k.session("s")
		k.NoError(k.st.Users().Create(k.ctx, aUser("u")))
		k.commit(store.Unit{
			Session: "s", Messages: []store.Message{text("c", "p", "m", at(1), "hello")},
			Chats: []store.ChatUpdate{{ID: "c", Kind: store.ChatPerson, AddUnread: 1}}, Events: []store.Event{event(1)},
			Keys: []store.KeyChange{{Table: "t", Key: "k", Value: []byte("v")}},
		})
		k.reopen()
		k.NoError(k.st.Log().Recover(k.ctx, "s"))
		s, err := k.st.Sessions().Get(k.ctx, "s")
		k.NoError(err)
		k.Equal(int64(1), s.LastSeq)
		_, err = k.st.Users().Get(k.ctx, "u")
		k.NoError(err)
		chat, err := k.st.Chats().Get(k.ctx, "s", "c")
		k.NoError(err)
		k.Equal(1, chat.Unread)
		k.Equal("hello", chat.LastMessage.Text)
		values, err := k.st.Devices().Get(k.ctx, "s", "t", []string{"k"})
		k.NoError(err)
		k.Equal([]byte("v"), values["k"])
		kept := k.commit(store.Unit{Session: "s", Events: []store.Event{event(2)}})
		k.Equal(int64(2), kept.LastSeq)
	}},
}
