package keys

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

func hashOf(n int) [32]byte { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))) }

func TestFilterNeverForgets(t *testing.T) {
	t.Parallel()
	var f filter
	require.False(t, f.has(hashOf(1)))
	const n = 20_000
	for i := range n {
		f.add(hashOf(i))
	}
	wrong := 0
	for i := range n {
		require.True(t, f.has(hashOf(i)))
		if f.has(hashOf(n + i)) {
			wrong++
		}
	}
	require.Less(t, wrong, n/20, "said to be there, and is not")
	require.Less(t, len(f.layers), 6)
}
