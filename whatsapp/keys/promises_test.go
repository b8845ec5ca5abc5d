package keys_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/keys"
)

var sentAt = time.Unix(1_700_000_000, 0)

// incoming is a message as far as the stores see it.
type incoming struct {
	hash  [32]byte
	plain string
	step  string // session after it
}

func message(n byte) incoming {
	return incoming{hash: [32]byte{n}, plain: fmt.Sprint("plain ", n), step: fmt.Sprint("step ", n)}
}

// decrypt does with the stores what whatsmeow does for a message until the event handler
// is called. It returns the plaintext, or nil when the message was processed already.
func decrypt(t testing.TB, wa *wastore.Device, in incoming) []byte {
	t.Helper()
	require.NoError(t, wa.LIDs.PutLIDMapping(ctx, lid("911"), pn("111")))
	event, err := wa.EventBuffer.GetBufferedEvent(ctx, in.hash)
	require.NoError(t, err)
	if event != nil {
		return event.Plaintext
	}
	require.NoError(t, wa.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		if _, err := wa.Sessions.HasSession(ctx, "911_1:0"); err != nil {
			return err
		}
		if _, err := wa.Sessions.GetSession(ctx, "911_1:0"); err != nil {
			return err
		}
		return errors.Join(
			wa.Identities.PutIdentity(ctx, "911_1:0", [32]byte{9}),
			wa.Sessions.PutSession(ctx, "911_1:0", []byte(in.step)),
			wa.PreKeys.RemovePreKey(ctx, 1),
			wa.EventBuffer.PutBufferedEvent(ctx, in.hash, []byte(in.plain), sentAt),
		)
	}))
	require.NoError(t, wa.SenderKeys.PutSenderKey(ctx, "g@g.us", "911_1:0", []byte("sk")))
	_, _, err = wa.Contacts.PutPushName(ctx, lid("911"), "Ann")
	require.NoError(t, err)
	return []byte(in.plain)
}

func unit(in incoming) store.Unit {
	return store.Unit{Messages: []store.Message{{MessageKey: store.MessageKey{Chat: "c", Sender: "s", ID: in.plain}, Timestamp: sentAt}}}
}

func buffered(t testing.TB, wa *wastore.Device, in incoming) *wastore.BufferedEvent {
	t.Helper()
	event, err := wa.EventBuffer.GetBufferedEvent(ctx, in.hash)
	require.NoError(t, err)
	return event
}

// plaintextKept says whether the store holds a plaintext of a message.
func plaintextKept(m *memStore) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.keys["buffer"] {
		if len(v) > 17 {
			return true
		}
	}
	return false
}

func TestReceiveIsOneCommit(t *testing.T) {
	d, m := linkedMem(t)
	wa := d.Whatsmeow()
	_, err := wa.PreKeys.GetOrGenPreKeys(ctx, 2)
	require.NoError(t, err)
	before := m.commits()
	for n := byte(1); n <= 3; n++ {
		in := message(n)
		require.Equal(t, in.plain, string(decrypt(t, wa, in)))
		require.True(t, d.Pending())
		require.Equal(t, before+int(n)-1, m.commits(), "nothing is kept before the message is")
		kept, err := d.CommitReceived(ctx, unit(in), sentAt)
		require.NoError(t, err)
		assert.Zero(t, kept.LastSeq)
		require.NoError(t, wa.EventBuffer.ClearBufferedEventPlaintext(ctx, in.hash))
		require.False(t, d.Pending(), "clearing a settled plaintext costs nothing")
		require.Equal(t, before+int(n), m.commits())
		require.False(t, plaintextKept(m))
		require.Equal(t, session, m.last().Session)
		require.Len(t, m.last().Messages, 1)
		require.Nil(t, buffered(t, wa, in).Plaintext)
	}

	again := openDevice(t, memBackend{m}).Whatsmeow() // as after a crash
	assert.Nil(t, decrypt(t, again, message(3)))
	raw, err := again.Sessions.GetSession(ctx, "911_1:0")
	require.NoError(t, err)
	assert.Equal(t, "step 3", string(raw))
	key, err := again.PreKeys.GetPreKey(ctx, 1)
	require.NoError(t, err)
	assert.Nil(t, key)
	info, err := again.Contacts.GetContact(ctx, lid("911"))
	require.NoError(t, err)
	assert.Equal(t, "Ann", info.PushName)
}

func TestCrashBeforeCommitLeavesTheOldState(t *testing.T) {
	d, m := linkedMem(t)
	decrypt(t, d.Whatsmeow(), message(1))
	_, err := d.CommitReceived(ctx, unit(message(1)), sentAt)
	require.NoError(t, err)
	decrypt(t, d.Whatsmeow(), message(2))

	again := openDevice(t, memBackend{m})
	raw, err := again.Whatsmeow().Sessions.GetSession(ctx, "911_1:0")
	require.NoError(t, err)
	assert.Equal(t, "step 1", string(raw))
	assert.Equal(t, "plain 2", string(decrypt(t, again.Whatsmeow(), message(2))))
}

func TestPlainCommitKeepsPlaintext(t *testing.T) {
	d, m := linkedMem(t)
	wa, in := d.Whatsmeow(), message(1)
	decrypt(t, wa, in)
	_, err := d.Commit(ctx, store.Unit{}) // some other happening, at the same time
	require.NoError(t, err)
	require.True(t, plaintextKept(m), "the message itself is not kept yet")

	again := openDevice(t, memBackend{m})
	require.Equal(t, in.plain, string(decrypt(t, again.Whatsmeow(), in)), "after a crash it is there still")
	_, err = again.CommitReceived(ctx, unit(in), sentAt)
	require.NoError(t, err)
	require.False(t, plaintextKept(m), "settled in the same unit")
	require.Nil(t, buffered(t, again.Whatsmeow(), in).Plaintext)
}

func TestSettlesOnlyTheMessageAtHand(t *testing.T) {
	d, m := linkedMem(t)
	wa, in := d.Whatsmeow(), message(1)
	decrypt(t, wa, in) // its handler fails before it commits
	newsletter := store.Unit{Messages: []store.Message{{MessageKey: store.MessageKey{ID: "N"}}}}
	_, err := d.CommitReceived(ctx, newsletter, sentAt.Add(time.Minute))
	require.NoError(t, err)
	require.True(t, plaintextKept(m))
	require.Equal(t, in.plain, string(decrypt(t, wa, in)))

	decrypt(t, wa, message(2)) // now another one is at hand
	_, err = d.CommitReceived(ctx, unit(message(2)), sentAt)
	require.NoError(t, err)
	require.Equal(t, in.plain, string(buffered(t, wa, in).Plaintext))

	require.NoError(t, wa.EventBuffer.ClearBufferedEventPlaintext(ctx, in.hash))
	require.True(t, d.Pending(), "clearing is deferred when it was not settled")
	require.NoError(t, d.Flush(ctx))
	require.False(t, plaintextKept(m))
}

func TestFailedCommitLosesNothing(t *testing.T) {
	d, m := linkedMem(t)
	wa, in := d.Whatsmeow(), message(1)
	decrypt(t, wa, in)
	m.setFail(fmt.Errorf("disk full: %w", store.ErrUnavailable))
	_, err := d.CommitReceived(ctx, unit(in), sentAt)
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.True(t, d.Pending())
	require.Equal(t, in.plain, string(buffered(t, wa, in).Plaintext), "redelivery is answered from memory")
	raw, err := wa.Sessions.GetSession(ctx, "911_1:0")
	require.NoError(t, err)
	require.Equal(t, in.step, string(raw))
	require.ErrorIs(t, wa.Sessions.PutSession(ctx, "x:0", []byte("x")), store.ErrUnavailable)
	require.ErrorIs(t, d.Flush(ctx), store.ErrUnavailable)

	m.setFail(nil)
	require.Equal(t, in.plain, string(decrypt(t, wa, in)))
	_, err = d.CommitReceived(ctx, unit(in), sentAt)
	require.NoError(t, err)
	require.False(t, d.Pending())
	keys := m.last().Keys
	require.Equal(t, "lid", keys[0].Table, "the order is that of the writes")
	require.Equal(t, "x:0", keys[len(keys)-1].Key)
	require.False(t, plaintextKept(m))
}

func TestNewerWritesOutliveAFailedCommit(t *testing.T) {
	d, m := linkedMem(t)
	wa := d.Whatsmeow()
	m.fail = func(u store.Unit) error {
		m.fail = nil
		return store.ErrUnavailable
	}
	m.gate, m.entered = make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		done <- wa.Sessions.PutManySessions(ctx, map[string][]byte{"a:0": []byte("1"), "b:0": []byte("1")})
	}()
	<-m.entered
	require.NoError(t, wa.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		return wa.Sessions.PutSession(ctx, "a:0", []byte("2"))
	}))
	raw, err := wa.Sessions.GetManySessions(ctx, []string{"a:0", "b:0"})
	require.NoError(t, err)
	require.Equal(t, "2", string(raw["a:0"]))
	require.Equal(t, "1", string(raw["b:0"]), "what is in flight is seen")
	m.gate <- struct{}{}
	require.ErrorIs(t, <-done, store.ErrUnavailable)
	m.gate = nil
	require.NoError(t, d.Flush(ctx))
	again, err := openDevice(t, memBackend{m}).Whatsmeow().Sessions.GetManySessions(ctx, []string{"a:0", "b:0"})
	require.NoError(t, err)
	require.Equal(t, raw, again)
}

func TestKnownMessage(t *testing.T) {
	d, m := linkedMem(t)
	wa, in := d.Whatsmeow(), message(1)
	decrypt(t, wa, in)
	m.kept = func(store.Unit) error { m.kept = nil; return store.ErrUnavailable } // kept, but the answer was lost
	_, err := d.CommitReceived(ctx, unit(in), sentAt)
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.Equal(t, in.plain, string(decrypt(t, wa, in)))
	_, err = d.CommitReceived(ctx, unit(in), sentAt)
	require.ErrorIs(t, err, store.ErrExists)
	require.True(t, d.Pending())
	_, err = d.CommitReceived(ctx, store.Unit{}, sentAt)
	require.NoError(t, err)
	require.False(t, d.Pending())
	require.False(t, plaintextKept(m))
	require.Nil(t, decrypt(t, wa, in))
}

func TestUnitWithKeysIsRefused(t *testing.T) {
	d, _ := linkedMem(t)
	_, err := d.Commit(ctx, store.Unit{ForgetKeys: true})
	require.Error(t, err)
	_, err = d.Commit(ctx, store.Unit{Keys: []store.KeyChange{{}}})
	require.Error(t, err)
}

func TestPanicInTxn(t *testing.T) {
	d, _ := linkedMem(t)
	wa := d.Whatsmeow()
	var late context.Context
	assert.Panics(t, func() {
		_ = wa.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
			late = ctx
			assert.NoError(t, wa.Sessions.PutSession(ctx, "a:0", []byte("x")))
			panic("libsignal")
		})
	})
	has, err := wa.Sessions.HasSession(ctx, "a:0")
	require.NoError(t, err)
	assert.False(t, has)
	require.NoError(t, wa.Sessions.PutSession(late, "a:0", []byte("y")), "a context that outlived its txn is a plain one")
	require.False(t, d.Pending())
}

func TestTxnIsUnseenUntilItEnds(t *testing.T) {
	d, _ := linkedMem(t)
	wa := d.Whatsmeow()
	require.NoError(t, wa.EventBuffer.DoDecryptionTxn(ctx, func(in context.Context) error {
		require.NoError(t, wa.Sessions.PutSession(in, "a:0", []byte("x")))
		require.NoError(t, wa.Sessions.DeleteAllSessions(in, "a"))
		require.NoError(t, wa.Sessions.PutSession(in, "a:1", []byte("x")))
		require.Error(t, wa.EventBuffer.DoDecryptionTxn(in, func(in context.Context) error {
			require.NoError(t, wa.EventBuffer.PutBufferedEvent(in, [32]byte{}, nil, sentAt))
			require.ErrorIs(t, wa.EventBuffer.PutBufferedEvent(in, [32]byte{}, nil, sentAt), store.ErrExists)
			return errors.New("inner")
		}))
		has, err := wa.Sessions.HasSession(ctx, "a:1")
		require.NoError(t, err)
		require.False(t, has)
		return nil
	}))
	got, err := wa.Sessions.GetManySessions(ctx, []string{"a:0", "a:1"})
	require.NoError(t, err)
	assert.Nil(t, got["a:0"])
	assert.NotNil(t, got["a:1"])
	require.True(t, d.Pending())
}

func TestBatchesAreOneCommit(t *testing.T) {
	d, m := linkedMem(t)
	wa := d.Whatsmeow()
	commits := func(want int, do func() error) {
		t.Helper()
		before := m.commits()
		require.NoError(t, do())
		require.Equal(t, want, m.commits()-before)
	}
	commits(1, func() error { _, err := wa.PreKeys.GetOrGenPreKeys(ctx, 812); return err })
	commits(1, func() error { return wa.PreKeys.MarkPreKeysAsUploaded(ctx, 812) })
	commits(1, func() error { _, err := wa.PreKeys.GenOnePreKey(ctx); return err })
	commits(1, func() error { return wa.Sessions.PutManySessions(ctx, map[string][]byte{"a:0": {1}, "b:0": {2}}) })
	commits(1, func() error { return wa.SenderKeys.PutSenderKey(ctx, "g", ownLID.SignalAddress().String(), []byte{1}) })
	commits(0, func() error { return wa.SenderKeys.PutSenderKey(ctx, "g", "b:0", []byte{1}) })
	commits(1, func() error { return wa.Identities.PutIdentity(ctx, "a:0", [32]byte{1}) })
	commits(0, func() error { return wa.Identities.PutIdentity(ctx, "a:0", [32]byte{1}) })
	commits(1, func() error { // as whatsmeow keeps a patch
		return errors.Join(
			wa.AppState.PutAppStateVersion(ctx, "regular", 2, [128]byte{}),
			wa.AppState.DeleteAppStateMutationMACs(ctx, "regular", [][]byte{{1}}),
			wa.AppState.PutAppStateMutationMACs(ctx, "regular", 2, nil))
	})
	commits(3, func() error { return wa.LIDs.PutManyLIDMappings(ctx, lidPairs(2100)) })
	for _, u := range m.units {
		require.LessOrEqual(t, len(u.Keys), 2001, "no unit grows without bound")
	}
}

func lidPairs(n int) []wastore.LIDMapping {
	out := make([]wastore.LIDMapping, n)
	for i := range out {
		out[i] = wastore.LIDMapping{LID: lid(fmt.Sprint("9", i)), PN: pn(fmt.Sprint("3", i))}
	}
	return out
}

func TestPreKeyIDsAreNeverReused(t *testing.T) {
	d, m := linkedMem(t)
	got, err := d.Whatsmeow().PreKeys.GetOrGenPreKeys(ctx, 2)
	require.NoError(t, err)
	require.EqualValues(t, 2, got[1].KeyID)
	require.NoError(t, d.Whatsmeow().PreKeys.RemovePreKey(ctx, 2))
	one, err := openDevice(t, memBackend{m}).Whatsmeow().PreKeys.GenOnePreKey(ctx)
	require.NoError(t, err)
	assert.EqualValues(t, 3, one.KeyID)
}

func TestOldEntriesGo(t *testing.T) {
	now := sentAt
	d, m := linkedMem(t, func(c *keys.Config) { c.Now = func() time.Time { return now } })
	wa := d.Whatsmeow()
	hash := func(n int) [32]byte { return [32]byte{byte(n), byte(n >> 8)} }
	for i := range 2300 {
		require.NoError(t, wa.EventBuffer.PutBufferedEvent(ctx, hash(i), nil, now))
	}
	require.NoError(t, wa.EventBuffer.AddOutgoingEvent(ctx, pn("1"), "old", "wa", nil))
	now = now.Add(7*24*time.Hour + time.Second)
	require.NoError(t, wa.EventBuffer.AddOutgoingEvent(ctx, pn("1"), "new", "wa", nil))
	require.NoError(t, wa.EventBuffer.DeleteOldOutgoingEvents(ctx))
	require.NoError(t, wa.EventBuffer.DeleteOldBufferedHashes(ctx))
	_, _, err := wa.EventBuffer.GetOutgoingEvent(ctx, pn("1"), types.EmptyJID, "old")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, _, err = wa.EventBuffer.GetOutgoingEvent(ctx, pn("1"), types.EmptyJID, "new")
	require.NoError(t, err)
	require.NotNil(t, buffered(t, wa, incoming{hash: hash(5)}))

	now = now.Add(7 * 24 * time.Hour)
	require.NoError(t, wa.EventBuffer.PutBufferedEvent(ctx, [32]byte{31: 1}, nil, now))
	require.NoError(t, wa.EventBuffer.DeleteOldBufferedHashes(ctx))
	require.NoError(t, d.Flush(ctx))
	assert.Len(t, m.keys["buffer"], 1)
}

// TestTooLargeToBeKept: a contact cannot make a unit that no back end takes, which would come
// again for ever and hold up everything behind it.
func TestTooLargeToBeKept(t *testing.T) {
	d, _ := linkedMem(t)
	wa := d.Whatsmeow()
	in := message(1)
	require.Equal(t, in.plain, string(decrypt(t, wa, in)))
	err := wa.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		return errors.Join(
			wa.Sessions.PutSession(ctx, "911_1:0", []byte("step 2")),
			wa.EventBuffer.PutBufferedEvent(ctx, [32]byte{2}, make([]byte, 8<<20+1), sentAt),
		)
	})
	require.ErrorIs(t, err, store.ErrTooLarge)
	raw, err := wa.Sessions.GetSession(ctx, "911_1:0")
	require.NoError(t, err)
	require.Equal(t, in.step, string(raw), "as if it had not been decrypted")
	require.NoError(t, wa.EventBuffer.PutBufferedEvent(ctx, [32]byte{3}, make([]byte, 8<<20), sentAt))
}
