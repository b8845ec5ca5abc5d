package storetest

import (
	"whatsapp-api/store"
)

var leaseCases = []testCase{
	{"a session is acquired once, and given back", func(k *kit) {
		for _, id := range []string{"a", "b"} {
			k.NoError(k.st.Sessions().Create(k.ctx, store.Session{ID: id}))
		}
		k.Equal([]string{"a", "b"}, k.free())
		lost := func() { k.Error(nil, "nobody has taken it") }
		k.NoError(k.st.Leases().Acquire(k.ctx, "a", lost))
		k.NoError(k.st.Leases().Acquire(k.ctx, "a", lost))
		k.Equal([]string{"b"}, k.free())
		mine, _, err := k.st.Leases().Owner(k.ctx, "a")
		k.NoError(err)
		k.True(mine)
		k.NoError(k.st.Leases().Release(k.ctx, "a"))
		k.NoError(k.st.Leases().Release(k.ctx, "a"))
		k.Equal([]string{"a", "b"}, k.free())
	}},
	{"what commits is the owner, and is still to acquire it", func(k *kit) {
		k.NoError(k.st.Sessions().Create(k.ctx, store.Session{ID: "a"}))
		_, err := k.st.Log().Commit(k.ctx, store.Unit{Session: "a", Events: []store.Event{{ID: "1"}}})
		k.NoError(err)
		mine, _, err := k.st.Leases().Owner(k.ctx, "a")
		k.NoError(err)
		k.True(mine)
		k.Equal([]string{"a"}, k.free())
		k.NoError(k.st.Leases().Acquire(k.ctx, "a", nil))
		k.Empty(k.free())
	}},
	{"what was committed is there for the next owner", func(k *kit) {
		k.NoError(k.st.Sessions().Create(k.ctx, store.Session{ID: "a"}))
		k.NoError(k.st.Leases().Acquire(k.ctx, "a", nil))
		_, err := k.st.Log().Commit(k.ctx, store.Unit{Session: "a", Events: []store.Event{{ID: "1"}}})
		k.NoError(err)
		k.reopen()
		k.Equal([]string{"a"}, k.free())
		k.NoError(k.st.Leases().Acquire(k.ctx, "a", nil))
		kept, err := k.st.Log().Commit(k.ctx, store.Unit{Session: "a", Events: []store.Event{{ID: "2"}}})
		k.NoError(err)
		k.Equal(int64(2), kept.LastSeq)
	}},
	{"of own sessions there is nothing to ask others", func(k *kit) {
		k.NoError(k.st.Sessions().Create(k.ctx, store.Session{ID: "a"}))
		k.NoError(k.st.Leases().Acquire(k.ctx, "a", nil))
		others, err := k.st.Leases().Others(k.ctx, []string{"a"})
		k.NoError(err)
		k.Empty(others)
		others, err = k.st.Leases().Others(k.ctx, nil)
		k.NoError(err)
		k.Empty(others)
	}},
	{"a session that is not there has no owner", func(k *kit) {
		k.ErrorIs(k.st.Leases().Acquire(k.ctx, "nobody", nil), store.ErrNotFound)
		_, _, err := k.st.Leases().Owner(k.ctx, "nobody")
		k.ErrorIs(err, store.ErrNotFound)
		k.NoError(k.st.Leases().Release(k.ctx, "nobody"))
		k.NoError(k.st.Sessions().Create(k.ctx, store.Session{ID: "a"}))
		k.NoError(k.st.Leases().Acquire(k.ctx, "a", nil))
		k.NoError(k.st.Sessions().Delete(k.ctx, "a"))
		k.Empty(k.free())
		k.NoError(k.st.Sessions().Create(k.ctx, store.Session{ID: "a"}))
		k.Equal([]string{"a"}, k.free(), "one of the same name is another")
	}},
}

// free lists the sessions that could be acquired.
func (k *kit) free() []string {
	list, err := k.st.Leases().Free(k.ctx)
	k.NoError(err)
	return list
}
