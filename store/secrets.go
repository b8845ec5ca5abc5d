package store

import "context"

// Secrets keeps secrets that the server makes for itself on its first start.
type Secrets interface {
	// GetOrCreate returns the secret of this name; when there is none it keeps and returns
	// fresh. All callers get the same, also when they race.
	GetOrCreate(ctx context.Context, name string, fresh []byte) ([]byte, error)
}
