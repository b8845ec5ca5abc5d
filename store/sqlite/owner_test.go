package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOwnerIsOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new folder", "store.db")
	first, err := Own(path)
	require.NoError(t, err)
	_, err = Own(path)
	require.ErrorIs(t, err, ErrOwned)
	require.ErrorContains(t, err, fmt.Sprint("process ", os.Getpid(), ", since 2"))
	require.NoError(t, first.Listens("http://127.0.0.1:3000"))
	_, err = Own(path)
	require.ErrorContains(t, err, ", at http://127.0.0.1:3000")
	for _, end := range []string{".lock", ".owner"} {
		info, err := os.Stat(path + end)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), end)
	}
	require.NoError(t, openAt(t, path).Ping(t.Context()), "others use the file beside the owner")
	require.NoError(t, first.Release())
	second, err := Own(path)
	require.NoError(t, err)
	require.NoError(t, second.Release())
}
