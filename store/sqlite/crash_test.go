package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"whatsapp-api/store"
)

// childPath names the file that a child of TestKilled writes to until it is killed.
const childPath = "SQLITE_TEST_CHILD"

// writeForEver commits from several goroutines and says on its output what was kept.
func writeForEver(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, Config{Path: path})
	if err != nil {
		return err
	}
	var g errgroup.Group
	for session := range 4 {
		id := fmt.Sprint(session)
		_ = s.Sessions().Create(ctx, store.Session{ID: id}) // there already in the second round
		_, newest, err := s.Log().Bounds(ctx, id)
		if err != nil {
			return err
		}
		g.Go(func() error {
			for n := newest + 1; ; n++ {
				if err := writeOne(ctx, s, id, n); err != nil {
					return err
				}
				fmt.Printf("%s %d\n", id, n)
			}
		})
	}
	return g.Wait()
}

func writeOne(ctx context.Context, s *Store, session string, n int64) error {
	name := strconv.FormatInt(n, 10)
	kept, err := s.Log().Commit(ctx, store.Unit{
		Session: session, Events: []store.Event{{ID: name}}, Chats: []store.ChatUpdate{{ID: "c", AddUnread: 1}},
		Messages: []store.Message{{MessageKey: store.MessageKey{Chat: "c", ID: name}, Text: "word " + name}},
		Keys:     []store.KeyChange{{Table: "t", Key: name, Value: make([]byte, 500)}},
	})
	if err == nil && kept.LastSeq != n {
		err = fmt.Errorf("seq %d for event %d", kept.LastSeq, n)
	}
	return err
}

// TestKilled kills a process in the middle of its writes, again and again: all that it
// was told to be kept is there, whole and once.
func TestKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	acked := map[string]int64{}
	for range 4 {
		killedAfter(t, path, 150, acked)
		s := openAt(t, path)
		intact(t, s)
		for session, n := range acked {
			_, newest, err := s.Log().Bounds(t.Context(), session)
			require.NoError(t, err)
			require.GreaterOrEqual(t, newest, n)
			events, err := s.Log().After(t.Context(), session, 0, 1_000_000)
			require.NoError(t, err)
			require.Len(t, events, int(newest))
			chat, err := s.Chats().Get(t.Context(), session, "c")
			require.NoError(t, err)
			require.Equal(t, int(newest), chat.Unread)
			keys, err := s.Devices().List(t.Context(), session, "t", "", "", 1_000_000)
			require.NoError(t, err)
			require.Len(t, keys, int(newest))
			found, _, err := s.Messages().List(t.Context(), store.MessageQuery{
				Session: session, Chats: []string{"c"}, Search: "wor", Page: store.Page{Limit: 1_000_000},
			})
			require.NoError(t, err)
			require.Len(t, found, int(newest))
		}
		require.NoError(t, s.Close())
	}
}

// killedAfter runs a child until it has said so many lines, kills it, and notes the newest
// number of each session.
func killedAfter(t *testing.T, path string, lines int, acked map[string]int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childPath+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	scanner := bufio.NewScanner(out)
	for i := 0; scanner.Scan(); i++ {
		session, number, _ := strings.Cut(scanner.Text(), " ")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			break // cut off by the kill
		}
		acked[session] = max(acked[session], n)
		if i == lines {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait(), "it was killed")
	require.NotEmpty(t, acked)
}
