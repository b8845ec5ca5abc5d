package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"whatsapp-api/store"
)

func anAPIKey(id, owner string) store.APIKey {
	return store.APIKey{
		ID: id, OwnerID: owner, Name: "Name of " + id + " ñ", Prefix: "wak_" + id, Hash: []byte("hash of " + id), Scopes: []string{"messages:send"},
		Sessions: []string{"shop", "other"}, Addresses: []string{"10.0.0.0/8"}, ExpiresAt: at(50), LastUsedAt: time.Time{}, CreatedAt: at(0),
	}
}

var apiKeyCases = []testCase{
	{"create, get and by hash", func(k *kit) {
		keys := k.st.APIKeys()
		_, err := keys.Get(k.ctx, "k")
		k.ErrorIs(err, store.ErrNotFound)
		_, err = keys.ByHash(k.ctx, []byte("hash of k"))
		k.ErrorIs(err, store.ErrNotFound)
		bare := store.APIKey{ID: "bare", OwnerID: "u", Hash: []byte{0, 255}, Scopes: []string{"*"}, CreatedAt: at(1)}
		for _, one := range []store.APIKey{anAPIKey("k", "u"), bare} {
			k.NoError(keys.Create(k.ctx, one))
			got, err := keys.Get(k.ctx, one.ID)
			k.NoError(err)
			k.Equal(one, got)
			got, err = keys.ByHash(k.ctx, one.Hash)
			k.NoError(err)
			k.Equal(one, got)
		}
		k.ErrorIs(keys.Create(k.ctx, anAPIKey("k", "other")), store.ErrExists)
		same := anAPIKey("k2", "u")
		same.Hash = []byte("hash of k")
		k.ErrorIs(keys.Create(k.ctx, same), store.ErrExists)
	}},
	{"list", func(k *kit) {
		keys := k.st.APIKeys()
		for i := range 5 {
			k.NoError(keys.Create(k.ctx, anAPIKey(fmt.Sprint("k", i), fmt.Sprint("u", i%2))))
		}
		ids := func(owner string, limit int) (all []string) {
			for cursor := ""; ; {
				list, next, err := keys.List(k.ctx, owner, store.Page{Cursor: cursor, Limit: limit})
				k.NoError(err)
				for _, one := range list {
					all = append(all, one.ID)
				}
				if cursor = next; next == "" {
					return all
				}
			}
		}
		k.Equal([]string{"k0", "k1", "k2", "k3", "k4"}, ids("", 2))
		k.Equal([]string{"k1", "k3"}, ids("u1", 1))
		_, _, err := keys.List(k.ctx, "", store.Page{Cursor: "?", Limit: 1})
		k.ErrorIs(err, store.ErrCursor)
	}},
	{"update beside use", func(k *kit) {
		keys := k.st.APIKeys()
		k.NoError(keys.Create(k.ctx, anAPIKey("k", "u")))
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				_, err := keys.Update(k.ctx, "k", func(one *store.APIKey) error {
					one.Scopes = append(one.Scopes, fmt.Sprint(i))
					one.LastUsedAt = at(0)
					return nil
				})
				k.NoError(err)
				k.NoError(keys.Used(k.ctx, map[string]time.Time{"k": at(i), "none": at(i)}))
			})
		}
		wg.Wait()
		got, err := keys.Get(k.ctx, "k")
		k.NoError(err)
		k.Len(got.Scopes, 21)
		k.Equal(at(19), got.LastUsedAt)
		failed := errors.New("no")
		_, err = keys.Update(k.ctx, "k", func(*store.APIKey) error { return failed })
		k.ErrorIs(err, failed)
		_, err = keys.Update(k.ctx, "none", func(*store.APIKey) error { return nil })
		k.ErrorIs(err, store.ErrNotFound)
		k.NoError(keys.Create(k.ctx, anAPIKey("k2", "u")))
		_, err = keys.Update(k.ctx, "k2", func(one *store.APIKey) error {
			one.Hash = []byte("hash of k")
			return nil
		})
		k.ErrorIs(err, store.ErrExists)
	}},
	{"delete", func(k *kit) {
		keys := k.st.APIKeys()
		k.ErrorIs(keys.Delete(k.ctx, "k1"), store.ErrNotFound)
		for _, id := range []string{"k1", "k2", "k3"} {
			k.NoError(keys.Create(k.ctx, anAPIKey(id, "u")))
		}
		k.NoError(keys.Create(k.ctx, anAPIKey("k4", "other")))
		k.NoError(keys.Delete(k.ctx, "k1"))
		k.NoError(keys.DeleteOf(k.ctx, "u"))
		list, _, err := keys.List(k.ctx, "", store.Page{Limit: 10})
		k.NoError(err)
		k.Len(list, 1)
	}},
}

var auditCases = []testCase{
	{"append, list and delete", func(k *kit) {
		var all []store.AuditEntry
		for i := range 10 {
			all = append(all, store.AuditEntry{
				ID: fmt.Sprintf("a%02d", i), At: at(i), UserID: fmt.Sprint("u", i%2), KeyID: "k", Action: "POST /x", Target: "t\x00ñ",
				Address: "127.0.0.1", Status: 200 + i, RequestID: "r",
			})
		}
		k.NoError(k.st.Audit().Append(k.ctx, nil))
		k.NoError(k.st.Audit().Append(k.ctx, all[:6]))
		k.NoError(k.st.Audit().Append(k.ctx, all[4:]), "what is there already is left alone")
		list := func(q store.AuditQuery, limit int) (got []store.AuditEntry) {
			q.Page.Limit = limit
			for {
				page, next, err := k.st.Audit().List(k.ctx, q)
				k.NoError(err)
				got = append(got, page...)
				if q.Page.Cursor = next; next == "" {
					return got
				}
			}
		}
		got := list(store.AuditQuery{}, 3)
		k.Len(got, 10)
		k.Equal(all[9], got[0])
		k.Equal(all[0], got[9])
		k.Len(list(store.AuditQuery{UserID: "u1"}, 2), 5)
		k.Len(list(store.AuditQuery{After: at(2), Before: at(6)}, 2), 3)
		n, err := k.st.Audit().DeleteBefore(k.ctx, at(4))
		k.NoError(err)
		k.Equal(4, n)
		k.Len(list(store.AuditQuery{}, 100), 6)
	}},
}
