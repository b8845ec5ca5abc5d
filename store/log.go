package store

import (
	"context"
	"encoding/json"
	"time"
)

// Event is one entry of a session's event log.
type Event struct {
	ID        string // from its cause: the same happening never makes two ids
	Seq       int64  // 1, 2, 3 … per session, without gaps; given by Log.Commit
	SessionID string
	Name      string // "new_messages" …
	Timestamp time.Time
	Data      json.RawMessage
}

// Kept is what Commit made of a unit.
type Kept struct {
	LastSeq int64   // newest event of the session after the unit
	Events  []Event // the unit's, with Seq
	Pos     []int64 // of the unit's messages, in order
}

// Log keeps units and the events in them. It is safe for concurrent use; units of one
// session are kept in the order in which Commit was called.
type Log interface {
	// Commit keeps the unit. When it returns nil, the unit survives a power cut and every
	// reader of this process sees all of it; those of others may see it a moment later, and what an owner
	// that was killed had committed last only when the session has an owner again. It
	// returns ErrExists, and keeps nothing, when one of Messages or Receipts is known already;
	// ErrNotFound when there is no such session; ErrUnavailable when it could not be kept;
	// ErrFenced when another process has taken the session over, until Recover or Leases.Acquire.
	// It makes this process the session's owner, see Leases, if nobody is; OwnedElsewhere.
	// A unit whose Commit failed with ErrUnavailable may have been kept all the same: try
	// again with the same unit; messages and receipts then answer ErrExists.
	Commit(ctx context.Context, u Unit) (Kept, error)
	// After reads up to limit events with a greater Seq, in order. ErrExpired when some of
	// those between are no longer kept, or when seq is ahead of the log; ErrNotFound for no such session.
	After(ctx context.Context, session string, seq int64, limit int) ([]Event, error)
	// Bounds returns the Seq of the oldest and of the newest event. The oldest is newest+1 when
	// none is kept.
	Bounds(ctx context.Context, session string) (oldest, newest int64, err error)
	// Prune deletes events older than before and says how many. The newest Seq stays known. Only the
	// owner may; OwnedElsewhere.
	Prune(ctx context.Context, session string, before time.Time) (int, error)
	// Recover finishes what a crash left of the session's units. Its owner calls it before
	// the first Commit; without need it is cheap. It makes this process the owner, if nobody is;
	// OwnedElsewhere.
	Recover(ctx context.Context, session string) error
}
