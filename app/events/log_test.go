package events

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"whatsapp-api/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a store.Log of one session, as far as Follow needs it.
type memory struct {
	store.Log
	mu     sync.Mutex
	events []store.Event
}

func (m *memory) Commit(_ context.Context, u store.Unit) (store.Kept, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range u.Events {
		u.Events[i].Seq = int64(len(m.events) + 1)
		m.events = append(m.events, u.Events[i])
	}
	return store.Kept{LastSeq: int64(len(m.events)), Events: u.Events}, nil
}

func (m *memory) After(_ context.Context, _ string, seq int64, limit int) ([]store.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if seq > int64(len(m.events)) {
		return nil, store.ErrExpired
	}
	rest := m.events[seq:]
	return append([]store.Event(nil), rest[:min(limit, len(rest))]...), nil
}

var errEnough = errors.New("enough")

// collect follows from seq until it has seen up to last.
func collect(t *testing.T, l *Log, seq, last int64) []int64 {
	t.Helper()
	var seen []int64
	err := l.Follow(t.Context(), "s", seq, func(e store.Event) error {
		seen = append(seen, e.Seq)
		if e.Seq == last {
			return errEnough
		}
		return nil
	})
	require.ErrorIs(t, err, errEnough)
	return seen
}

func TestFollowSeesEachOnceFromAnyPoint(t *testing.T) {
	l := New(&memory{})
	const writers, each = 8, 300
	var wg sync.WaitGroup
	results := make([][]int64, 5)
	for i := range results {
		wg.Go(func() { results[i] = collect(t, l, 0, writers*each) })
	}
	for range writers {
		wg.Go(func() {
			for range each {
				_, err := l.Commit(t.Context(), store.Unit{Session: "s", Events: []store.Event{{Name: "x", Data: []byte("{}")}}})
				require.NoError(t, err)
			}
		})
	}
	wg.Wait()
	for _, seen := range results {
		require.Len(t, seen, writers*each)
		for i, seq := range seen {
			require.EqualValues(t, i+1, seq)
		}
	}
	require.Len(t, collect(t, l, 2000, writers*each), writers*each-2000)
}

func TestFollowRefusesACursorAheadOfTheLog(t *testing.T) {
	l := New(&memory{})
	err := l.Follow(t.Context(), "s", 7, func(store.Event) error { return nil })
	require.ErrorIs(t, err, store.ErrExpired)
}

func TestFollowEndsWithItsContext(t *testing.T) {
	l := New(&memory{})
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Follow(ctx, "s", 0, func(store.Event) error { return nil }) }()
	cancel(errEnough)
	require.ErrorIs(t, <-done, errEnough)
}

func TestRingKeepsTheNewestWithoutGaps(t *testing.T) {
	var r ring
	add := func(from, to int64) {
		var events []store.Event
		for s := from; s <= to; s++ {
			events = append(events, store.Event{Seq: s, Data: []byte("{}")})
		}
		r.add(events)
	}
	add(1, 3)
	require.Len(t, r.after(1, 10), 2)
	add(6, 7) // 4 and 5 were not reported yet
	require.Nil(t, r.after(3, 10), "a gap is never jumped over")
	require.Len(t, r.after(5, 10), 2)
	add(4, 5)
	require.Len(t, r.after(5, 10), 2)
	for s := int64(8); s < 2000; s++ {
		add(s, s)
	}
	require.Len(t, r.events, ringEvents)
	require.Nil(t, r.after(10, 10))
	require.Equal(t, int64(1999), r.after(1998, 10)[0].Seq)
}
