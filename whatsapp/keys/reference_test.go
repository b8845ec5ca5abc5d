package keys_test

import (
	"context"
	"path/filepath"
	"testing"

	_ "github.com/ncruces/go-sqlite3/driver"
	"github.com/stretchr/testify/require"
	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
)

// reference opens whatsmeow's own store and returns a new device of it.
func reference(t testing.TB) *wastore.Device {
	t.Helper()
	path := "file:" + filepath.Join(t.TempDir(), "ref.db") + "?_pragma=foreign_keys(1)&_pragma=journal_mode(wal)&_pragma=synchronous(full)"
	c, err := sqlstore.New(context.Background(), "sqlite3", path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c.NewDevice()
}
