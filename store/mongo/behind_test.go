package mongo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
	"whatsapp-api/store/mongo/mongotest"
)

// numbered is a unit with a message, its chat, a key and an event.
func numbered(i int) store.Unit {
	return store.Unit{
		Session: "s", Chats: []store.ChatUpdate{{ID: "c", AddUnread: 1}}, Events: event(fmt.Sprint(i)),
		Messages: []store.Message{{MessageKey: store.MessageKey{Chat: "c", ID: fmt.Sprint(i)}, Status: store.StatusQueued}},
		Keys:     []store.KeyChange{{Table: "t", Key: "k", Value: []byte{byte(i)}}},
	}
}

// TestReadersSeeWhatIsBehind commits units that nobody projects until somebody reads.
func TestReadersSeeWhatIsBehind(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(context.Context, *Store) error{
		"chat":    func(ctx context.Context, s *Store) error { return unread(ctx, s, 3) },
		"message": func(ctx context.Context, s *Store) error { return get(s.Messages().Find(ctx, "s", []string{"c"}, "3")) },
		"queued": func(ctx context.Context, s *Store) error {
			list, err := s.Messages().Queued(ctx, "s", 10)
			return some3(len(list), err)
		},
		"key": func(ctx context.Context, s *Store) error {
			keys, err := s.Devices().Get(ctx, "s", "t", []string{"k"})
			return some3(int(append(keys["k"], 0)[0]), err)
		},
		"events": func(ctx context.Context, s *Store) error {
			list, err := s.Log().After(ctx, "s", 0, 10)
			return some3(len(list), err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openIdle(t, mongotest.Lone(t))
			ctx := t.Context()
			require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
			for i := range 3 {
				kept, err := s.Log().Commit(ctx, numbered(i+1))
				require.NoError(t, err)
				require.Equal(t, int64(i+1), kept.LastSeq)
			}
			require.Zero(t, count(t, s, "messages", "s", nil), "nobody has read")

			// These need not wait.
			known, err := s.Messages().Known(ctx, "s", []store.MessageKey{{Chat: "c", ID: "2"}, {Chat: "c", ID: "4"}})
			require.NoError(t, err)
			require.Equal(t, map[store.MessageKey]bool{{Chat: "c", ID: "2"}: true}, known)
			session, err := s.Sessions().Get(ctx, "s")
			require.NoError(t, err)
			require.Equal(t, int64(3), session.LastSeq)
			_, newest, err := s.Log().Bounds(ctx, "s")
			require.NoError(t, err)
			require.Equal(t, int64(3), newest)
			_, err = s.Log().Commit(ctx, numbered(2))
			require.ErrorIs(t, err, store.ErrExists)
			require.Zero(t, count(t, s, "messages", "s", nil))

			require.NoError(t, read(ctx, s))
			require.Equal(t, 3, count(t, s, "messages", "s", nil))
			_, err = s.Log().Commit(ctx, numbered(2))
			require.ErrorIs(t, err, store.ErrExists)
		})
	}
}

func get[T any](_ T, err error) error { return err }

func some3(n int, err error) error {
	if err == nil && n != 3 {
		err = fmt.Errorf("it sees %d of 3", n)
	}
	return err
}

func unread(ctx context.Context, s *Store, want int) error {
	chat, err := s.Chats().Get(ctx, "s", "c")
	if err == nil && chat.Unread != want {
		err = fmt.Errorf("%d unread, not %d", chat.Unread, want)
	}
	return err
}

// leave has one process leave units behind, as one that is killed does, and opens the next.
func leave(t *testing.T, units int) (s, next *Store) {
	t.Helper()
	uri := mongotest.Lone(t)
	s, next = openIdle(t, uri), openIdle(t, uri)
	require.NoError(t, s.Sessions().Create(t.Context(), store.Session{ID: "s"}))
	for i := range units {
		_, err := s.Log().Commit(t.Context(), numbered(i+1))
		require.NoError(t, err)
	}
	return s, next
}

// TestWhatIsBehindSurvives takes a session over: the next owner has all units.
func TestWhatIsBehindSurvives(t *testing.T) {
	t.Parallel()
	s, next := leave(t, 5)
	ctx := t.Context()
	lapse(t, next, "s")
	require.NoError(t, next.Log().Recover(ctx, "s"))
	require.NoError(t, unread(ctx, next, 5))
	kept, err := next.Log().Commit(ctx, numbered(6))
	require.NoError(t, err)
	require.Equal(t, int64(6), kept.LastSeq)
	require.NoError(t, unread(ctx, next, 6))
	require.NoError(t, unread(ctx, s, 6), "and the first one writes nothing over it")
	_, err = s.Log().Commit(ctx, numbered(7))
	require.ErrorIs(t, err, store.ErrFenced)
}

// TestReadersOfAnothersSession reads in a process that does not own the session: it sees what the
// owner has projected, and writes nothing.
func TestReadersOfAnothersSession(t *testing.T) {
	t.Parallel()
	s, next := leave(t, 3)
	ctx := t.Context()
	_, newest, err := next.Log().Bounds(ctx, "s")
	require.NoError(t, err)
	require.Equal(t, int64(3), newest, "else a cursor that was told would be refused")
	require.ErrorIs(t, unread(ctx, next, 3), store.ErrNotFound, "who does not own the session projects nothing")
	require.NoError(t, unread(ctx, s, 3))
	require.NoError(t, unread(ctx, next, 3))
	lapse(t, next, "s")
	_, err = next.Log().Commit(ctx, numbered(4))
	require.NoError(t, err, "and it may take over")
	session, err := next.Sessions().Get(ctx, "s")
	require.NoError(t, err)
	require.Equal(t, int64(4), session.LastSeq)
	require.NoError(t, unread(ctx, next, 4))
}

// TestWhatIsBehindIsBounded has projections fail: nothing is lost, who reads is told, and
// after so many units no more are let in.
func TestWhatIsBehindIsBounded(t *testing.T) {
	t.Parallel()
	s := openIdle(t, mongotest.Lone(t))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	broken := errors.New("broken")
	s.hooks.projected = func(int64) error { return broken }
	n := 0
	for n <= 2*maxBehind {
		if _, err := s.Log().Commit(ctx, numbered(n+1)); err != nil {
			require.ErrorIs(t, err, broken)
			break
		}
		n++
	}
	require.Equal(t, maxBehind-1, n)
	require.ErrorIs(t, unread(ctx, s, n), broken)
	_, err := s.Log().Commit(ctx, numbered(n+2))
	require.ErrorIs(t, err, broken)
	s.hooks.projected = nil
	require.NoError(t, s.Log().Recover(ctx, "s"))
	require.NoError(t, unread(ctx, s, n+1), "that of the unit whose projection was waited for too")
}

// TestNoLineForNobody asks for sessions that are not there, as anybody may who has an account:
// nothing is remembered of them.
func TestNoLineForNobody(t *testing.T) {
	t.Parallel()
	s := openIdle(t, mongotest.Lone(t))
	ctx := t.Context()
	for i := range 10 {
		id := fmt.Sprint("nobody-", i)
		_, err := s.Sessions().Get(ctx, id)
		require.ErrorIs(t, err, store.ErrNotFound)
		_, _, err = s.Log().Bounds(ctx, id)
		require.ErrorIs(t, err, store.ErrNotFound)
		known, err := s.Messages().Known(ctx, id, []store.MessageKey{{Chat: "c", ID: "1"}})
		require.NoError(t, err)
		require.Empty(t, known)
		list, _, err := s.Chats().List(ctx, store.ChatQuery{Session: id, Page: store.Page{Limit: 10}})
		require.NoError(t, err)
		require.Empty(t, list)
	}
	require.Empty(t, s.lines.list())
}

// TestNoLineForTheGone deletes sessions, and commits to them all the while: nothing is remembered
// of them, what comes late is refused, and a session that is made anew is not confused with the old
// one.
func TestNoLineForTheGone(t *testing.T) {
	t.Parallel()
	s := openAt(t, mongotest.Lone(t))
	ctx := t.Context()
	for range 20 {
		require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
		var writers sync.WaitGroup
		begun := make(chan struct{}, 4)
		for range cap(begun) {
			writers.Go(func() {
				for i := 0; ; i++ {
					_, err := s.Log().Commit(ctx, store.Unit{Session: "s", Events: event(fmt.Sprint(i))})
					if i == 0 {
						begun <- struct{}{}
					}
					if err != nil {
						assert.ErrorIs(t, err, store.ErrNotFound)
						return
					}
				}
			})
		}
		for range cap(begun) {
			<-begun
		}
		require.NoError(t, s.Sessions().Delete(ctx, "s"))
		writers.Wait()
		_, err := s.Log().Prune(ctx, "s", time.Now())
		require.ErrorIs(t, err, store.ErrNotFound)
		require.ErrorIs(t, s.Log().Recover(ctx, "s"), store.ErrNotFound)
		require.ErrorIs(t, s.Sessions().Delete(ctx, "s"), store.ErrNotFound)
		require.Empty(t, s.lines.list())

		require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
		kept, err := s.Log().Commit(ctx, store.Unit{Session: "s", Events: event("anew")})
		require.NoError(t, err)
		require.Equal(t, int64(1), kept.LastSeq)
		require.NoError(t, s.Sessions().Delete(ctx, "s"))
	}
}
