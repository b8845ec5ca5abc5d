package mongo

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"whatsapp-api/store"
	"whatsapp-api/store/mongo/mongotest"
)

func event(id string) []store.Event { return []store.Event{{ID: id}} }

// lapse has the lease of a session run out, as when nothing was heard of its owner.
func lapse(t *testing.T, s *Store, session string) {
	t.Helper()
	_, err := s.col.sessions.UpdateByID(t.Context(), session, bson.D{{Key: "$set", Value: bson.D{{Key: "lease.until", Value: time.Now().Add(-time.Hour)}}}})
	require.NoError(t, err)
}

func TestTwoOwners(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	a, b := openAt(t, uri), openAt(t, uri)
	ctx := t.Context()
	require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "s"}))
	commit := func(s *Store, id string) error {
		_, err := s.Log().Commit(ctx, store.Unit{Session: "s", Events: event(id)})
		return err
	}
	require.NoError(t, commit(a, "1"))
	var elsewhere *store.OwnedElsewhere
	require.ErrorAs(t, commit(b, "2"), &elsewhere)
	require.Equal(t, a.name, elsewhere.Owner)
	lapse(t, b, "s")
	require.NoError(t, commit(b, "2"), "b takes over")
	require.ErrorIs(t, commit(a, "3"), store.ErrFenced)
	require.ErrorIs(t, commit(a, "4"), store.ErrFenced, "until it recovers")
	require.NoError(t, commit(b, "5"))
	require.ErrorIs(t, a.Log().Recover(ctx, "s"), store.ErrOwnedElsewhere)
	lapse(t, a, "s")
	require.NoError(t, a.Log().Recover(ctx, "s"))
	require.NoError(t, commit(a, "6"))
	require.ErrorIs(t, commit(b, "7"), store.ErrFenced)
	ids := func(s *Store) (ids []string) {
		events, err := s.Log().After(ctx, "s", 0, 10)
		require.NoError(t, err)
		for _, e := range events {
			ids = append(ids, e.ID)
		}
		return ids
	}
	require.Equal(t, []string{"1", "2", "5", "6"}, ids(a))
	require.Equal(t, []string{"1", "2", "5", "6"}, ids(b))
}

// TestLateInsert has an insert arrive that was taken for failed.
func TestLateInsert(t *testing.T) {
	t.Parallel()
	s := openAt(t, mongotest.Lone(t))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	require.NoError(t, s.Log().Recover(ctx, "s"))
	l := s.lines.get("s")
	late, _, err := newUnit(*l.head, store.Unit{Session: "s", Events: event("late")})
	require.NoError(t, err)
	l.unsure[late.UID] = late.N
	s.hooks.inserting = func(n int64) {
		if n == late.N {
			s.hooks.inserting = nil
			_, err := s.col.units.InsertOne(ctx, late)
			require.NoError(t, err)
		}
	}
	kept, err := s.Log().Commit(ctx, store.Unit{Session: "s", Events: event("next")})
	require.NoError(t, err)
	require.Equal(t, int64(2), kept.LastSeq)
	require.Empty(t, l.unsure)
	events, err := s.Log().After(ctx, "s", 0, 10)
	require.NoError(t, err)
	require.Equal(t, []string{"late", "next"}, []string{events[0].ID, events[1].ID})
}

// count counts what a collection has of a session.
func count(t *testing.T, s *Store, collection, session string, filter bson.D) int {
	t.Helper()
	n, err := s.col.units.Database().Collection(collection).CountDocuments(t.Context(), append(byID(below(session)), filter...))
	require.NoError(t, err)
	return int(n)
}

func TestDurableUnitsKeepOnlyTheirEvents(t *testing.T) {
	t.Parallel()
	s := openAt(t, mongotest.Lone(t))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	s.hooks.keepAll = true // until all are there
	for i := range 4 {
		key := store.KeyChange{Table: "t", Key: fmt.Sprint(i), Value: []byte("secret")}
		u := store.Unit{Session: "s", Keys: []store.KeyChange{key}}
		if i%2 == 0 {
			u.Events = []store.Event{{ID: "x", Timestamp: at(int64(i))}}
		}
		_, err := s.Log().Commit(ctx, u)
		require.NoError(t, err)
	}
	require.Equal(t, 4, count(t, s, "units", "s", nil))
	s.hooks.keepAll = false
	require.NoError(t, get(s.makeDurable(ctx, "s")))
	require.Equal(t, 2, count(t, s, "units", "s", nil), "units without events are gone")
	require.Zero(t, count(t, s, "units", "s", bson.D{{Key: "rest", Value: bson.D{{Key: "$exists", Value: true}}}}))
	events, err := s.Log().After(ctx, "s", 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 2)
	n, err := s.Log().Prune(ctx, "s", at(1))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, 1, count(t, s, "units", "s", nil))
	n, err = s.Log().Prune(ctx, "s", time.Now())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Zero(t, count(t, s, "units", "s", nil))
	kept, err := s.Log().Commit(ctx, store.Unit{Session: "s", Events: event("y")})
	require.NoError(t, err)
	require.Equal(t, int64(3), kept.LastSeq)
}

// TestProjectionsBecomeDurable leaves it to the background.
func TestProjectionsBecomeDurable(t *testing.T) {
	t.Parallel()
	s := openAt(t, mongotest.Lone(t))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	_, err := s.Log().Commit(ctx, store.Unit{Session: "s", Events: event("x")})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		doc, err := s.find(ctx, "read head", "s")
		return err == nil && doc.Durable == 1
	}, 20*time.Second, 20*time.Millisecond)
}

func TestChunks(t *testing.T) {
	t.Parallel()
	s := openAt(t, mongotest.Lone(t))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	s.hooks.keepAll = true
	half := bytes.Repeat([]byte("x"), 7<<20)
	large := store.Unit{Session: "s"}
	for i := range 3 {
		large.Keys = append(large.Keys, store.KeyChange{Table: "t", Key: fmt.Sprint(i), Value: half})
		large.Events = append(large.Events, store.Event{ID: fmt.Sprint(i), Data: half, Timestamp: at(int64(i))})
	}
	_, err := s.Log().Commit(ctx, large)
	require.NoError(t, err)
	require.Equal(t, 4, count(t, s, "chunks", "s", nil), "two for the keys, two for the events")
	orphan := chunkDoc{ID: unitDoc{Session: "s", N: 1, UID: "failed"}.chunkID(partEvents, 0), N: 1, UID: "failed", Part: partEvents}
	_, err = s.col.chunks.InsertOne(ctx, orphan)
	require.NoError(t, err)

	require.NoError(t, s.Log().Recover(ctx, "s"))
	s.hooks.keepAll = false
	require.NoError(t, get(s.makeDurable(ctx, "s")))
	require.Equal(t, 2, count(t, s, "chunks", "s", nil), "those of the events that are kept")
	events, err := s.Log().After(ctx, "s", 1, 10)
	require.NoError(t, err)
	require.Len(t, events, 2)
	require.True(t, bytes.Equal(half, events[1].Data))
	n, err := s.Log().Prune(ctx, "s", at(2))
	require.NoError(t, err)
	require.Equal(t, 2, n)
	n, err = s.Log().Prune(ctx, "s", at(3))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Zero(t, count(t, s, "chunks", "s", nil))
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	s := openAt(t, mongotest.Lone(t))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	huge := make([]byte, maxValue+1)
	text := string(huge)
	for _, u := range []store.Unit{
		{Messages: []store.Message{{Raw: huge}}},
		{Messages: []store.Message{{Text: text}}},
		{Updates: []store.MessageUpdate{{Body: &store.Body{Text: text}}}},
		{Tasks: []store.TaskChange{{Task: store.Task{Payload: huge}}}},
		{Keys: []store.KeyChange{{Value: huge}}},
		{Events: []store.Event{{Data: huge}}},
	} {
		u.Session = "s"
		_, err := s.Log().Commit(ctx, u)
		require.ErrorIs(t, err, store.ErrTooLarge)
	}
	fits := huge[:maxValue]
	_, err := s.Log().Commit(ctx, store.Unit{Session: "s", Messages: []store.Message{{Raw: fits}}, Keys: []store.KeyChange{{Value: fits}}})
	require.NoError(t, err, "the largest that is let in can be projected")
	kept, err := s.Log().Commit(ctx, store.Unit{Session: "s", Events: event("x")})
	require.NoError(t, err)
	require.Equal(t, int64(1), kept.LastSeq)
}

func TestUnitComesBackAsItWas(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
	yes, word := true, "w\xff\x00"
	rest := restDoc{
		ForgetKeys: true,
		Keys:       []store.KeyChange{{Table: "t", Key: "\xff\x00", Value: []byte{}}, {Table: "t", Key: "gone"}, {Value: []byte{1}}},
		Contacts:   []store.ContactUpdate{{ID: "a", LID: word}},
		Chats:      []store.ChatUpdate{{ID: "a", ActivityAt: when, MutedUntil: &time.Time{}, Pinned: &yes, AddUnread: -1}, {}},
		Messages:   []store.Message{{MessageKey: store.MessageKey{Chat: word, Sender: "b", ID: "c"}, Text: word, Timestamp: when, Quoted: &store.Quoted{}}},
		Updates:    []store.MessageUpdate{{Body: &store.Body{Raw: []byte{}, Text: word, Content: &store.Content{ViewOnce: true}}, RevokedAt: &when}, {}},
		Tasks:      []store.TaskChange{{Task: store.Task{ID: word, Payload: []byte{0}, Due: when}, Done: true}},
		Receipts:   []store.Receipt{{By: "x", At: when}},
		State:      &store.SessionUpdate{State: &word, Since: &when},
	}
	raw, err := marshal(rest)
	require.NoError(t, err)
	var got restDoc
	require.NoError(t, unmarshal(raw, &got))
	require.Equal(t, rest, got)
}

func TestServerAway(t *testing.T) {
	t.Parallel()
	server := mongotest.Start(t, false)
	ctx := t.Context()
	s, err := Open(ctx, Config{URI: server.URI(""), Timeout: time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.Equal(t, defaultDatabase, s.col.units.Database().Name())
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	away := func() {
		require.ErrorIs(t, s.Ping(ctx), store.ErrUnavailable)
		_, err := s.Log().Commit(ctx, store.Unit{Session: "s", Events: event("x")})
		require.ErrorIs(t, err, store.ErrUnavailable)
		_, err = s.Sessions().Get(ctx, "s")
		require.ErrorIs(t, err, store.ErrUnavailable)
	}
	require.NoError(t, server.Pause())
	away()
	require.NoError(t, server.Resume())
	require.NoError(t, s.Ping(ctx))
	require.NoError(t, s.Log().Recover(ctx, "s"))
	_, before, err := s.Log().Bounds(ctx, "s")
	require.NoError(t, err)
	kept, err := s.Log().Commit(ctx, store.Unit{Session: "s", Events: event("y")})
	require.NoError(t, err)
	require.Equal(t, before+1, kept.LastSeq)
	require.NoError(t, server.Kill())
	away()
	_, err = Open(ctx, Config{URI: server.URI("x"), Timeout: time.Second})
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.NoError(t, server.Restart())
	require.NoError(t, s.Ping(ctx))
}

func TestTimeoutOfURI(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	for _, test := range []struct {
		uri         string
		given, want time.Duration
	}{{uri, 0, defaultTimeout}, {uri + "&timeoutMS=45000", 0, 45 * time.Second}, {uri + "&timeoutMS=45000", time.Minute, time.Minute}} {
		s, err := Open(t.Context(), Config{URI: test.uri, Timeout: test.given})
		require.NoError(t, err)
		require.Equal(t, test.want, s.timeout)
		require.NoError(t, s.Close())
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), Config{URI: "http://x"})
	require.Error(t, err)
	require.NoError(t, newEnough(minWireVersion))
	require.ErrorContains(t, newEnough(minWireVersion-1), "MongoDB 4.4 or newer")
}

// TestAdminsOfTwoProcesses has two stores take away the last admins at once.
func TestAdminsOfTwoProcesses(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	stores := []*Store{openAt(t, uri), openAt(t, uri), openAt(t, uri)}
	ctx := t.Context()
	for round := range 5 {
		done := make(chan error, len(stores))
		name := func(i int) string { return fmt.Sprint(round, "-", i) }
		for i := range stores {
			require.NoError(t, stores[0].Users().Create(ctx, store.User{ID: name(i), Email: name(i), Role: store.RoleAdmin, Active: true}))
		}
		if round > 0 {
			left, _, err := stores[0].Users().List(ctx, store.Page{Limit: 1})
			require.NoError(t, err)
			require.NoError(t, stores[0].Users().Delete(ctx, left[0].ID), "the one of the round before")
		}
		for i, s := range stores {
			go func() { done <- s.Users().Delete(ctx, name(i)) }()
		}
		refused := 0
		for range stores {
			if err := <-done; err != nil {
				require.ErrorIs(t, err, store.ErrLastAdmin)
				refused++
			}
		}
		require.Equal(t, 1, refused)
		n, err := stores[0].Users().CountActiveAdmins(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
}

func TestOldMarkIsTakenOff(t *testing.T) {
	t.Parallel()
	s := openAt(t, mongotest.Lone(t))
	ctx := t.Context()
	for _, id := range []string{"a", "b"} {
		require.NoError(t, s.Users().Create(ctx, store.User{ID: id, Email: id, Role: store.RoleAdmin, Active: true}))
	}
	require.NoError(t, s.mark(ctx, "a", 0, time.Now().Add(-2*markExpires).UnixMilli()))
	require.NoError(t, s.Users().Delete(ctx, "b"), "a stays, its mark is a crashed process's")
	require.ErrorIs(t, s.Users().Delete(ctx, "a"), store.ErrLastAdmin)
}

// TestDeleteIsFinished leaves a session half deleted, as a crash does.
func TestDeleteIsFinished(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	s := openAt(t, uri)
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	_, err := s.Log().Commit(ctx, store.Unit{Session: "s", Chats: []store.ChatUpdate{{ID: "c"}}, Events: event("x")})
	require.NoError(t, err)
	_, err = s.col.sessions.UpdateByID(ctx, "s", bson.D{{Key: "$set", Value: bson.D{{Key: "deleting", Value: true}}}})
	require.NoError(t, err)
	_, err = s.Sessions().Get(ctx, "s")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, s.Sessions().Create(ctx, store.Session{ID: "s"}), store.ErrExists)
	_, err = s.Log().Commit(ctx, store.Unit{Session: "s", Events: event("y")})
	require.NoError(t, err, "it was deleted by another process, which this one has yet to see")
	_, err = s.Chats().Get(ctx, "s", "c")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Log().Commit(ctx, store.Unit{Session: "s", Events: event("z")})
	require.ErrorIs(t, err, store.ErrNotFound)
	again := openAt(t, uri)
	require.Eventually(t, func() bool {
		return again.Sessions().Create(ctx, store.Session{ID: "s"}) == nil
	}, 20*time.Second, 10*time.Millisecond)
	require.Zero(t, count(t, s, "chats", "s", nil))
	require.Zero(t, count(t, s, "units", "s", nil))
}
