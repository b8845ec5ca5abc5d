package account

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStoredHashes checks passwords against hashes that earlier versions have kept, and against what is none.
func TestStoredHashes(t *testing.T) {
	t.Parallel()
	const stored = "$argon2id$v=19$m=19456,t=2,p=1$kef9a7hVz4g9z2/Lr/UncQ$QgveaWltQbNGWHNlQlYWeAxD4e9y7XdzDetu+hi+vFM"
	h := newHasher()
	good, err := h.matches(t.Context(), "correct horse battery", stored)
	require.NoError(t, err)
	require.True(t, good)
	good, err = h.matches(t.Context(), "correct horse batterz", stored)
	require.NoError(t, err)
	require.False(t, good)
	fresh, err := h.hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	require.Len(t, fresh, len(stored))
	require.Equal(t, stored[:len("$argon2id$v=19$m=19456,t=2,p=1$")], fresh[:len("$argon2id$v=19$m=19456,t=2,p=1$")])
	for _, none := range []string{"", "plain", "$argon2i" + stored[len("$argon2id"):], "$argon2id$v=16" + stored[len("$argon2id$v=19"):], stored[:40], stored + "$", stored + "!"} {
		_, err := h.matches(t.Context(), "correct horse battery", none)
		require.Error(t, err, none)
	}
}
