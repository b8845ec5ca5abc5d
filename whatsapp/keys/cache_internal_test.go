package keys

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCacheBounds(t *testing.T) {
	k := cache{size: 10, limit: 4000}
	_, ok := k.get(cell{"t", "none"})
	require.False(t, ok)
	for i := range 100 {
		k.add(cell{"t", fmt.Sprint(i)}, make([]byte, i*7))
		require.LessOrEqual(t, k.bytes, k.limit)
		require.LessOrEqual(t, k.lru.Len(), 10)
		sum := 0
		for _, c := range k.lru.Keys() {
			v, _ := k.lru.Peek(c)
			sum += cost(c, v)
		}
		require.Equal(t, sum, k.bytes)
	}
	k.add(cell{"t", "big"}, make([]byte, 2000))
	_, ok = k.get(cell{"t", "big"})
	assert.False(t, ok, "too large to be worth it")
	k.add(cell{"t", "absent"}, nil)
	v, ok := k.get(cell{"t", "absent"})
	assert.True(t, ok)
	assert.Nil(t, v)
	k.add(cell{"t", "absent"}, []byte{})
	v, _ = k.get(cell{"t", "absent"})
	assert.NotNil(t, v)
	k.remove(cell{"t", "absent"})
	k.purge()
	assert.Zero(t, k.bytes)
}

func TestBulkDoesNotPushOut(t *testing.T) {
	k := cache{size: 8, limit: 1 << 20}
	k.add(cell{"t", "used"}, []byte("old"))
	var o overlay
	for i := range 50 {
		o.set(cell{"t", fmt.Sprint(i)}, []byte{1})
	}
	o.set(cell{"t", "used"}, []byte("new"))
	k.kept(&o)
	v, ok := k.get(cell{"t", "used"})
	require.True(t, ok)
	assert.Equal(t, "new", string(v))
	assert.Equal(t, 1, k.lru.Len())
}

func TestOverlay(t *testing.T) {
	var o overlay
	for i := range 40 { // beyond where it gets an index
		o.set(cell{"t", fmt.Sprint(i % 20)}, []byte{byte(i)})
	}
	require.Equal(t, 20, o.len())
	for i := range 20 {
		v, ok := o.get(cell{"t", fmt.Sprint(i)})
		require.True(t, ok)
		require.Equal(t, []byte{byte(i + 20)}, v)
		require.Equal(t, fmt.Sprint(i), o.changes()[i].Key, "order of the first write")
	}
	_, ok := o.get(cell{"u", "1"})
	require.False(t, ok)
	var none *overlay
	_, ok = none.get(cell{"t", "1"})
	require.False(t, ok)
}

func TestJoinKeyIsUnambiguous(t *testing.T) {
	seen := map[string][]string{}
	parts := []string{"", "a", "b", "a/b", "a%2Fb", "/", "%", "a/", "/b"}
	for _, x := range parts {
		for _, y := range parts {
			key := joinKey(x, y)
			require.NotContains(t, seen, key, "%q %q", x, y)
			seen[key] = []string{x, y}
		}
	}
	assert.Equal(t, "111_1:0/123-4@g.us", joinKey("111_1:0", "123-4@g.us"))
}
