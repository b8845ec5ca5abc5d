package store

import (
	"context"
	"time"
)

// Token is an access token that was given out and is still good. A token without
// a record is revoked, whatever its signature says.
type Token struct {
	ID        string
	UserID    string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Tokens keeps access tokens, so that one can be taken back before it expires.
type Tokens interface {
	Create(ctx context.Context, t Token) error // ErrExists
	Get(ctx context.Context, id string) (Token, error)
	Delete(ctx context.Context, id string) error // ErrNotFound
	// DeleteOf revokes all tokens of a user but the one with id except (may be empty).
	DeleteOf(ctx context.Context, userID, except string) error
	DeleteExpired(ctx context.Context, now time.Time) (int, error)
}
