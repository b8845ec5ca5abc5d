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
)

func testBuffer(t *testing.T, wa *wastore.Device) {
	s := wa.EventBuffer
	hash, other := [32]byte{1}, [32]byte{2}
	none, err := s.GetBufferedEvent(ctx, hash)
	require.NoError(t, err)
	assert.Nil(t, none)
	require.NoError(t, s.ClearBufferedEventPlaintext(ctx, hash))

	before, sent := time.Now().Add(-time.Second), time.Unix(1_700_000_000, 0)
	require.NoError(t, s.PutBufferedEvent(ctx, hash, []byte("plain"), sent))
	require.NoError(t, s.PutBufferedEvent(ctx, other, nil, sent))
	got, err := s.GetBufferedEvent(ctx, hash)
	require.NoError(t, err)
	assert.Equal(t, []byte("plain"), got.Plaintext)
	assert.True(t, got.ServerTime.Equal(sent))
	assert.True(t, got.InsertTime.After(before))
	assert.Error(t, s.PutBufferedEvent(ctx, hash, []byte("again"), sent))
	require.NoError(t, s.ClearBufferedEventPlaintext(ctx, hash))
	for _, h := range [][32]byte{hash, other} {
		got, err = s.GetBufferedEvent(ctx, h)
		require.NoError(t, err)
		require.NotNil(t, got)
		assert.Nil(t, got.Plaintext)
		assert.True(t, got.ServerTime.Equal(sent))
	}
	require.NoError(t, s.DeleteOldBufferedHashes(ctx))
	got, err = s.GetBufferedEvent(ctx, hash)
	require.NoError(t, err)
	assert.NotNil(t, got)
}

func testTxn(t *testing.T, wa *wastore.Device) {
	broken := errors.New("broken")
	require.NoError(t, wa.Sessions.PutSession(ctx, "a:0", []byte("before")))
	_, err := wa.PreKeys.GetOrGenPreKeys(ctx, 2)
	require.NoError(t, err)
	step := func(fail error) error {
		return wa.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
			if err := errors.Join(
				wa.Sessions.PutSession(ctx, "a:0", []byte("after")),
				wa.Identities.PutIdentity(ctx, "a:0", [32]byte{1}),
				wa.PreKeys.RemovePreKey(ctx, 1),
				wa.SenderKeys.PutSenderKey(ctx, "g", "a:0", []byte("sk")),
				wa.EventBuffer.PutBufferedEvent(ctx, [32]byte{1}, []byte("p"), time.Unix(1, 0)),
			); err != nil {
				return err
			}
			raw, err := wa.Sessions.GetSession(ctx, "a:0") // it sees its own writes
			if err != nil || string(raw) != "after" {
				return fmt.Errorf("session %q %w", raw, err)
			}
			return fail
		})
	}
	check := func(session string, prekey, known bool) {
		t.Helper()
		raw, err := wa.Sessions.GetSession(ctx, "a:0")
		require.NoError(t, err)
		assert.Equal(t, session, string(raw))
		key, err := wa.PreKeys.GetPreKey(ctx, 1)
		require.NoError(t, err)
		assert.Equal(t, prekey, key != nil)
		sk, err := wa.SenderKeys.GetSenderKey(ctx, "g", "a:0")
		require.NoError(t, err)
		assert.Equal(t, known, sk != nil)
		event, err := wa.EventBuffer.GetBufferedEvent(ctx, [32]byte{1})
		require.NoError(t, err)
		assert.Equal(t, known, event != nil)
		trusted, err := wa.Identities.IsTrustedIdentity(ctx, "a:0", [32]byte{2})
		require.NoError(t, err)
		assert.Equal(t, !known, trusted)
	}
	require.ErrorIs(t, step(broken), broken)
	check("before", true, false)
	require.NoError(t, step(nil))
	check("after", false, true)
	require.Error(t, step(nil), "the ciphertext is known")
}

func testOutgoing(t *testing.T, wa *wastore.Device) {
	s := wa.EventBuffer
	_, _, err := s.GetOutgoingEvent(ctx, pn("1"), types.EmptyJID, "ID")
	require.Error(t, err)
	require.NoError(t, s.AddOutgoingEvent(ctx, pn("1"), "ID", "wa", []byte("first")))
	require.NoError(t, s.AddOutgoingEvent(ctx, pn("1"), "ID", "fb", []byte("second")))
	require.NoError(t, s.AddOutgoingEvent(ctx, pn("2"), "ID", "wa", []byte("other")))
	for _, ask := range [][2]types.JID{{pn("1"), types.EmptyJID}, {pn("1"), lid("5")}, {lid("5"), pn("1")}} {
		format, raw, err := s.GetOutgoingEvent(ctx, ask[0], ask[1], "ID")
		require.NoError(t, err)
		assert.Equal(t, "fb", format)
		assert.Equal(t, []byte("second"), raw)
	}
	_, _, err = s.GetOutgoingEvent(ctx, pn("1"), types.EmptyJID, "OTHER")
	require.Error(t, err)
	require.NoError(t, s.DeleteOldOutgoingEvents(ctx))
	_, _, err = s.GetOutgoingEvent(ctx, pn("1"), types.EmptyJID, "ID")
	require.NoError(t, err)
}

func testDelete(t *testing.T, wa *wastore.Device) {
	require.NoError(t, wa.Sessions.PutSession(ctx, "a:0", []byte("s")))
	sessions := wa.Sessions
	require.NoError(t, wa.Delete(ctx))
	require.NoError(t, wa.Delete(ctx))
	assert.Nil(t, wa.ID)
	assert.ErrorIs(t, wa.Save(ctx), wastore.ErrDeviceDeleted)
	assert.ErrorIs(t, wa.Sessions.PutSession(ctx, "a:0", nil), wastore.ErrDeviceDeleted)
	raw, err := sessions.GetSession(ctx, "a:0")
	require.NoError(t, err)
	assert.Nil(t, raw)
	require.Error(t, sessions.PutSession(ctx, "a:0", []byte("late")))
}
