package storetest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"whatsapp-api/store"
)

func aCall(key, holder string) store.IdempotentCall {
	return store.IdempotentCall{
		Key: key, BodyHash: []byte("hash"), Holder: holder, MessageID: "m-" + holder, CreatedAt: at(0), ExpiresAt: at(100),
	}
}

var idempotencyCases = []testCase{
	{"begin, finish, begin again", func(k *kit) {
		c := aCall("k\x00é", "h")
		got, fresh, err := k.st.Idempotency().Begin(k.ctx, c)
		k.NoError(err)
		k.True(fresh)
		k.Equal(c, got)
		got, fresh, err = k.st.Idempotency().Begin(k.ctx, c)
		k.NoError(err)
		k.False(fresh, "it is running in this process")
		k.Equal(c, got)
		k.NoError(k.st.Idempotency().Finish(k.ctx, c.Key, 201, []byte(`{"a":1}`)))
		c.Done, c.Status, c.Body = true, 201, []byte(`{"a":1}`)
		got, fresh, err = k.st.Idempotency().Begin(k.ctx, aCall(c.Key, "other"))
		k.NoError(err)
		k.False(fresh)
		k.Equal(c, got)
		k.ErrorIs(k.st.Idempotency().Finish(k.ctx, "none", 200, nil), store.ErrNotFound)
	}},
	{"another process takes over", func(k *kit) {
		_, _, err := k.st.Idempotency().Begin(k.ctx, aCall("k", "dead"))
		k.NoError(err)
		other := aCall("k", "alive")
		other.BodyHash = []byte("another")
		got, fresh, err := k.st.Idempotency().Begin(k.ctx, other)
		k.NoError(err)
		k.False(fresh, "not with another body")
		k.Equal(aCall("k", "dead"), got)
		got, fresh, err = k.st.Idempotency().Begin(k.ctx, aCall("k", "alive"))
		k.NoError(err)
		k.True(fresh)
		want := aCall("k", "dead")
		want.Holder = "alive"
		k.Equal(want, got, "the message id stays")
		_, fresh, err = k.st.Idempotency().Begin(k.ctx, aCall("k", "alive"))
		k.NoError(err)
		k.False(fresh)
	}},
	{"expired is as if it were not there", func(k *kit) {
		_, _, err := k.st.Idempotency().Begin(k.ctx, aCall("k", "h"))
		k.NoError(err)
		k.NoError(k.st.Idempotency().Finish(k.ctx, "k", 200, []byte("x")))
		later := aCall("k", "h2")
		later.CreatedAt, later.ExpiresAt, later.BodyHash = at(100), at(200), []byte("other")
		got, fresh, err := k.st.Idempotency().Begin(k.ctx, later)
		k.NoError(err)
		k.True(fresh)
		k.Equal(later, got)
	}},
	{"release", func(k *kit) {
		_, _, err := k.st.Idempotency().Begin(k.ctx, aCall("k", "h"))
		k.NoError(err)
		k.NoError(k.st.Idempotency().Release(k.ctx, "k"))
		k.NoError(k.st.Idempotency().Release(k.ctx, "k"))
		_, fresh, err := k.st.Idempotency().Begin(k.ctx, aCall("k", "h"))
		k.NoError(err)
		k.True(fresh)
	}},
	{"delete expired", func(k *kit) {
		for i := range 4 {
			c := aCall(fmt.Sprint(i), "h")
			c.ExpiresAt = at(10 + i)
			_, _, err := k.st.Idempotency().Begin(k.ctx, c)
			k.NoError(err)
		}
		n, err := k.st.Idempotency().DeleteExpired(k.ctx, at(12))
		k.NoError(err)
		k.Equal(3, n)
		_, fresh, err := k.st.Idempotency().Begin(k.ctx, aCall("3", "h"))
		k.NoError(err)
		k.False(fresh)
	}},
	{"one of many wins", func(k *kit) {
		key := strings.Repeat("k", 512)
		for round, taken := range []bool{false, true} { // a new call, then one to take over
			if taken {
				key += "2"
				_, _, err := k.st.Idempotency().Begin(k.ctx, aCall(key, "dead"))
				k.NoError(err)
			}
			var wg sync.WaitGroup
			var won atomic.Int32
			for range 8 {
				wg.Go(func() {
					_, fresh, err := k.st.Idempotency().Begin(k.ctx, aCall(key, "alive"))
					k.NoError(err)
					if fresh {
						won.Add(1)
					}
				})
			}
			wg.Wait()
			k.Equal(int32(1), won.Load(), "round %d", round)
		}
	}},
	{"nil and empty", func(k *kit) {
		c := aCall("k", "h")
		c.BodyHash, c.Body = []byte{}, nil
		got, _, err := k.st.Idempotency().Begin(k.ctx, c)
		k.NoError(err)
		c.BodyHash = nil // where nothing tells them apart, empty comes back as nil
		k.Equal(c, got)
		k.NoError(k.st.Idempotency().Finish(k.ctx, "k", 204, []byte{}))
		got, _, err = k.st.Idempotency().Begin(k.ctx, c)
		k.NoError(err)
		c.Done, c.Status = true, 204
		k.Equal(c, got)
	}},
}

var secretCases = []testCase{
	{"made once", func(k *kit) {
		got, err := k.st.Secrets().GetOrCreate(k.ctx, "jwt", []byte{0, 1, 2})
		k.NoError(err)
		k.Equal([]byte{0, 1, 2}, got)
		got, err = k.st.Secrets().GetOrCreate(k.ctx, "jwt", []byte("other"))
		k.NoError(err)
		k.Equal([]byte{0, 1, 2}, got)
		got, err = k.st.Secrets().GetOrCreate(k.ctx, "other", []byte("other"))
		k.NoError(err)
		k.Equal([]byte("other"), got)
		k.reopen()
		got, err = k.st.Secrets().GetOrCreate(k.ctx, "jwt", []byte("third"))
		k.NoError(err)
		k.Equal([]byte{0, 1, 2}, got)
	}},
	{"the same for all who race", func(k *kit) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		seen := map[string]bool{}
		for i := range 12 {
			wg.Go(func() {
				got, err := k.st.Secrets().GetOrCreate(k.ctx, "jwt", []byte(fmt.Sprint("secret", i)))
				k.NoError(err)
				mu.Lock()
				seen[string(got)] = true
				mu.Unlock()
			})
		}
		wg.Wait()
		k.Len(seen, 1)
	}},
}
