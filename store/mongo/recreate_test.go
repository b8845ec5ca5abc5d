package mongo

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

// recreated has b take a session over, delete it, and create another of the same name, in which the same
// things happen as far as numbers go.
func recreated(t *testing.T, b *Store) {
	t.Helper()
	ctx := t.Context()
	lapse(t, b, "s")
	require.NoError(t, b.Leases().Acquire(ctx, "s", nil))
	require.NoError(t, b.Sessions().Delete(ctx, "s"))
	require.NoError(t, b.Sessions().Create(ctx, store.Session{ID: "s", Name: "another"}))
	require.NoError(t, b.Leases().Acquire(ctx, "s", nil))
}

// said is a unit of the new session: an event, and a key of another table.
func said(i int) store.Unit {
	return store.Unit{Session: "s", Events: event(fmt.Sprint(i)), Keys: []store.KeyChange{{Table: "new", Key: fmt.Sprint(i), Value: []byte{1}}}}
}

// untouched checks that a new session has nothing but the events that were said in it, and goes on from there.
func untouched(t *testing.T, b *Store, newest int) {
	t.Helper()
	ctx := t.Context()
	check := func(newest int) {
		t.Helper()
		onlyNew(t, b)
		events, err := b.Log().After(ctx, "s", 0, 10)
		require.NoError(t, err)
		require.Len(t, events, newest)
		for i, e := range events {
			require.Equal(t, fmt.Sprint(i+1), e.ID)
			require.EqualValues(t, i+1, e.Seq)
		}
		oldest, last, err := b.Log().Bounds(ctx, "s")
		require.NoError(t, err)
		require.Equal(t, []int64{1, int64(newest)}, []int64{oldest, last})
		keys, err := b.Devices().List(ctx, "s", "new", "", "", 10)
		require.NoError(t, err)
		require.Len(t, keys, newest)
	}
	check(newest)
	kept, err := b.Log().Commit(ctx, said(newest+1))
	require.NoError(t, err)
	require.EqualValues(t, newest+1, kept.LastSeq)
	check(newest + 1)
	require.NoError(t, b.Log().Recover(ctx, "s"))
	check(newest + 1)
	_, err = b.makeDurable(ctx, "s")
	require.NoError(t, err)
	check(newest + 1)
	n, err := b.Log().Prune(ctx, "s", at(9))
	require.NoError(t, err)
	require.Equal(t, newest+1, n, "all of its own, and none else")
}

// onlyNew checks that nothing of the session before is there.
func onlyNew(t *testing.T, b *Store) {
	t.Helper()
	for _, c := range []string{"tasks", "messages", "chats", "contacts", "receipts"} {
		require.Zero(t, count(t, b, c, "s", nil), c)
	}
	list, err := b.Devices().List(t.Context(), "s", "t", "", "", 5)
	require.NoError(t, err)
	require.Empty(t, list)
}

// TestRecreatedWhileProjecting pauses an owner between its look at the head and its writes, until the
// session was deleted and another one of the same name is there.
func TestRecreatedWhileProjecting(t *testing.T) {
	onBoth(t, func(t *testing.T, uri string) {
		for name, events := range map[string]int{"as far": 1, "further": 3, "not begun": 0} {
			t.Run(name, func(t *testing.T) {
				a, b := openIdle(t, uri), openIdle(t, uri)
				ctx := t.Context()
				require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "s"}))
				u := makes()
				u.Contacts = []store.ContactUpdate{{ID: "p", LID: "p"}}
				u.Chats = []store.ChatUpdate{{ID: "c", Kind: store.ChatPerson}}
				u.Receipts = []store.Receipt{{Key: u.Messages[0].MessageKey, By: "p", Status: store.StatusRead, At: at(1)}}
				_, err := a.Log().Commit(ctx, u)
				require.NoError(t, err)
				p := newPause()
				a.hooks.projecting = p.at
				read := make(chan error)
				go func() { read <- a.see(ctx, "s") }()
				<-p.reached
				recreated(t, b)
				for i := range events {
					_, err := b.Log().Commit(ctx, said(i+1))
					require.NoError(t, err)
				}
				require.NoError(t, b.see(ctx, "s"))
				close(p.goOn)
				require.NoError(t, <-read)
				untouched(t, b, events)
				require.NoError(t, b.Sessions().Delete(ctx, "s"))
			})
		}
	})
}

// TestRecreatedWhileInserting is the same with an owner that is about to commit.
func TestRecreatedWhileInserting(t *testing.T) {
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
		recreated(t, b)
		_, err = b.Log().Commit(ctx, said(1))
		require.NoError(t, err)
		close(p.goOn)
		<-committed // whatever it is told, the session that it wrote to is gone
		require.NoError(t, a.see(ctx, "s"))
		untouched(t, b, 1)
		_, err = a.Log().Commit(ctx, numbered(9))
		require.ErrorIs(t, err, store.ErrFenced)
	})
}

// TestRecreatedHasNumbersOfItsOwn has what the owner before writes late find no session that it could be of.
func TestRecreatedHasNumbersOfItsOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, uri string) {
		a, b := openIdle(t, uri), openIdle(t, uri)
		ctx := t.Context()
		require.NoError(t, a.Sessions().Create(ctx, store.Session{ID: "s"}))
		require.NoError(t, a.Leases().Acquire(ctx, "s", nil))
		for range 3 {
			before, err := b.find(ctx, "read head", "s")
			require.NoError(t, err)
			recreated(t, b)
			now, err := b.find(ctx, "read head", "s")
			require.NoError(t, err)
			require.Greater(t, now.Lease.Epoch, before.Lease.Epoch, "an epoch is never that of two owners")
			require.Greater(t, now.Proj, before.Proj, "nor is the number of a unit that of two")
			require.Zero(t, now.Seq, "the log begins anew")
		}
	})
}
