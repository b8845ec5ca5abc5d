package storetest

import (
	"whatsapp-api/store"
)

func aToken(id, user string) store.Token {
	return store.Token{ID: id, UserID: user, CreatedAt: at(0), ExpiresAt: at(100)}
}

var tokenCases = []testCase{
	{"create and get", func(k *kit) {
		_, err := k.st.Tokens().Get(k.ctx, "t")
		k.ErrorIs(err, store.ErrNotFound)
		k.NoError(k.st.Tokens().Create(k.ctx, aToken("t", "u")))
		k.ErrorIs(k.st.Tokens().Create(k.ctx, aToken("t", "other")), store.ErrExists)
		got, err := k.st.Tokens().Get(k.ctx, "t")
		k.NoError(err)
		k.Equal(aToken("t", "u"), got)
	}},
	{"delete", func(k *kit) {
		k.ErrorIs(k.st.Tokens().Delete(k.ctx, "t"), store.ErrNotFound)
		k.NoError(k.st.Tokens().Create(k.ctx, aToken("t", "u")))
		k.NoError(k.st.Tokens().Delete(k.ctx, "t"))
		k.ErrorIs(k.st.Tokens().Delete(k.ctx, "t"), store.ErrNotFound)
	}},
	{"delete of a user", func(k *kit) {
		for _, id := range []string{"1", "2", "3"} {
			k.NoError(k.st.Tokens().Create(k.ctx, aToken(id, "u")))
		}
		k.NoError(k.st.Tokens().Create(k.ctx, aToken("4", "other")))
		k.NoError(k.st.Tokens().DeleteOf(k.ctx, "u", "2"))
		there := func(id string) bool {
			_, err := k.st.Tokens().Get(k.ctx, id)
			return err == nil
		}
		k.Equal([]bool{false, true, false, true}, []bool{there("1"), there("2"), there("3"), there("4")})
		k.NoError(k.st.Tokens().DeleteOf(k.ctx, "u", ""))
		k.False(there("2"))
		k.NoError(k.st.Tokens().DeleteOf(k.ctx, "nobody", ""))
		k.True(there("4"))
	}},
	{"delete expired", func(k *kit) {
		for i, id := range []string{"1", "2", "3"} {
			token := aToken(id, "u")
			token.ExpiresAt = at(10 * i)
			k.NoError(k.st.Tokens().Create(k.ctx, token))
		}
		n, err := k.st.Tokens().DeleteExpired(k.ctx, at(15))
		k.NoError(err)
		k.Equal(2, n)
		n, err = k.st.Tokens().DeleteExpired(k.ctx, at(15))
		k.NoError(err)
		k.Zero(n)
		_, err = k.st.Tokens().Get(k.ctx, "3")
		k.NoError(err)
	}},
}
