package mongo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"pgregory.net/rapid"

	"whatsapp-api/store"
	"whatsapp-api/store/mongo/mongotest"
	"whatsapp-api/store/storetest"
)

var errCrash = errors.New("crash")

// crash makes the commit of unit n end as a crash would, after the insert or in the
// middle of the projection, and returns what undoes that.
func (s *Store) crash(where int, n int64) (undo func()) {
	fail := func(unit int64) error {
		if unit == n {
			return errCrash
		}
		return nil
	}
	switch where {
	case 1:
		s.hooks.inserted = fail
	case 2:
		s.hooks.projected = fail
	}
	return func() { s.hooks.inserted, s.hooks.projected = nil, nil }
}

// TestCrashes commits random units and crashes in the middle of some: what was inserted
// is there after Recover, whole and once, and so is what came before and after.
func TestCrashes(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	s := openIdle(t, uri) // projected is by who reads alone
	rapid.Check(t, func(rt *rapid.T) {
		m := storetest.NewModel(storetest.RandomSession())
		id := m.Session.ID
		require.NoError(t, s.Sessions().Create(t.Context(), m.Session))
		unit := int64(0)
		for n := range rapid.IntRange(1, 8).Draw(rt, "units") {
			u := storetest.RandomUnit(rt, id, n)
			want := m.Commit(u)
			where := 0 // what is refused is no unit; the one before may still be projected by it
			if want == nil {
				unit++
				where = rapid.IntRange(0, 2).Draw(rt, "crash")
			}
			undo := s.crash(where, unit)
			_, err := s.Log().Commit(t.Context(), u)
			if err == nil && (where == 2 || rapid.Bool().Draw(rt, "seen")) { // else units gather
				err = s.see(t.Context(), id)
			}
			undo()
			switch {
			case want != nil:
				require.ErrorIs(rt, err, want)
			case err != nil:
				require.ErrorIs(rt, err, errCrash)
				// Another process takes over, or this one goes on, with Recover or without.
				if rapid.Bool().Draw(rt, "recovers") {
					require.NoError(rt, s.Log().Recover(t.Context(), id))
				}
			}
		}
		require.NoError(rt, s.Log().Recover(t.Context(), id))
		m.Check(t.Context(), rt, s)
	})
}

// TestReplay projects all units of a session once more over their own result, and then
// over nothing: both times what is there is what it should be.
func TestReplay(t *testing.T) {
	t.Parallel()
	s := openAt(t, mongotest.Lone(t))
	s.hooks.keepAll = true
	ctx := t.Context()
	rapid.Check(t, func(rt *rapid.T) {
		m := storetest.NewModel(storetest.RandomSession())
		id := m.Session.ID
		require.NoError(rt, s.Sessions().Create(ctx, m.Session))
		for n := range rapid.IntRange(1, 10).Draw(rt, "units") {
			u := storetest.RandomUnit(rt, id, n)
			u.State = nil // belongs to the head, which is not taken back below
			_, err := s.Log().Commit(ctx, u)
			if want := m.Commit(u); want != nil {
				require.ErrorIs(rt, err, want)
			} else {
				require.NoError(rt, err)
			}
		}
		require.NoError(rt, s.Log().Recover(ctx, id))
		m.Check(ctx, rt, s)

		for _, all := range []bool{false, true} { // over their own result, then over nothing
			s.forget(ctx, rt, id, all)
			require.NoError(rt, s.Log().Recover(ctx, id))
			m.Check(ctx, rt, s)
		}
	})
}

// forget takes back the head, and all that is not a unit too.
func (s *Store) forget(ctx context.Context, t require.TestingT, id string, all bool) {
	for _, c := range []string{"keys", "messages", "receipts", "chats", "contacts"} {
		if all {
			_, err := s.col.units.Database().Collection(c).DeleteMany(ctx, byID(below(id)))
			require.NoError(t, err)
		}
	}
	_, err := s.col.sessions.UpdateByID(ctx, id, bson.D{{Key: "$set", Value: bson.D{{Key: "proj", Value: 0}, {Key: "seq", Value: 0}}}})
	require.NoError(t, err)
}

// TestLostHead has the server lose the head, as a new primary may: the next commit
// notices and repairs it.
func TestLostHead(t *testing.T) {
	t.Parallel()
	s := openAt(t, mongotest.ReplicaSet(t))
	s.hooks.keepAll = true
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	unit := func(i int) store.Unit {
		return store.Unit{
			Session: "s", Chats: []store.ChatUpdate{{ID: "c", AddUnread: 1}}, Events: []store.Event{{ID: fmt.Sprint(i)}},
			Messages: []store.Message{{MessageKey: store.MessageKey{Chat: "c", ID: fmt.Sprint(i)}}},
		}
	}
	commit := func(i int) {
		kept, err := s.Log().Commit(ctx, unit(i))
		require.NoError(t, err)
		require.Equal(t, int64(i), kept.LastSeq)
	}
	check := func(n int) {
		chat, err := s.Chats().Get(ctx, "s", "c")
		require.NoError(t, err)
		require.Equal(t, n, chat.Unread)
		count, err := s.Messages().Count(ctx, "s", time.Now())
		require.NoError(t, err)
		require.Equal(t, n, count)
		_, newest, err := s.Log().Bounds(ctx, "s")
		require.NoError(t, err)
		require.Equal(t, int64(n), newest)
	}
	lose := func() {
		_, err := s.col.sessions.UpdateByID(ctx, "s", bson.D{{Key: "$set", Value: bson.D{{Key: "proj", Value: 2}, {Key: "seq", Value: 2}}}})
		require.NoError(t, err)
	}
	for i := range 5 {
		commit(i + 1)
	}
	check(5)
	lose()
	events, err := s.Log().After(ctx, "s", 5, 10)
	require.NoError(t, err, "an event that was seen is not ahead of the log")
	require.Empty(t, events)
	_, newest, err := s.Log().Bounds(ctx, "s")
	require.NoError(t, err)
	require.Equal(t, int64(5), newest, "who has seen it may resume after it")
	_, err = s.Log().After(ctx, "s", 6, 10)
	require.ErrorIs(t, err, store.ErrExpired)
	commit(6)
	check(6)
	commit(7)
	lose()
	check(7)
	lose()
	s.hooks.keepAll = false
	require.ErrorIs(t, get(s.makeDurable(ctx, "s")), errMoved, "what was lost is not called durable")
	s.hooks.keepAll = true
	require.NoError(t, s.Log().Recover(ctx, "s"))
	check(7)
}

// TestServerKilled kills the server again and again while units come: every commit that
// was answered is there, and nothing is there twice.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	for name, replicaSet := range map[string]bool{"lone": false, "set": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killServer(t, mongotest.Start(t, replicaSet))
		})
	}
}

func killServer(t *testing.T, server *mongotest.Server) {
	const sessions, kills = 4, 3
	ctx := t.Context()
	s, err := Open(ctx, Config{URI: server.URI("x"), Timeout: 3 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	var wg sync.WaitGroup
	var total atomic.Int64
	stop := make(chan struct{})
	acked := make([]map[string]int64, sessions) // Seq by event
	for i := range sessions {
		id := fmt.Sprint(i)
		acked[i] = map[string]int64{}
		require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: id}))
		wg.Go(func() { commitUntil(t, s, id, stop, acked[i], &total) })
	}
	for k := range kills {
		require.Eventually(t, func() bool { return total.Load() > int64(40*(k+1)) }, time.Minute, time.Millisecond)
		require.NoError(t, server.Kill())
		require.NoError(t, server.Restart())
	}
	require.Eventually(t, func() bool { return total.Load() > 40*(kills+1) }, time.Minute, time.Millisecond)
	close(stop)
	wg.Wait()
	for i := range sessions {
		id := fmt.Sprint(i)
		require.NoError(t, s.Log().Recover(ctx, id))
		events, err := s.Log().After(ctx, id, 0, 1_000_000)
		require.NoError(t, err)
		seen := map[string]int64{}
		for n, e := range events {
			require.Equal(t, int64(n+1), e.Seq, "no gaps")
			require.NotContains(t, seen, e.ID, "no doubles")
			seen[e.ID] = e.Seq
		}
		for event, seq := range acked[i] {
			require.Equal(t, seq, seen[event], "what was answered is there")
		}
		chat, err := s.Chats().Get(ctx, id, "c")
		require.NoError(t, err)
		require.Equal(t, len(events), chat.Unread)
		count, err := s.Messages().Count(ctx, id, time.Now())
		require.NoError(t, err)
		require.Equal(t, len(events), count)
	}
}

// commitUntil commits units one after the other, each again until it is there.
func commitUntil(t *testing.T, s *Store, session string, stop chan struct{}, acked map[string]int64, total *atomic.Int64) {
	for n := 0; ; n++ {
		id := fmt.Sprint(n)
		u := store.Unit{
			Session: session, Chats: []store.ChatUpdate{{ID: "c", AddUnread: 1}}, Events: []store.Event{{ID: id}},
			Messages: []store.Message{{MessageKey: store.MessageKey{Chat: "c", ID: id}}},
		}
		for {
			select {
			case <-stop:
				return
			default:
			}
			kept, err := s.Log().Commit(t.Context(), u)
			if err == nil {
				acked[id] = kept.LastSeq
			}
			if err == nil || errors.Is(err, store.ErrExists) { // it was kept by the try before
				total.Add(1)
				break
			}
			require.ErrorIs(t, err, store.ErrUnavailable)
		}
	}
}
