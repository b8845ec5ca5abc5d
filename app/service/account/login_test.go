package account

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"
	"golang.org/x/sync/errgroup"

	"whatsapp-api/app/service"
	"whatsapp-api/store/sqlite"
)

const annsEmail, annsPassword = "ann@example.com", "a long password"

// loginOfAnn is the rules of logging in, with one user.
func loginOfAnn(t *testing.T) *Login {
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	tokens := NewTokens(st.Tokens(), st.Users(), []byte(strings.Repeat("k", 32)), time.Hour)
	accounts := NewAccounts(st.Users(), tokens, zaptest.NewLogger(t))
	_, err = accounts.Create(t.Context(), NewUser{Email: annsEmail, Name: "Ann", Password: annsPassword})
	require.NoError(t, err)
	return NewLogin(accounts)
}

// TestGoodLoginsAreNotCounted logs in more often than anybody may fail, one after the other and all at once.
func TestGoodLoginsAreNotCounted(t *testing.T) {
	t.Parallel()
	l := loginOfAnn(t)
	for range addressTries + 5 {
		_, err := l.Do(t.Context(), annsEmail, annsPassword, "192.0.2.1")
		require.NoError(t, err)
	}
	var all errgroup.Group
	for range addressTries + 5 {
		all.Go(func() error {
			_, err := l.Do(t.Context(), annsEmail, annsPassword, "192.0.2.2")
			return err
		})
	}
	require.NoError(t, all.Wait())
}

// TestStrangersDoNotLockOut fails in another's name as often as one may, and more.
func TestStrangersDoNotLockOut(t *testing.T) {
	t.Parallel()
	l := loginOfAnn(t)
	const home = "2001:db8:1:2::9"
	_, err := l.Do(t.Context(), annsEmail, annsPassword, home)
	require.NoError(t, err)
	var many service.TooMany
	failsUntilRefused := func(address func(i int) string) (tries int) {
		for ; tries < 50; tries++ {
			_, err := l.Do(t.Context(), annsEmail, "a wrong password", address(tries))
			if errors.As(err, &many) {
				require.Positive(t, many.After)
				return tries
			}
			require.ErrorIs(t, err, ErrWrongLogin)
		}
		return tries
	}
	require.Equal(t, pairTries, failsUntilRefused(func(int) string { return "203.0.113.1" }))
	require.Equal(t, pairTries, failsUntilRefused(func(i int) string { return fmt.Sprintf("2001:db8:9:9::%x", i) }), "a customer's addresses of IPv6 are one")
	_, err = l.Do(t.Context(), annsEmail, annsPassword, "198.51.100.1")
	require.NoError(t, err, "one stranger, or two, lock nobody out")

	l.byAccount = newFailures(30, time.Hour)
	require.Equal(t, 30, failsUntilRefused(func(i int) string { return fmt.Sprintf("203.0.113.%d", i+2) }), "many addresses together have a limit too")
	_, err = l.Do(t.Context(), annsEmail, annsPassword, "198.51.100.2")
	require.ErrorAs(t, err, &many)
	_, err = l.Do(t.Context(), annsEmail, annsPassword, "2001:db8:1:2::77")
	require.NoError(t, err, "from where she logged in lately she gets in")
	require.Equal(t, pairTries, failsUntilRefused(func(int) string { return home }), "but nobody guesses on from there")
	_, err = l.Do(t.Context(), annsEmail, annsPassword, home)
	require.ErrorAs(t, err, &many)
}

// TestFailures looks at how failures are counted, come back and wait for those that are under way.
func TestFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFailures(2, time.Minute)
		begin := func() func(bool) {
			end, err := f.begin(t.Context(), "key")
			require.NoError(t, err)
			return end
		}
		one, two := begin(), begin()
		waits := make(chan func(bool))
		go func() { waits <- begin() }()
		synctest.Wait()
		select {
		case <-waits:
			t.Fatal("more at once than may fail")
		default:
		}
		one(false)
		(<-waits)(true)
		two(true)
		_, err := f.begin(t.Context(), "key")
		require.Equal(t, service.TooMany{After: time.Minute}, err)
		_, err = f.begin(t.Context(), "other")
		require.NoError(t, err)
		time.Sleep(90 * time.Second)
		begin()(true)
		_, err = f.begin(t.Context(), "key")
		require.Equal(t, service.TooMany{After: 30 * time.Second}, err)
		time.Sleep(time.Hour)
		begin()(true)
		begin()(true)
		_, err = f.begin(t.Context(), "key")
		require.Error(t, err, "idle time is not saved up")
	})
}
