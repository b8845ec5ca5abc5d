package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"whatsapp-api/store"
)

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a folder", "100% #1?")
	path := filepath.Join(dir, "store.db")
	for range 2 {
		s := openAt(t, path)
		require.NoError(t, s.Ping(t.Context()))
		for _, name := range []string{path, path + "-wal", path + "-shm"} {
			info, err := os.Stat(name)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
		}
		info, err := os.Stat(dir)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
		require.NoError(t, s.Close())
	}
}

func TestSettingsOfTheConnections(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	pragma := func(c *conn, name string) (value string) {
		_, err := c.one(func(r *row) { value = r.text() }, "PRAGMA "+name)
		require.NoError(t, err)
		return value
	}
	require.NoError(t, s.w.write(t.Context(), "look", func(c *conn) error {
		for name, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "wal_autocheckpoint": "0", "busy_timeout": "10000",
		} {
			require.Equal(t, want, pragma(c, name), name)
		}
		return nil
	}))
	require.NoError(t, s.r.read(t.Context(), "look", func(c *conn) error {
		require.Equal(t, "1", pragma(c, "query_only"))
		_, err := c.exec(`DELETE FROM users`)
		require.Error(t, err, "a reader cannot write")
		return nil
	}))
}

func TestOtherDatabasesAreRefused(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"PRAGMA user_version = 999":                            "use a newer program",
		"PRAGMA user_version = 0; CREATE TABLE other (x TEXT)": "another program's",
	} {
		path := filepath.Join(t.TempDir(), "store.db")
		c, err := openConn(path)
		require.NoError(t, err)
		require.NoError(t, c.db.Exec(sql))
		require.NoError(t, c.close())
		_, err = Open(t.Context(), Config{Path: path})
		require.ErrorContains(t, err, want)
	}
	path := filepath.Join(t.TempDir(), "store.db")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("not a database ", 100)), 0o600))
	_, err := Open(t.Context(), Config{Path: path})
	require.Error(t, err)
	_, err = Open(t.Context(), Config{})
	require.Error(t, err)
}

func TestMigrationsStepByStep(t *testing.T) {
	t.Parallel()
	c, err := openConn(filepath.Join(t.TempDir(), "store.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, c.close()) }()
	steps := []string{"CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2)"}
	require.NoError(t, migrate(c, steps[:1], zap.NewNop()))
	require.NoError(t, migrate(c, steps, zap.NewNop()))
	require.NoError(t, migrate(c, steps, zap.NewNop()))
	n, _, err := c.number("SELECT sum(x + y) FROM a")
	require.NoError(t, err)
	require.Equal(t, int64(3), n, "each once")
	bad := append(slices.Clone(steps), "CREATE TABLE b (x); SELECT broken")
	require.Error(t, migrate(c, bad, zap.NewNop()))
	n, _, err = c.number("SELECT count(*) FROM sqlite_schema WHERE name = 'b'")
	require.NoError(t, err)
	require.Zero(t, n, "a step is whole or not at all")
}

// TestWordsAreIndexedAnew opens a file of a program that indexed words without their chat.
func TestWordsAreIndexedAnew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	c, err := openConn(path)
	require.NoError(t, err)
	require.NoError(t, migrate(c, migrations[:3], zap.NewNop()))
	require.NoError(t, c.db.Exec(`INSERT INTO sessions VALUES (7, 's', '', '', '', '', '', 0, '', '', '', '', 0, 0, 0, 1, 1, 0);
		INSERT INTO messages VALUES (3, 7, 'c', 'f', 'i', 0, 'text', 'Grüße, Zoë', NULL, 'received', 1, 1, -62135596800000, -62135596800000, 1,
			NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
		INSERT INTO words (rowid, word) VALUES (3, 'zy0123456789abcdef grz0000fcz0000dfe')`))
	require.NoError(t, c.close())
	s := openAt(t, path)
	list, _, err := s.Messages().List(t.Context(), store.MessageQuery{Session: "s", Chats: []string{"c"}, Search: "zo", Page: store.Page{Limit: 2}})
	require.NoError(t, err)
	require.Len(t, list, 1)
	n, err := s.Messages().DeleteBefore(t.Context(), "s", time.UnixMilli(5), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// openAtOnce opens a file that many times at the same moment.
func openAtOnce(t *testing.T, path string, times int) []*Store {
	t.Helper()
	stores, errs := make([]*Store, times), make([]error, times)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() {
			<-start
			stores[i], errs[i] = Open(t.Context(), Config{Path: path, Readers: 1})
		})
	}
	close(start)
	wg.Wait()
	for _, s := range stores {
		if s != nil {
			t.Cleanup(func() { require.NoError(t, s.Close()) })
		}
	}
	require.NoError(t, errors.Join(errs...))
	return stores
}

// TestOpenedAtOnce opens new files from many sides at the same moment: all of them turn the
// file's journal over to WAL, which SQLite's busy timeout does not cover.
func TestOpenedAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		for _, s := range openAtOnce(t, filepath.Join(t.TempDir(), "store.db"), 8) {
			require.NoError(t, s.Close())
		}
	}
}

// TestTwoProcesses writes to one file from two stores at once, as the server and the
// create-admin command do.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	var wg sync.WaitGroup
	stores := openAtOnce(t, path, 3) // also the migrations race
	require.NoError(t, stores[0].Sessions().Create(t.Context(), store.Session{ID: "s"}))
	for p, s := range stores {
		wg.Go(func() {
			for i := range 40 {
				require.NoError(t, s.Users().Create(t.Context(), store.User{ID: fmt.Sprint(p, "-", i), Email: fmt.Sprint(p, "-", i)}))
				_, err := s.Log().Commit(t.Context(), store.Unit{Session: "s", Events: []store.Event{{ID: "x"}}})
				require.NoError(t, err)
			}
		})
	}
	wg.Wait()
	for _, s := range stores {
		events, err := s.Log().After(t.Context(), "s", 0, 1000)
		require.NoError(t, err)
		require.Len(t, events, 120)
		require.Equal(t, int64(120), events[119].Seq)
		users, _, err := s.Users().List(t.Context(), store.Page{Limit: 1000})
		require.NoError(t, err)
		require.Len(t, users, 120)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	limit := func(pages int) {
		require.NoError(t, s.w.write(ctx, "limit", func(c *conn) error {
			_, err := c.exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages))
			return err
		}))
	}
	unit := func(i int) store.Unit {
		return store.Unit{
			Session: "s", Keys: []store.KeyChange{{Table: "t", Key: fmt.Sprint(i), Value: make([]byte, 20_000)}},
			Messages: []store.Message{{MessageKey: store.MessageKey{Chat: "c", ID: fmt.Sprint(i)}, Text: "hello"}},
			Events:   []store.Event{{ID: fmt.Sprint(i)}},
		}
	}
	limit(120)
	kept := 0
	var err error
	for ; err == nil && kept < 1000; kept++ {
		_, err = s.Log().Commit(ctx, unit(kept))
	}
	kept--
	require.ErrorIs(t, err, store.ErrUnavailable)
	check := func(n int) {
		events, err := s.Log().After(ctx, "s", 0, 10_000)
		require.NoError(t, err)
		require.Len(t, events, n)
		count, err := s.Messages().Count(ctx, "s", time.Now())
		require.NoError(t, err)
		require.Equal(t, n, count)
		keys, err := s.Devices().List(ctx, "s", "t", "", "", 10_000)
		require.NoError(t, err)
		require.Len(t, keys, n)
		found, _, err := s.Messages().List(ctx, store.MessageQuery{Session: "s", Chats: []string{"c"}, Search: "hel", Page: store.Page{Limit: 10_000}})
		require.NoError(t, err)
		require.Len(t, found, n)
	}
	check(kept)
	var wg sync.WaitGroup
	for i := range 8 { // in one batch, so that what fails takes others along
		wg.Go(func() {
			_, err := s.Log().Commit(ctx, unit(1000+i))
			require.ErrorIs(t, err, store.ErrUnavailable)
		})
	}
	wg.Wait()
	check(kept)
	limit(1_000_000)
	_, err = s.Log().Commit(ctx, unit(kept))
	require.NoError(t, err)
	check(kept + 1)
	intact(t, s)
}

// intact asserts that file and full-text index are in order.
func intact(t *testing.T, s *Store) {
	t.Helper()
	require.NoError(t, s.w.write(t.Context(), "check", func(c *conn) error {
		if _, err := c.exec(`INSERT INTO words (words) VALUES ('integrity-check')`); err != nil {
			return err
		}
		return c.query(func(r *row) error {
			if got := r.text(); got != "ok" {
				return errors.New(got)
			}
			return nil
		}, `PRAGMA integrity_check`)
	}))
}

// TestFailuresInABatch has writes of one batch fail before and after they changed
// something, and panic: the others are kept, each once.
func TestFailuresInABatch(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	ctx := t.Context()
	own := errors.New("own")
	insert := func(c *conn, name string) error {
		_, err := c.exec(`INSERT INTO secrets (name, value) VALUES (?, x'00')`, name)
		return err
	}
	hold, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // keeps the writer busy until all others are queued
		require.NoError(t, s.w.write(ctx, "hold", func(c *conn) error {
			close(held)
			<-hold
			return nil
		}))
	})
	<-held
	for i := range 20 {
		wg.Go(func() {
			switch name := fmt.Sprint(i); i % 4 {
			case 0:
				require.NoError(t, s.w.write(ctx, "good", func(c *conn) error { return insert(c, name) }))
			case 1:
				require.ErrorIs(t, s.w.write(ctx, "early", func(*conn) error { return own }), own)
			case 2:
				require.ErrorIs(t, s.w.write(ctx, "late", func(c *conn) error { return errors.Join(insert(c, name), own) }), own)
			case 3:
				require.Panics(t, func() {
					_ = s.w.write(ctx, "panic", func(c *conn) error { panic(insert(c, name)) })
				})
			}
		})
	}
	require.Eventually(t, func() bool { return len(s.w.jobs) == 20 }, 10*time.Second, time.Millisecond)
	close(hold)
	wg.Wait()
	require.NoError(t, s.r.read(ctx, "count", func(c *conn) error {
		n, _, err := c.number(`SELECT count(*) FROM secrets`)
		require.Equal(t, int64(5), n)
		return err
	}))
}
