package keys_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOldSecretsAreDropped has the rows of an earlier version in the store, more than go at once.
func TestOldSecretsAreDropped(t *testing.T) {
	d, m := linkedMem(t)
	m.mu.Lock()
	m.keys["secret"] = map[string][]byte{}
	for i := range 1200 {
		m.keys["secret"][fmt.Sprint("911@lid/911@lid/", i)] = []byte("secret")
	}
	m.mu.Unlock()
	require.NoError(t, d.DropSecrets(ctx))
	require.NoError(t, d.Flush(ctx))
	m.mu.Lock()
	defer m.mu.Unlock()
	require.Empty(t, m.keys["secret"])
	require.NotEmpty(t, m.keys["device"])
}
