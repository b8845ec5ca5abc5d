package sqlite

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

// TestTheWALKeepsItsSize writes much more than the WAL holds: the WAL comes to its size and
// stays there, and what a crash leaves is whole.
func TestTheWALKeepsItsSize(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	s := openAt(t, path)
	require.NoError(t, s.Sessions().Create(t.Context(), store.Session{ID: "s"}))
	const units = 400
	for i := range units {
		_, err := s.Log().Commit(t.Context(), store.Unit{Session: "s", Keys: []store.KeyChange{
			{Table: "t", Key: fmt.Sprint(i), Value: bytes.Repeat([]byte{byte(i)}, 128<<10)},
		}})
		require.NoError(t, err)
	}
	info, err := os.Stat(path + "-wal")
	require.NoError(t, err)
	require.GreaterOrEqual(t, info.Size(), int64(checkpointBytes))
	require.Less(t, info.Size(), int64(checkpointBytes+1<<20))

	left := filepath.Join(t.TempDir(), "store.db")
	for _, name := range []string{"", "-wal"} { // as after a crash; nothing is written now
		raw, err := os.ReadFile(path + name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(left+name, raw, 0o600))
	}
	again := openAt(t, left)
	all, err := again.Devices().List(t.Context(), "s", "t", "", "", units+1)
	require.NoError(t, err)
	require.Len(t, all, units)
	for _, kv := range all {
		require.Len(t, kv.Value, 128<<10)
	}
}
