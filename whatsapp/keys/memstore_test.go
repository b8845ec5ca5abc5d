package keys_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"whatsapp-api/store"
)

// memStore keeps one session's keys in memory and can fail on command. It stands in for a
// back end where a test needs to see or to break single commits.
type memStore struct {
	store.Log // what is not used panics

	mu      sync.Mutex
	keys    map[string]map[string][]byte
	known   map[store.MessageKey]bool
	units   []store.Unit // those that were kept
	tries   int
	seq     int64
	reads   int
	fail    func(u store.Unit) error // before keeping
	kept    func(u store.Unit) error // after keeping
	gate    chan struct{}            // when set, a commit waits until it can receive
	entered chan struct{}            // when set, a commit says that it waits at the gate
	onGet   func()                   // after reading, before answering
}

func newMemStore() *memStore {
	return &memStore{keys: map[string]map[string][]byte{}, known: map[store.MessageKey]bool{}}
}

func (m *memStore) Recover(context.Context, string) error { return nil }

func (m *memStore) Commit(ctx context.Context, u store.Unit) (store.Kept, error) {
	if m.gate != nil {
		if m.entered != nil {
			m.entered <- struct{}{}
		}
		select {
		case <-m.gate:
		case <-ctx.Done():
			return store.Kept{}, fmt.Errorf("%w: %w", store.ErrUnavailable, ctx.Err())
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tries++
	if m.fail != nil {
		if err := m.fail(u); err != nil {
			return store.Kept{}, err
		}
	}
	for _, msg := range u.Messages {
		if m.known[msg.MessageKey] {
			return store.Kept{}, fmt.Errorf("message: %w", store.ErrExists)
		}
	}
	if u.ForgetKeys {
		m.keys = map[string]map[string][]byte{}
	}
	for _, k := range u.Keys {
		if m.keys[k.Table] == nil {
			m.keys[k.Table] = map[string][]byte{}
		}
		if k.Value == nil {
			delete(m.keys[k.Table], k.Key)
		} else {
			m.keys[k.Table][k.Key] = slices.Clone(k.Value)
		}
	}
	for _, msg := range u.Messages {
		m.known[msg.MessageKey] = true
	}
	m.seq += int64(len(u.Events))
	m.units = append(m.units, u)
	if m.kept != nil {
		if err := m.kept(u); err != nil {
			return store.Kept{}, err
		}
	}
	return store.Kept{LastSeq: m.seq}, nil
}

func (m *memStore) Get(_ context.Context, _, table string, keys []string) (map[string][]byte, error) {
	m.mu.Lock()
	m.reads++
	out := map[string][]byte{}
	for _, k := range keys {
		if v, ok := m.keys[table][k]; ok {
			out[k] = slices.Clone(v)
		}
	}
	hook := m.onGet
	m.mu.Unlock()
	if hook != nil {
		hook()
	}
	return out, nil
}

func (m *memStore) List(_ context.Context, _, table, prefix, after string, limit int) ([]store.KeyValue, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	var out []store.KeyValue
	for _, k := range slices.Sorted(maps.Keys(m.keys[table])) {
		if strings.HasPrefix(k, prefix) && k > after {
			if out = append(out, store.KeyValue{Key: k, Value: slices.Clone(m.keys[table][k])}); len(out) == limit {
				break
			}
		}
	}
	return out, nil
}

// commits says how many units were kept.
func (m *memStore) commits() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.units)
}

func (m *memStore) last() store.Unit {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.units[len(m.units)-1]
}

func (m *memStore) setFail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = nil
	if err != nil {
		m.fail = func(store.Unit) error { return err }
	}
}
