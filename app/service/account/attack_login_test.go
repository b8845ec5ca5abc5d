package account

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"whatsapp-api/store"
	"whatsapp-api/store/sqlite"
)

// TestEveryLoginHashes shows that no login is answered without the work of a hash, so that the time
// does not tell whether a user exists: while no hash can be made, none of them is answered.
func TestEveryLoginHashes(t *testing.T) {
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	tokens := NewTokens(st.Tokens(), st.Users(), []byte(strings.Repeat("k", 32)), time.Hour)
	accounts := NewAccounts(st.Users(), tokens, zaptest.NewLogger(t))
	for email, inactive := range map[string]bool{"ann@example.com": false, "gone@example.com": true} {
		_, err := accounts.Create(t.Context(), NewUser{Email: email, Name: "A", Password: "a long password", Role: store.RoleUser, Inactive: inactive})
		require.NoError(t, err)
	}
	l := NewLogin(accounts)
	tries := map[string]string{
		"ann@example.com": "a wrong password", "gone@example.com": "a long password", "nobody@example.com": "a long password",
		"": "a long password", "x\x00y@example.com": "x", "long@example.com": strings.Repeat("x", 100_000),
	}
	for range cap(accounts.hasher.slots) {
		accounts.hasher.slots <- struct{}{}
	}
	for email, password := range tries {
		ctx, cancel := context.WithCancel(t.Context())
		accounts.Users = lookedUp{st.Users(), cancel}
		_, err := l.Do(ctx, email, password, "192.0.2."+email)
		require.ErrorIs(t, err, context.Canceled, "%q was answered without a hash", email)
		require.NotErrorIs(t, err, ErrWrongLogin)
	}
	accounts.Users = st.Users()
	for range cap(accounts.hasher.slots) {
		<-accounts.hasher.slots
	}
	for email, password := range tries {
		_, err := l.Do(t.Context(), email, password, "198.51.100."+email)
		require.ErrorIs(t, err, ErrWrongLogin, "%q", email)
	}
}

// lookedUp gives up once the user was looked up: who then waits for a hash is told so at once.
type lookedUp struct {
	store.Users
	giveUp func()
}

func (l lookedUp) ByEmail(ctx context.Context, email string) (store.User, error) {
	defer l.giveUp()
	return l.Users.ByEmail(ctx, email)
}

// TestNobodyCostsAsMuch compares the hash of nobody with that of a new user.
func TestNobodyCostsAsMuch(t *testing.T) {
	made, err := newHasher().hash(t.Context(), "a long password")
	require.NoError(t, err)
	one, none := strings.Split(made, "$"), strings.Split(nobody, "$")
	require.Equal(t, one[:4], none[:4])
	for i := 4; i < 6; i++ {
		require.Len(t, none[i], len(one[i]))
	}
	good, err := newHasher().matches(t.Context(), "", nobody)
	require.NoError(t, err)
	require.False(t, good)
}
