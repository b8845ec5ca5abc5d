package sqlite

import (
	"path/filepath"
	"testing"

	"whatsapp-api/store/storetest"
)

func FuzzLists(f *testing.F) {
	storetest.FuzzLists(f, openAt(f, filepath.Join(f.TempDir(), "store.db")))
}

func FuzzIdempotencyKeys(f *testing.F) {
	storetest.FuzzIdempotencyKeys(f, openAt(f, filepath.Join(f.TempDir(), "store.db")))
}
