package stream

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

// memory is a store's log of one session, as far as a subscription needs it.
type memory struct {
	store.Log
	mu  sync.Mutex
	all []store.Event
}

func (m *memory) Commit(_ context.Context, u store.Unit) (store.Kept, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range u.Events {
		u.Events[i].SessionID, u.Events[i].Seq, u.Events[i].Data = "a", int64(len(m.all)+1), []byte("{}")
		m.all = append(m.all, u.Events[i])
	}
	return store.Kept{Events: u.Events}, nil
}

func (m *memory) After(_ context.Context, _ string, seq int64, _ int) ([]store.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[seq:], nil
}

// told is a client that remembers what it is told.
type told struct {
	sync.Mutex
	seqs    []int64
	places  []map[string]int64
	beats   int
	flushed bool
}

func (c *told) event(e store.Event) error {
	c.note(func() { c.seqs = append(c.seqs, e.Seq) })
	return nil
}

func (c *told) position(passed map[string]int64) error {
	c.note(func() { c.places = append(c.places, passed) })
	return nil
}

func (c *told) beat(bool) error {
	c.note(func() { c.beats++ })
	return nil
}

func (c *told) note(f func()) {
	c.Lock()
	defer c.Unlock()
	c.flushed = false
	f()
}

func (c *told) flush() error {
	c.Lock()
	defer c.Unlock()
	c.flushed = true
	return nil
}

// TestPositions lets events go by that a client did not ask for: it learns of its place once, and
// only where nothing that was meant for it came later.
func TestPositions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := lone(t)
		c := &told{}
		s.sub = h.subscription(s.ctx, c)
		s.work.Go(s.run)
		s.sub.add(plan{points: map[string]int64{"a": 0}, wanted: names{"wanted": true}}, func() {})
		happens := func(names ...string) {
			for _, name := range names {
				_, err := h.Log.Commit(t.Context(), store.Unit{Session: "a", Events: []store.Event{{Name: name}}})
				require.NoError(t, err)
			}
			synctest.Wait()
			c.Lock()
			defer c.Unlock()
			require.True(t, c.flushed)
		}
		beats := 0
		beat := func(places ...map[string]int64) {
			t.Helper()
			time.Sleep(streamBeat)
			synctest.Wait()
			c.Lock()
			defer c.Unlock()
			beats++
			require.Equal(t, beats, c.beats)
			require.Equal(t, places, c.places)
		}
		beat()
		happens("wanted", "other", "other")
		beat(map[string]int64{"a": 3})
		beat(map[string]int64{"a": 3}) // no news
		happens("other", "wanted")
		beat(map[string]int64{"a": 3})
		happens("other")
		beat(map[string]int64{"a": 3}, map[string]int64{"a": 6})
		c.Lock()
		defer c.Unlock()
		require.Equal(t, []int64{1, 5}, c.seqs)
	})
}
