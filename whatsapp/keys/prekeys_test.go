package keys_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/keys"
)

// lists tells of the tables that are listed.
type lists struct {
	store.Devices
	of map[string]int
}

func (l lists) List(ctx context.Context, session, table, prefix, after string, limit int) ([]store.KeyValue, error) {
	l.of[table]++
	return l.Devices.List(ctx, session, table, prefix, after, limit)
}

// TestPreKeysAreCountedOnce asks for their number after a restart: what was kept before that
// number was is counted, and nothing else is.
func TestPreKeysAreCountedOnce(t *testing.T) {
	d, m := linkedMem(t)
	_, err := d.Whatsmeow().PreKeys.GetOrGenPreKeys(ctx, 10)
	require.NoError(t, err)
	require.NoError(t, d.Whatsmeow().PreKeys.MarkPreKeysAsUploaded(ctx, 8))
	require.NoError(t, d.Close(ctx))
	for _, counted := range []int{1, 0} { // it was never asked for so far
		seen := lists{m, map[string]int{}}
		d := openDevice(t, memBackend{m}, func(c *keys.Config) { c.Devices = seen })
		n, err := d.Whatsmeow().PreKeys.UploadedPreKeyCount(ctx)
		require.NoError(t, err)
		require.Equal(t, 8-1+counted, n)
		if counted == 1 {
			require.NoError(t, d.Whatsmeow().PreKeys.RemovePreKey(ctx, 3))
			require.NoError(t, d.Whatsmeow().PreKeys.RemovePreKey(ctx, 9), "not uploaded")
		}
		require.Equal(t, counted, seen.of["prekey"])
		require.NoError(t, d.Close(ctx))
	}
}
