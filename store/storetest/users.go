package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"whatsapp-api/store"
)

func aUser(id string) store.User {
	return store.User{
		ID: id, Email: id + "@example.org", Name: "Name of " + id, Role: store.RoleUser, Active: true,
		PasswordHash: "$argon2id$x", CreatedAt: at(0), UpdatedAt: at(1),
	}
}

func anAdmin(id string) store.User {
	u := aUser(id)
	u.Role = store.RoleAdmin
	return u
}

var userCases = []testCase{
	{"missing", func(k *kit) {
		_, err := k.st.Users().Get(k.ctx, "none")
		k.ErrorIs(err, store.ErrNotFound)
		_, err = k.st.Users().ByEmail(k.ctx, "none@example.org")
		k.ErrorIs(err, store.ErrNotFound)
		_, err = k.st.Users().Update(k.ctx, "none", func(*store.User) error { return nil })
		k.ErrorIs(err, store.ErrNotFound)
		k.ErrorIs(k.st.Users().Delete(k.ctx, "none"), store.ErrNotFound)
		list, next, err := k.st.Users().List(k.ctx, store.Page{Limit: 10})
		k.NoError(err)
		k.Empty(list)
		k.Empty(next)
	}},
	{"comes back as it was", func(k *kit) {
		u := aUser("u")
		u.CreatedAt = time.Date(2026, 1, 2, 3, 4, 5, 6_789_123, time.FixedZone("x", 3600))
		k.NoError(k.st.Users().Create(k.ctx, u))
		got, err := k.st.Users().Get(k.ctx, "u")
		k.NoError(err)
		u.CreatedAt = time.Date(2026, 1, 2, 2, 4, 5, 6_000_000, time.UTC)
		k.Equal(u, got, "times come back in UTC, to the millisecond")
		k.True(got.LastLoginAt.IsZero())
		byEmail, err := k.st.Users().ByEmail(k.ctx, u.Email)
		k.NoError(err)
		k.Equal(u, byEmail)
	}},
	{"strange strings", func(k *kit) {
		for i, s := range strange {
			u := aUser(fmt.Sprint(i, s))
			u.Name, u.PasswordHash = s, s
			k.NoError(k.st.Users().Create(k.ctx, u))
			got, err := k.st.Users().Get(k.ctx, u.ID)
			k.NoError(err)
			k.Equal(u, got)
		}
		list := pages(k, 2, func(p store.Page) ([]store.User, string, error) { return k.st.Users().List(k.ctx, p) })
		k.Len(list, len(strange))
	}},
	{"taken id and email", func(k *kit) {
		k.NoError(k.st.Users().Create(k.ctx, aUser("a")))
		k.NoError(k.st.Users().Create(k.ctx, aUser("b")))
		same := aUser("a")
		same.Email = "other@example.org"
		k.ErrorIs(k.st.Users().Create(k.ctx, same), store.ErrExists)
		other := aUser("c")
		other.Email = "a@example.org"
		k.ErrorIs(k.st.Users().Create(k.ctx, other), store.ErrExists)
		_, err := k.st.Users().Update(k.ctx, "b", func(u *store.User) error {
			u.Email, u.Name = "a@example.org", "changed"
			return nil
		})
		k.ErrorIs(err, store.ErrExists)
		b, err := k.st.Users().Get(k.ctx, "b")
		k.NoError(err)
		k.Equal(aUser("b"), b, "nothing of it was kept")
		k.NoError(k.st.Users().Delete(k.ctx, "a"))
		k.NoError(k.st.Users().Create(k.ctx, aUser("a")), "a deleted email is free again")
	}},
	{"update", func(k *kit) {
		k.NoError(k.st.Users().Create(k.ctx, aUser("u")))
		got, err := k.st.Users().Update(k.ctx, "u", func(u *store.User) error {
			u.ID, u.Name, u.Email, u.LastLoginAt = "ignored", "new", "new@example.org", at(9).Add(time.Microsecond)
			return nil
		})
		k.NoError(err)
		want := aUser("u")
		want.Name, want.Email, want.LastLoginAt = "new", "new@example.org", at(9)
		k.Equal(want, got)
		again, err := k.st.Users().Get(k.ctx, "u")
		k.NoError(err)
		k.Equal(want, again)
		_, err = k.st.Users().ByEmail(k.ctx, "u@example.org")
		k.ErrorIs(err, store.ErrNotFound)
	}},
	{"update that fails keeps nothing", func(k *kit) {
		k.NoError(k.st.Users().Create(k.ctx, aUser("u")))
		own := errors.New("own")
		_, err := k.st.Users().Update(k.ctx, "u", func(u *store.User) error {
			u.Name = "new"
			return own
		})
		k.ErrorIs(err, own)
		got, err := k.st.Users().Get(k.ctx, "u")
		k.NoError(err)
		k.Equal(aUser("u"), got)
	}},
	{"update that panics harms nobody", func(k *kit) {
		k.NoError(k.st.Users().Create(k.ctx, aUser("u")))
		k.Panics(func() {
			_, _ = k.st.Users().Update(k.ctx, "u", func(*store.User) error { panic("own") })
		})
		_, err := k.st.Users().Update(k.ctx, "u", func(*store.User) error { return nil })
		k.NoError(err)
	}},
	{"no update is lost", func(k *kit) {
		u := aUser("u")
		u.Name = ""
		k.NoError(k.st.Users().Create(k.ctx, u))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 5 {
					_, err := k.st.Users().Update(k.ctx, "u", func(u *store.User) error { u.Name += "x"; return nil })
					k.NoError(err)
				}
			})
		}
		wg.Wait()
		got, err := k.st.Users().Get(k.ctx, "u")
		k.NoError(err)
		k.Len(got.Name, 40)
	}},
	{"list", func(k *kit) {
		want := []string{"A", "B", "a", "aa", "b", "z", "é", "日"} // bytes in order
		for i := range want {
			k.NoError(k.st.Users().Create(k.ctx, aUser(want[(i*3)%len(want)])))
		}
		for limit := 1; limit <= len(want)+1; limit++ {
			var got []string
			for _, u := range pages(k, limit, func(p store.Page) ([]store.User, string, error) { return k.st.Users().List(k.ctx, p) }) {
				got = append(got, u.ID)
			}
			k.Equal(want, got)
		}
		refuses(k, func(p store.Page) ([]store.User, string, error) { return k.st.Users().List(k.ctx, p) })
	}},
	{"delete takes the tokens", func(k *kit) {
		k.NoError(k.st.Users().Create(k.ctx, aUser("u")))
		k.NoError(k.st.Tokens().Create(k.ctx, aToken("t1", "u")))
		k.NoError(k.st.Tokens().Create(k.ctx, aToken("t2", "other")))
		k.NoError(k.st.Users().Delete(k.ctx, "u"))
		_, err := k.st.Tokens().Get(k.ctx, "t1")
		k.ErrorIs(err, store.ErrNotFound)
		_, err = k.st.Tokens().Get(k.ctx, "t2")
		k.NoError(err)
	}},
}

var adminCases = []testCase{
	{"count", func(k *kit) {
		count := func() int {
			n, err := k.st.Users().CountActiveAdmins(k.ctx)
			k.NoError(err)
			return n
		}
		k.Equal(0, count())
		k.NoError(k.st.Users().Create(k.ctx, anAdmin("a")))
		k.NoError(k.st.Users().Create(k.ctx, aUser("u")))
		asleep := anAdmin("b")
		asleep.Active = false
		k.NoError(k.st.Users().Create(k.ctx, asleep))
		k.Equal(1, count())
	}},
	{"the last one stays", func(k *kit) {
		k.NoError(k.st.Users().Create(k.ctx, anAdmin("a")))
		k.NoError(k.st.Users().Create(k.ctx, aUser("u")))
		demote := func(u *store.User) error { u.Role = store.RoleUser; return nil }
		disable := func(u *store.User) error { u.Active = false; return nil }
		_, err := k.st.Users().Update(k.ctx, "a", demote)
		k.ErrorIs(err, store.ErrLastAdmin)
		_, err = k.st.Users().Update(k.ctx, "a", disable)
		k.ErrorIs(err, store.ErrLastAdmin)
		k.ErrorIs(k.st.Users().Delete(k.ctx, "a"), store.ErrLastAdmin)
		got, err := k.st.Users().Get(k.ctx, "a")
		k.NoError(err)
		k.Equal(anAdmin("a"), got)
		_, err = k.st.Users().Update(k.ctx, "a", func(u *store.User) error { u.Name = "renamed"; return nil })
		k.NoError(err, "other changes are free")
		_, err = k.st.Users().Update(k.ctx, "u", func(u *store.User) error { u.Role = store.RoleAdmin; return nil })
		k.NoError(err)
		_, err = k.st.Users().Update(k.ctx, "a", disable)
		k.NoError(err, "there is another now")
		k.NoError(k.st.Users().Delete(k.ctx, "a"))
		k.ErrorIs(k.st.Users().Delete(k.ctx, "u"), store.ErrLastAdmin)
	}},
	{"a user who is no admin may always go", func(k *kit) {
		k.NoError(k.st.Users().Create(k.ctx, aUser("u")))
		_, err := k.st.Users().Update(k.ctx, "u", func(u *store.User) error { u.Active = false; return nil })
		k.NoError(err)
		k.NoError(k.st.Users().Delete(k.ctx, "u"))
	}},
	{"racing", func(k *kit) {
		const n = 6
		for i := range n {
			k.NoError(k.st.Users().Create(k.ctx, anAdmin(fmt.Sprint(i))))
		}
		var wg sync.WaitGroup
		var refused atomic.Int32
		for i := range n {
			wg.Go(func() {
				err := k.st.Users().Delete(k.ctx, fmt.Sprint(i))
				if i%2 == 0 {
					_, err = k.st.Users().Update(k.ctx, fmt.Sprint(i), func(u *store.User) error { u.Active = false; return nil })
				}
				if errors.Is(err, store.ErrLastAdmin) {
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		left, err := k.st.Users().CountActiveAdmins(k.ctx)
		k.NoError(err)
		k.Equal(1, left, "all went but one")
		k.Positive(refused.Load())
	}},
}
