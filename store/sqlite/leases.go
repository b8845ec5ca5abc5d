package sqlite

import (
	"context"
	"sync"
)

// leases: a file has one server, see Own, which owns all; free is what it has not asked for yet.
type leases struct{ s *Store }

// owned are the sessions that this process was asked to own.
type owned struct {
	mu  sync.Mutex
	all map[string]bool
}

func (o *owned) set(session string, is bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[string]bool{}
	}
	if is {
		o.all[session] = true
	} else {
		delete(o.all, session)
	}
}

func (o *owned) has(session string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all[session]
}

func (l leases) Acquire(ctx context.Context, session string, _ func()) error {
	if _, err := l.s.Sessions().Get(ctx, session); err != nil {
		return fault("acquire session", err)
	}
	l.s.owned.set(session, true)
	return nil
}

func (l leases) Release(_ context.Context, session string) error {
	l.s.owned.set(session, false)
	return nil
}

func (l leases) Owner(ctx context.Context, session string) (mine bool, name string, err error) {
	if _, err := l.s.Sessions().Get(ctx, session); err != nil {
		return false, "", fault("owner of session", err)
	}
	return true, "", nil
}

func (leases) Others(context.Context, []string) (map[string]int64, error) { return nil, nil }

func (l leases) Free(ctx context.Context) (free []string, err error) {
	err = l.s.r.read(ctx, "list free sessions", func(c *conn) error {
		return c.query(func(r *row) error {
			if id := r.text(); !l.s.owned.has(id) {
				free = append(free, id)
			}
			return nil
		}, "SELECT id FROM sessions WHERE deleting = 0 ORDER BY id")
	})
	return free, err
}
