package sqlite

import (
	"context"
	"sync"
	"time"

	"whatsapp-api/store"
)

// duties: a file has one server, see Own, which has all of them.
type duties struct{ s *Store }

// dutiesTaken are those that this process has taken.
type dutiesTaken struct {
	mu    sync.Mutex
	all   map[string]*store.Duty // by name
	epoch int64
}

func (d duties) Take(_ context.Context, name string) (*store.Duty, error) {
	t := &d.s.duties
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.all[name]; one != nil {
		return one, nil
	}
	if t.all == nil {
		t.all = map[string]*store.Duty{}
	}
	t.epoch++
	t.all[name] = store.NewDuty(name, t.epoch, time.Time{})
	return t.all[name], nil
}

func (d duties) GiveBack(_ context.Context, one *store.Duty) error {
	t := &d.s.duties
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[one.Name] == one {
		delete(t.all, one.Name)
	}
	one.End()
	return nil
}
