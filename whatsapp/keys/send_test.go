package keys_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	wastore "go.mau.fi/whatsmeow/store"

	"whatsapp-api/whatsapp/keys"
)

func receive(t *testing.T, wa *wastore.Device, address, session string) {
	t.Helper()
	require.NoError(t, wa.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		return wa.Sessions.PutSession(ctx, address, []byte(session))
	}))
}

func TestSendIsStale(t *testing.T) {
	d, m := linkedMem(t)
	wa := d.Whatsmeow()
	require.NoError(t, wa.Sessions.PutManySessions(ctx, map[string][]byte{"a:0": []byte("a1"), "b:0": []byte("b1")}))

	cases := []struct {
		name    string
		between func()
		stale   bool
	}{
		{"nothing", func() {}, false},
		{"another session", func() { receive(t, wa, "x:0", "x") }, false},
		{"a decryption", func() { receive(t, wa, "a:0", "a2") }, true},
		{"a new session", func() { receive(t, wa, "c:0", "c1") }, true},
		{"a deletion", func() { require.NoError(t, wa.Sessions.DeleteSession(ctx, "a:0")) }, true},
		{"a migration", func() { require.NoError(t, wa.Sessions.MigratePNToLID(ctx, pn("b"), lid("bb"))) }, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			send := keys.WithSend(ctx)
			addresses := []string{"a:0", "b:0", "c:0"}
			_, err := wa.Sessions.GetManySessions(send, addresses)
			require.NoError(t, err)
			c.between()
			now, err := wa.Sessions.GetManySessions(ctx, addresses)
			require.NoError(t, err)
			before := m.commits()
			next := map[string][]byte{"a:0": []byte("a sent"), "b:0": []byte("b sent"), "c:0": []byte("c sent")}
			err = wa.Sessions.PutManySessions(send, next)
			assert.Equal(t, c.stale, keys.Stale(send))
			if !c.stale {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, keys.ErrStale)
			assert.Equal(t, before, m.commits())
			after, err := wa.Sessions.GetManySessions(ctx, addresses)
			require.NoError(t, err)
			assert.Equal(t, now, after, "nothing was changed")

			retry := keys.WithSend(ctx)
			_, err = wa.Sessions.GetManySessions(retry, addresses)
			require.NoError(t, err)
			require.NoError(t, wa.Sessions.PutManySessions(retry, next))
			assert.False(t, keys.Stale(retry))
			require.NoError(t, wa.Sessions.DeleteSession(ctx, "c:0"))
		})
	}
}

func TestSendSeesItsOwnWrites(t *testing.T) {
	d, _ := linkedMem(t)
	s, send := d.Whatsmeow().Sessions, keys.WithSend(ctx)
	require.NoError(t, s.PutSession(ctx, "a:0", []byte("1")))
	for _, next := range []string{"2", "3"} {
		_, err := s.GetSession(send, "a:0")
		require.NoError(t, err)
		require.NoError(t, s.PutSession(send, "a:0", []byte(next)))
		require.NoError(t, s.PutSession(send, "a:0", []byte(next+"+")), "it knows what it put")
	}
	require.NoError(t, s.DeleteSession(send, "a:0")) // an identity changed
	require.NoError(t, s.PutSession(send, "a:0", []byte("new")))
	assert.False(t, keys.Stale(ctx))
}

func TestSendKeepsIdentitiesWithSessions(t *testing.T) {
	d, m := linkedMem(t)
	wa, send, before := d.Whatsmeow(), keys.WithSend(ctx), m.commits()
	for _, a := range []string{"a:0", "b:0", "c:0"} {
		require.NoError(t, wa.Identities.PutIdentity(send, a, [32]byte{1}))
	}
	require.Equal(t, before, m.commits())
	require.NoError(t, wa.Sessions.PutManySessions(send, map[string][]byte{"a:0": {1}, "b:0": {1}, "c:0": {1}}))
	require.Equal(t, before+1, m.commits())
	require.Len(t, m.keys["identity"], 3)
	require.False(t, d.Pending())
}
