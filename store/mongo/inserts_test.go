package mongo

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"whatsapp-api/store"
)

// TestCommitsOfManySessionsGoTogether commits to many sessions at once: all are kept, each in its own
// order, and a place that is taken in one session keeps no other from its own.
func TestCommitsOfManySessionsGoTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, uri string) {
		const sessions, units = 30, 20
		s := openAt(t, uri)
		ctx := t.Context()
		var committing sync.WaitGroup
		for i := range sessions {
			id := fmt.Sprint(i)
			require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: id}))
			committing.Go(func() {
				for n := range units {
					kept, err := s.Log().Commit(ctx, store.Unit{Session: id, Events: event(fmt.Sprint(n))})
					if err != nil || kept.LastSeq != int64(n+1) {
						t.Errorf("session %s, unit %d: %v, %v", id, n, kept, err)
					}
				}
			})
		}
		committing.Wait()
		for i := range sessions {
			events, err := s.Log().After(ctx, fmt.Sprint(i), 0, 100)
			require.NoError(t, err)
			require.Len(t, events, units)
			for n, e := range events {
				require.Equal(t, fmt.Sprint(n), e.ID)
			}
		}
	})
}

// TestOneOfABatchFails sends one command for units of which one has its place taken.
func TestOneOfABatchFails(t *testing.T) {
	onBoth(t, func(t *testing.T, uri string) {
		s := openIdle(t, uri)
		ctx := t.Context()
		taken := unitDoc{ID: unitID("b", 1), Session: "b", N: 1, UID: "other"}
		_, err := s.col.units.InsertOne(ctx, taken)
		require.NoError(t, err)
		s.inserts.away = s.inserts.atOnce // so that all wait
		failed := map[string]chan error{}
		for _, id := range []string{"a", "b", "c"} {
			ch := make(chan error, 1)
			failed[id] = ch
			go func() { ch <- s.insertTogether(ctx, unitDoc{ID: unitID(id, 1), Session: id, N: 1, UID: id}) }()
		}
		waitFor(t, s, 3)
		s.inserts.next()
		require.NoError(t, <-failed["a"])
		require.True(t, mongo.IsDuplicateKeyError(<-failed["b"]))
		require.NoError(t, <-failed["c"])
		require.Equal(t, s.inserts.atOnce-1, s.inserts.away)
	})
}

// TestInsertIsGivenUp has a unit wait longer than its caller does.
func TestInsertIsGivenUp(t *testing.T) {
	t.Parallel()
	s := &Store{inserts: newInserts()}
	s.inserts.away = s.inserts.atOnce
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() { failed <- s.insertTogether(ctx, unitDoc{}) }()
	waitFor(t, s, 1)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	waitFor(t, s, 0)
}

// waitFor waits until so many units are in line.
func waitFor(t *testing.T, s *Store, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		s.inserts.mu.Lock()
		defer s.inserts.mu.Unlock()
		return len(s.inserts.waiting) == n
	}, 20*time.Second, time.Millisecond)
}
