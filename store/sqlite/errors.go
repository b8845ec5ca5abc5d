package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"whatsapp-api/store"
)

// errLostBatch says that the whole transaction is gone, with all the writes in it.
var errLostBatch = fmt.Errorf("%w: transaction given up", store.ErrUnavailable)

// fault says what was being done, and turns SQLite's word that it cannot read or write
// now into store.ErrUnavailable.
func fault(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrUnavailable):
		return fmt.Errorf("%s: %w", doing, err)
	case unavailable(err):
		return fmt.Errorf("%s: %w: %w", doing, store.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func unavailable(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	var code sqlite3.ErrorCode
	if !errors.As(err, &code) {
		return false
	}
	switch code {
	case sqlite3.FULL, sqlite3.IOERR, sqlite3.BUSY, sqlite3.LOCKED, sqlite3.CANTOPEN,
		sqlite3.READONLY, sqlite3.PROTOCOL, sqlite3.NOMEM, sqlite3.INTERRUPT, sqlite3.PERM:
		return true
	}
	return false
}
