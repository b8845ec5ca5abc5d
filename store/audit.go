package store

import (
	"context"
	"time"
)

// AuditEntry says who did what.
type AuditEntry struct {
	ID        string // sorts by time
	At        time.Time
	UserID    string // empty: nobody was logged in
	KeyID     string // empty: not with an API key
	Action    string // method and route, "POST /api/v1/sessions/{sessionId}/stop"
	Target    string // what it was done to, as in the path; may be empty
	Address   string // where it came from
	Status    int    // of the answer
	RequestID string
}

// AuditQuery selects entries. Empty fields select all.
type AuditQuery struct {
	UserID string
	Before time.Time
	After  time.Time
	Page   Page
}

// Audit keeps who did what.
type Audit interface {
	// Append keeps entries; one whose id is there already is left alone.
	Append(ctx context.Context, entries []AuditEntry) error
	// List goes by id, newest first.
	List(ctx context.Context, q AuditQuery) ([]AuditEntry, string, error)
	DeleteBefore(ctx context.Context, before time.Time) (int, error)
}
