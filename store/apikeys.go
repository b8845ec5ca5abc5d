package store

import (
	"context"
	"time"
)

// APIKey lets a program call in its owner's name, within limits. The key itself is not
// kept, only its hash.
type APIKey struct {
	ID         string
	OwnerID    string // User.ID
	Name       string
	Prefix     string    // the key's beginning, to tell keys apart
	Hash       []byte    // SHA-256 of the key; unique
	Scopes     []string  // what it may do; at least one
	Sessions   []string  // which sessions it may touch; nil: all of its owner's
	Addresses  []string  // networks in CIDR from which it may be used; nil: all
	ExpiresAt  time.Time // zero: never
	LastUsedAt time.Time // zero: never
	CreatedAt  time.Time
}

// APIKeys keeps API keys. Every method is atomic and safe for concurrent use.
type APIKeys interface {
	Create(ctx context.Context, k APIKey) error // ErrExists: the id or the hash is taken
	Get(ctx context.Context, id string) (APIKey, error)
	ByHash(ctx context.Context, hash []byte) (APIKey, error)
	// List goes by id. An empty owner lists all owners' keys.
	List(ctx context.Context, owner string, p Page) ([]APIKey, string, error)
	// Update: as Users.Update. LastUsedAt is not written.
	Update(ctx context.Context, id string, change func(*APIKey) error) (APIKey, error)
	// Used notes when keys were used last; a key that is not there is left alone.
	Used(ctx context.Context, at map[string]time.Time) error
	Delete(ctx context.Context, id string) error // ErrNotFound
	// DeleteOf deletes all keys of a user.
	DeleteOf(ctx context.Context, owner string) error
}
