package storetest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

// FuzzLists feeds every list cursors that nobody was given, and texts to search for: it answers
// with a page or with ErrCursor.
func FuzzLists(f *testing.F, st store.Store) {
	for _, key := range []any{"a", 7, []any{1700000000000, "a"}, []any{-1, nil}, []any{"a", 1}, map[string]any{"$ne": 1}, nil} {
		f.Add(store.EncodeCursor(key), "forty-two")
	}
	f.Add("", "\"x\" AND NOT *")
	f.Add("=", "a\x00b\xff")
	require.NoError(f, st.Sessions().Create(f.Context(), aSession("s")))
	_, err := st.Log().Commit(f.Context(), store.Unit{
		Session: "s", Messages: []store.Message{text("c", "c", "M1", at(1), "forty-two")},
		Chats: []store.ChatUpdate{{ID: "c", Kind: store.ChatPerson, Name: "Zoe", ActivityAt: at(1)}}, Contacts: []store.ContactUpdate{{ID: "c"}},
	})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, cursor, search string) {
		for _, p := range []store.Page{{Cursor: cursor, Limit: 2}, {Limit: 2}} {
			for name, list := range map[string]func() error{
				"chats": func() error {
					_, _, err := st.Chats().List(t.Context(), store.ChatQuery{Session: "s", Search: search, Page: p})
					return err
				},
				"messages": func() error {
					_, _, err := st.Messages().List(t.Context(), store.MessageQuery{Session: "s", Chats: []string{"c"}, Search: search, Page: p})
					return err
				},
				"contacts": func() error { _, _, err := st.Contacts().List(t.Context(), "s", p); return err },
				"sessions": func() error { _, _, err := st.Sessions().List(t.Context(), "", p); return err },
				"users":    func() error { _, _, err := st.Users().List(t.Context(), p); return err },
				"api keys": func() error { _, _, err := st.APIKeys().List(t.Context(), "", p); return err },
				"audit":    func() error { _, _, err := st.Audit().List(t.Context(), store.AuditQuery{Page: p}); return err },
				"webhooks": func() error { _, _, err := st.Webhooks().List(t.Context(), store.WebhookQuery{Page: p}); return err },
				"deliveries": func() error {
					_, _, err := st.Deliveries().List(t.Context(), store.DeliveryQuery{Webhook: "w", Page: p})
					return err
				},
			} {
				if err := list(); err != nil && (!errors.Is(err, store.ErrCursor) || p.Cursor == "") {
					t.Fatalf("%s after %q, searching %q: %v", name, p.Cursor, search, err)
				}
			}
		}
	})
}

// FuzzIdempotencyKeys feeds keys, which clients choose: each is one call, whatever it is made of.
func FuzzIdempotencyKeys(f *testing.F, st store.Store) {
	f.Add("a", "b")
	f.Add("a/b", "a\x00b")
	f.Add("\xff", "\xfe")
	f.Add("e\u0301", "é")
	f.Add("$a", "a.b")
	f.Add(" ", "")
	f.Fuzz(func(t *testing.T, one, other string) {
		calls := st.Idempotency()
		if one == other {
			return
		}
		for _, key := range []string{one, other} {
			require.NoError(t, calls.Release(t.Context(), key))
		}
		for _, key := range []string{one, other} {
			_, fresh, err := calls.Begin(t.Context(), aCall(key, "h"))
			require.NoError(t, err)
			require.True(t, fresh, "%q is taken for %q", other, one)
			require.NoError(t, calls.Finish(t.Context(), key, 201, []byte(key)))
		}
		for _, key := range []string{one, other} {
			c, fresh, err := calls.Begin(t.Context(), aCall(key, "h"))
			require.NoError(t, err)
			require.False(t, fresh)
			require.Equal(t, key, c.Key)
			require.True(t, c.Done && bytes.Equal(c.Body, []byte(key)))
		}
	})
}
