package sqlite

import (
	"path/filepath"
	"testing"

	"whatsapp-api/store"
	"whatsapp-api/store/storetest"
)

func BenchmarkCommit(b *testing.B) {
	storetest.BenchmarkCommit(b, func(t testing.TB) store.Store {
		return openAt(t, filepath.Join(t.TempDir(), "store.db"))
	})
}
