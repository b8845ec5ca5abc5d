package store

import (
	"context"
	"errors"
	"fmt"
)

// ErrOwnedElsewhere says that another process owns the session; an OwnedElsewhere names it.
var ErrOwnedElsewhere = errors.New("session is owned by another server")

// OwnedElsewhere is an ErrOwnedElsewhere that names the owner. It is an ErrFenced too.
type OwnedElsewhere struct {
	Owner string // what the owner calls itself
}

// Error names the owner.
func (e *OwnedElsewhere) Error() string { return fmt.Sprintf("session is owned by %s", e.Owner) }

// Is makes it an ErrOwnedElsewhere and an ErrFenced.
func (e *OwnedElsewhere) Is(target error) bool {
	return target == ErrOwnedElsewhere || target == ErrFenced
}

// Leases say which process owns a session: it alone commits units to it, and so runs it. A lease
// is renewed by itself. It ends when it is given back, when the store is closed, or when another
// process takes it over, which it may after it has heard nothing of the owner for 15 seconds, or at once when it
// opens the store on the machine of an owner that has ended for sure.
type Leases interface {
	// Acquire makes this process the owner of a session, if nobody is; for one that it owns
	// nothing changes. lost is called once, in a goroutine of its own, when another process has taken the
	// session over; not after Release, Close and the session's deletion. OwnedElsewhere, ErrNotFound.
	Acquire(ctx context.Context, session string, lost func()) error
	// Release gives a session back, if this process owns it. Units that were committed are to be
	// seen by all then.
	Release(ctx context.Context, session string) error
	// Owner says who owns the session: mine, another process by its name, or nobody: "". ErrNotFound.
	Owner(ctx context.Context, session string) (mine bool, name string, err error)
	// Others returns the newest Seq that can be read of those of the sessions that this process does not
	// own, as far as it knows; -1 of one that is gone. Where it owns all it asks nobody.
	Others(ctx context.Context, sessions []string) (map[string]int64, error)
	// Free lists the sessions that this process could acquire, and has not.
	Free(ctx context.Context) ([]string, error)
}
