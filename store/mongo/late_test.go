package mongo

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"whatsapp-api/store"
	"whatsapp-api/store/mongo/mongotest"
)

// makes is a unit that makes a document of each kind that can be deleted.
func makes() store.Unit {
	return store.Unit{
		Session: "s", Events: event("made"),
		Keys:     []store.KeyChange{{Table: "t", Key: "k", Value: []byte("secret")}},
		Tasks:    []store.TaskChange{{Task: store.Task{ID: "task", Kind: "kind", Due: at(1)}}},
		Messages: []store.Message{{MessageKey: store.MessageKey{Chat: "c", ID: "m"}, Timestamp: at(1), Text: "secret", Status: store.StatusQueued}},
	}
}

// deletes is a unit that deletes what makes made, but for the message.
func deletes() store.Unit {
	return store.Unit{
		Session: "s", Keys: []store.KeyChange{{Table: "t", Key: "k"}}, Tasks: []store.TaskChange{{Task: store.Task{ID: "task"}, Done: true}},
	}
}

// deletesAll has the owner delete all that makes made, for good.
func deletesAll(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	_, err := s.Log().Commit(ctx, deletes())
	require.NoError(t, err)
	n, err := s.Messages().DeleteBefore(ctx, "s", at(2), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	isGone(t, s)
}

// isGone checks that nothing is there of what makes made.
func isGone(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	keys, err := s.Devices().Get(ctx, "s", "t", []string{"k"})
	require.NoError(t, err)
	require.Empty(t, keys)
	list, err := s.Devices().List(ctx, "s", "t", "", "", 5)
	require.NoError(t, err)
	require.Empty(t, list)
	tasks, err := s.Tasks().Get(ctx, "s", []string{"task"})
	require.NoError(t, err)
	require.Empty(t, tasks)
	first, err := s.Tasks().List(ctx, "s", "kind", 5)
	require.NoError(t, err)
	require.Empty(t, first)
	key := makes().Messages[0].MessageKey
	_, err = s.Messages().Get(ctx, "s", key)
	require.ErrorIs(t, err, store.ErrNotFound)
	known, err := s.Messages().Known(ctx, "s", []store.MessageKey{key})
	require.NoError(t, err)
	require.Empty(t, known)
	messages, _, err := s.Messages().List(ctx, store.MessageQuery{Session: "s", Chats: []string{"c"}, Page: store.Page{Limit: 5}})
	require.NoError(t, err)
	require.Empty(t, messages)
	for _, c := range []string{"keys", "tasks", "messages"} {
		require.Zero(t, count(t, s, c, "s", bson.D{notGone}), c)
		require.Zero(t, count(t, s, c, "s", bson.D{{Key: "$or", Value: bson.A{
			bson.D{{Key: "v", Value: bson.D{{Key: "$exists", Value: true}}}}, bson.D{{Key: "x", Value: bson.D{{Key: "$exists", Value: true}}}},
		}}}), "a tombstone has no content")
	}
}

// paused has one call of a hook wait. reached is closed when it waits, goOn has it go on.
type paused struct {
	reached, goOn chan struct{}
	once          sync.Once
}

func newPause() *paused { return &paused{reached: make(chan struct{}), goOn: make(chan struct{})} }

func (p *paused) at(int64) {
	p.once.Do(func() {
		close(p.reached)
		<-p.goOn
	})
}

// TestLateProjection pauses an owner between its look at the head and its writes, until another has
// taken the session over and deleted what it is about to make.
func TestLateProjection(t *testing.T) {
	onBoth(t, func(t *testing.T, uri string) {
		a, b := openIdle(t, uri), openIdle(t, uri)
		ctx := t.Context()
		require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "s"}))
		_, err := a.Log().Commit(ctx, makes())
		require.NoError(t, err)
		p := newPause()
		a.hooks.projecting = p.at
		read := make(chan error)
		go func() { read <- a.see(ctx, "s") }()
		<-p.reached

		lapse(t, b, "s")
		require.NoError(t, b.Leases().Acquire(ctx, "s", nil))
		deletesAll(t, b)
		close(p.goOn)
		require.NoError(t, <-read)
		isGone(t, b)
		isGone(t, a)
		_, err = a.Log().Commit(ctx, numbered(1))
		require.ErrorIs(t, err, store.ErrFenced)

		_, err = b.Log().Commit(ctx, makes())
		require.NoError(t, err, "and the same may be made again")
		_, err = b.Messages().Get(ctx, "s", makes().Messages[0].MessageKey)
		require.NoError(t, err)
		keys, err := b.Devices().Get(ctx, "s", "t", []string{"k"})
		require.NoError(t, err)
		require.Len(t, keys, 1)
		tasks, err := b.Tasks().List(ctx, "s", "kind", 5)
		require.NoError(t, err)
		require.Len(t, tasks, 1)
		_, err = b.Log().Commit(ctx, store.Unit{Session: "s", ForgetKeys: true})
		require.NoError(t, err)
		keys, err = b.Devices().Get(ctx, "s", "t", []string{"k"})
		require.NoError(t, err)
		require.Empty(t, keys)
	})
}

// TestLateWriteOfAThirdOwner is TestLateProjection with one more owner in between, who does not know
// of the first.
func TestLateWriteOfAThirdOwner(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	a, b, c := openIdle(t, uri), openIdle(t, uri), openIdle(t, uri)
	ctx := t.Context()
	require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "s"}))
	_, err := a.Log().Commit(ctx, makes())
	require.NoError(t, err)
	p := newPause()
	a.hooks.projecting = p.at
	read := make(chan error)
	go func() { read <- a.see(ctx, "s") }()
	<-p.reached
	lapse(t, b, "s")
	require.NoError(t, b.Leases().Acquire(ctx, "s", nil))
	require.NoError(t, b.Leases().Release(ctx, "s"))
	require.NoError(t, c.Leases().Acquire(ctx, "s", nil))
	deletesAll(t, c)
	close(p.goOn)
	require.NoError(t, <-read)
	isGone(t, c)
}

// TestLateCommit pauses an owner before it inserts a unit, until another has taken the session over,
// has committed units that leave nothing behind, and has stripped them: the place is not free again.
func TestLateCommit(t *testing.T) {
	onBoth(t, func(t *testing.T, uri string) {
		a, b := openIdle(t, uri), openIdle(t, uri)
		ctx := t.Context()
		require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "s"}))
		_, err := a.Log().Commit(ctx, numbered(1))
		require.NoError(t, err)
		p := newPause()
		a.hooks.inserting = p.at
		committed := make(chan error)
		go func() {
			_, err := a.Log().Commit(ctx, makes())
			committed <- err
		}()
		<-p.reached

		lapse(t, b, "s")
		require.NoError(t, b.Leases().Acquire(ctx, "s", nil))
		_, err = b.Log().Commit(ctx, deletes())
		require.NoError(t, err)
		_, err = b.makeDurable(ctx, "s")
		require.NoError(t, err)
		close(p.goOn)
		require.ErrorIs(t, <-committed, store.ErrFenced)
		isGoneFromLog(t, b, "made")
		kept, err := b.Log().Commit(ctx, numbered(2))
		require.NoError(t, err)
		require.Equal(t, int64(2), kept.LastSeq)
		require.NoError(t, unread(ctx, b, 2))
	})
}

func isGoneFromLog(t *testing.T, s *Store, id string) {
	t.Helper()
	events, err := s.Log().After(t.Context(), "s", 0, 10)
	require.NoError(t, err)
	for _, e := range events {
		require.NotEqual(t, id, e.ID)
	}
}

// TestCommitDuringTakeover has the owner before commit once more while it loses the session: what was
// answered is kept.
func TestCommitDuringTakeover(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	a, b := openIdle(t, uri), openIdle(t, uri)
	ctx := t.Context()
	require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "s"}))
	_, err := a.Log().Commit(ctx, numbered(1))
	require.NoError(t, err)
	lapse(t, b, "s")
	b.hooks.inserting = func(int64) { // it has read all units, and is about to make the next impossible
		b.hooks.inserting = nil
		_, err := a.Log().Commit(ctx, numbered(2))
		require.NoError(t, err)
	}
	require.NoError(t, b.Leases().Acquire(ctx, "s", nil))
	require.NoError(t, unread(ctx, b, 2))
	_, err = a.Log().Commit(ctx, numbered(3))
	require.ErrorIs(t, err, store.ErrFenced)
}

// TestWriteRunLateByTheServer has the server run a projection once more, as it does with one that was
// given up, after what it made was deleted.
func TestWriteRunLateByTheServer(t *testing.T) {
	t.Parallel()
	s := openIdle(t, mongotest.Lone(t))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	_, err := s.Log().Commit(ctx, makes())
	require.NoError(t, err)
	l := s.lines.known("s")
	late := l.behind.next(100)
	givenUp := errors.New("given up")
	s.hooks.projected = func(int64) error { return givenUp }
	require.ErrorIs(t, s.see(ctx, "s"), givenUp)
	s.hooks.projected = nil
	require.NoError(t, s.see(ctx, "s"))
	deletesAll(t, s)
	require.NoError(t, s.project(ctx, late, terms{epoch: 1}))
	isGone(t, s)
}

// TestInsertRunLateByTheServer is the same with a commit: the place that it had is taken by a unit
// that nobody needs any more, but stays taken.
func TestInsertRunLateByTheServer(t *testing.T) {
	t.Parallel()
	s := openIdle(t, mongotest.Lone(t))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	require.NoError(t, s.Log().Recover(ctx, "s"))
	l := s.lines.get("s")
	late, _, err := newUnit(*l.head, makes())
	require.NoError(t, err)
	l.unsure[late.UID] = late.N
	_, err = s.Log().Commit(ctx, store.Unit{Session: "s", Keys: []store.KeyChange{{Table: "t", Key: "other", Value: []byte{1}}}})
	require.NoError(t, err)
	_, err = s.makeDurable(ctx, "s")
	require.NoError(t, err)
	_, err = s.col.units.InsertOne(ctx, late)
	require.Error(t, err, "there is no place for it")
}

// TestBehindIsProjectedWhateverFailed has projections fail for a while: the background goes on with
// them, though nobody commits or reads.
func TestBehindIsProjectedWhateverFailed(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	s, reader := openPaced(t, uri, pace{20 * time.Millisecond, 20 * time.Millisecond, time.Hour}), openIdle(t, uri)
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	require.NoError(t, s.Log().Recover(ctx, "s"))
	failed, n := make(chan struct{}), 0
	l := s.lines.known("s")
	require.NoError(t, l.behind.enter(ctx))
	s.hooks.projected = func(int64) error {
		if n++; n == 3 {
			close(failed)
		}
		if n <= 3 {
			return errors.New("not now")
		}
		return nil
	}
	l.behind.leave()
	_, err := s.Log().Commit(ctx, numbered(1))
	require.NoError(t, err)
	<-failed
	require.Eventually(t, func() bool { return unread(ctx, reader, 1) == nil }, 20*time.Second, 10*time.Millisecond)
}

// TestTornCopy opens a copy of a database in which a unit was stripped that the session's document
// does not have yet.
func TestTornCopy(t *testing.T) {
	t.Parallel()
	s := openIdle(t, mongotest.Lone(t))
	ctx := t.Context()
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: "s"}))
	_, err := s.Log().Commit(ctx, numbered(1))
	require.NoError(t, err)
	require.NoError(t, unread(ctx, s, 1))
	_, err = s.makeDurable(ctx, "s")
	require.NoError(t, err)
	_, err = s.col.sessions.UpdateByID(ctx, "s", bson.D{{Key: "$set", Value: bson.D{{Key: "proj", Value: 0}, {Key: "durable", Value: 0}, {Key: "stripped", Value: 0}}}})
	require.NoError(t, err)
	err = s.Log().Recover(ctx, "s")
	require.ErrorIs(t, err, errTorn)
	require.NotErrorIs(t, err, store.ErrUnavailable, "waiting does not help")
	require.ErrorContains(t, err, "--oplog")
}

// TestLeaseIsLost has another process take a session over while its owner looks away.
func TestLeaseIsLost(t *testing.T) {
	onBoth(t, func(t *testing.T, uri string) {
		ctx := t.Context()
		a, b := openPaced(t, uri, pace{time.Hour, time.Hour, 300 * time.Millisecond}), openPaced(t, uri, pace{time.Hour, time.Hour, time.Hour})
		require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "s"}))
		require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "kept"}))
		lost := make(chan string, 2)
		for _, id := range []string{"s", "kept"} {
			require.NoError(t, a.Leases().Acquire(ctx, id, func() { lost <- id }))
		}
		var elsewhere *store.OwnedElsewhere
		require.ErrorAs(t, b.Leases().Acquire(ctx, "s", nil), &elsewhere)
		lapse(t, b, "s") // by the time this is seen it may be renewed
		require.Eventually(t, func() bool {
			lapse(t, b, "s")
			return b.Leases().Acquire(ctx, "s", nil) == nil
		}, 20*time.Second, time.Millisecond)
		require.Equal(t, "s", <-lost)
		_, err := a.Log().Commit(ctx, store.Unit{Session: "s", Events: event("late")})
		require.ErrorIs(t, err, store.ErrFenced)
		mine, name, err := a.Leases().Owner(ctx, "s")
		require.NoError(t, err)
		require.False(t, mine)
		require.Equal(t, b.name, name)
		mine, _, err = a.Leases().Owner(ctx, "kept")
		require.NoError(t, err)
		require.True(t, mine)
	})
}

// TestLeaseRunsOut has an owner that says nothing any more: another takes over after the lease has run
// out by the clock of the server, and not before.
func TestLeaseRunsOut(t *testing.T) {
	onBoth(t, func(t *testing.T, uri string) {
		ctx := t.Context()
		a, b := openPaced(t, uri, pace{time.Hour, time.Hour, time.Second}), openIdle(t, uri)
		a.stop() // it renews nothing
		require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "s"}))
		require.NoError(t, a.Leases().Acquire(ctx, "s", nil))
		began := time.Now()
		free, err := b.Leases().Free(ctx)
		require.NoError(t, err)
		require.Empty(t, free)
		require.Eventually(t, func() bool { return b.Leases().Acquire(ctx, "s", nil) == nil }, 20*time.Second, 10*time.Millisecond)
		require.GreaterOrEqual(t, time.Since(began), 900*time.Millisecond)
	})
}

// TestLeasesAreGivenBack closes a store: another has its sessions at once.
func TestLeasesAreGivenBack(t *testing.T) {
	t.Parallel()
	uri := mongotest.Lone(t)
	ctx := t.Context()
	a, b := openAt(t, uri), openAt(t, uri)
	require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "s"}))
	_, err := a.Log().Commit(ctx, numbered(1))
	require.NoError(t, err)
	_, err = b.Messages().DeleteBefore(ctx, "s", at(1), 1)
	require.ErrorIs(t, err, store.ErrOwnedElsewhere)
	_, err = b.Log().Prune(ctx, "s", at(1))
	require.ErrorIs(t, err, store.ErrOwnedElsewhere)
	require.ErrorIs(t, b.Sessions().Delete(ctx, "s"), store.ErrOwnedElsewhere)
	require.NoError(t, a.Close())
	free, err := b.Leases().Free(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"s"}, free)
	require.NoError(t, b.Leases().Acquire(ctx, "s", nil))
	require.NoError(t, unread(ctx, b, 1))
	require.Zero(t, count(t, b, "units", "s", bson.D{{Key: "fence", Value: bson.D{{Key: "$exists", Value: true}}}}), "nobody is shut out who has left")
}
