package store

import (
	"context"
	"errors"
)

// Errors that every back end returns, wrapped with what it was doing.
var (
	// ErrNotFound says that there is no such record.
	ErrNotFound = errors.New("not found")
	// ErrExists says that a record with this key is there already.
	ErrExists = errors.New("already exists")
	// ErrCursor says that a page cursor was not made by this store.
	ErrCursor = errors.New("malformed cursor")
	// ErrExpired says that events after this sequence number are no longer kept,
	// or that the number is ahead of the log (the log was wiped and began anew).
	ErrExpired = errors.New("events no longer kept")
	// ErrLastAdmin says that the change would leave no active admin.
	ErrLastAdmin = errors.New("last active admin")
	// ErrUnavailable says that the store cannot be reached or cannot write now
	// (server away, disk full). Nothing is known to be kept; try again later.
	ErrUnavailable = errors.New("store unavailable")
	// ErrTooLarge says that one unit is larger than the store can keep whole: more than 14 MB in
	// one message, key or event.
	ErrTooLarge = errors.New("too large to be kept")
	// ErrFenced says that somebody else writes this session now.
	ErrFenced = errors.New("session is owned elsewhere")
)

// Store is one back end. All its contracts are safe for concurrent use.
type Store interface {
	Users() Users
	Tokens() Tokens
	APIKeys() APIKeys
	Audit() Audit
	Sessions() Sessions
	Chats() Chats
	Contacts() Contacts
	Messages() Messages
	Log() Log
	Leases() Leases
	Duties() Duties
	Changes() Changes
	Devices() Devices
	Tasks() Tasks
	Webhooks() Webhooks
	Deliveries() Deliveries
	Files() Files
	Idempotency() Idempotency
	Secrets() Secrets

	// Name says which back end this is: "sqlite" or "mongodb".
	Name() string
	// Ping says whether the store can be read and written now; ErrUnavailable if not.
	Ping(ctx context.Context) error
	// Close waits for what is being written, then frees everything.
	Close() error
}
