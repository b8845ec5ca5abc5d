package store

import (
	"context"
	"time"
)

// Roles of a user.
const (
	RoleAdmin = "admin" // sees all users and sessions
	RoleUser  = "user"  // sees his own sessions
)

// User is an account of this server.
type User struct {
	ID           string
	Email        string // lower case, unique
	Name         string
	Role         string
	Active       bool
	PasswordHash string // PHC string
	CreatedAt    time.Time
	UpdatedAt    time.Time
	LastLoginAt  time.Time // zero: never
}

// Users keeps accounts. Every method is atomic and safe for concurrent use.
type Users interface {
	Create(ctx context.Context, u User) error // ErrExists: the id or the email is taken
	Get(ctx context.Context, id string) (User, error)
	ByEmail(ctx context.Context, email string) (User, error)  // email in lower case
	List(ctx context.Context, p Page) ([]User, string, error) // by id; the cursor of the next page, empty at the end
	CountActiveAdmins(ctx context.Context) (int, error)
	// Update applies change to the newest record and keeps the result. change may run
	// more than once and must not call the store; if it fails, nothing is kept.
	// ErrExists: the new email is taken. ErrLastAdmin: no active admin would be left,
	// also when two updates race.
	Update(ctx context.Context, id string, change func(*User) error) (User, error)
	// Delete returns ErrNotFound, or ErrLastAdmin as Update does. The user's tokens and webhooks go too.
	Delete(ctx context.Context, id string) error
}
