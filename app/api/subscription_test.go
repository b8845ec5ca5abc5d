package api

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/app/events"
	"whatsapp-api/store"
)

// memory is a store's log of one session, as far as a subscription needs it.
type memory struct {
	store.Log
	all []store.Event
}

func (m *memory) Commit(_ context.Context, u store.Unit) (store.Kept, error) {
	for i := range u.Events {
		u.Events[i].SessionID, u.Events[i].Seq, u.Events[i].Data = "a", int64(len(m.all)+1), []byte("{}")
		m.all = append(m.all, u.Events[i])
	}
	return store.Kept{Events: u.Events}, nil
}

func (m *memory) After(_ context.Context, _ string, seq int64, _ int) ([]store.Event, error) {
	return m.all[seq:], nil
}

// TestMarks lets events go by that a client did not ask for: it learns of its place behind all that
// was meant for it, once, and only where nothing that was meant for it came later.
func TestMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, s := lone(t)
		a.Log = events.New(&memory{})
		s.sub = a.subscription(s.ctx, s.push, s.mark)
		s.work.Go(func() { require.NoError(t, s.sub.run()) })
		s.sub.add(plan{points: map[string]int64{"a": 0}, filter: map[string]bool{"wanted": true}}, func() {})
		happens := func(names ...string) {
			for _, name := range names {
				_, err := a.Log.Commit(t.Context(), store.Unit{Session: "a", Events: []store.Event{{Name: name}}})
				require.NoError(t, err)
			}
			synctest.Wait()
		}
		comes := func() (f frame) {
			f, ok := s.queue.take()
			require.True(t, ok)
			return f
		}
		nothing := func() {
			t.Helper()
			time.Sleep(2 * markEvery)
			synctest.Wait()
			_, ok := s.queue.take()
			require.False(t, ok)
		}
		nothing()
		happens("wanted", "other", "other")
		time.Sleep(markEvery)
		synctest.Wait()
		require.Equal(t, int64(1), comes().seq)
		mark := comes()
		require.Equal(t, map[string]int64{"a": 3}, mark.passed)
		require.JSONEq(t, `{"type":"position","after":{"a":3}}`, string(mark.bytes))
		nothing()

		happens("other", "wanted")
		require.Equal(t, int64(5), comes().seq)
		nothing()

		happens("other")
		for range queueFrames { // the client takes nothing
			require.True(t, s.queue.offer(frame{}))
		}
		time.Sleep(2 * markEvery)
		synctest.Wait()
		for range queueFrames {
			require.Nil(t, comes().passed)
		}
		_, ok := s.queue.take()
		require.False(t, ok)
		time.Sleep(markEvery)
		synctest.Wait()
		require.Equal(t, map[string]int64{"a": 6}, comes().passed)
		nothing()
	})
}
