package keys

import "github.com/hashicorp/golang-lru/v2/simplelru"

// Bounds of a device's cache.
const (
	defaultCacheSize  = 512
	defaultCacheBytes = 256 << 10
	entryOverhead     = 96 // of an entry beside its key and value, roughly
)

// cache holds the values that the store has, the least recently used go first. A nil
// value says that the store has none. It is not safe for concurrent use.
type cache struct {
	size  int
	limit int // bytes
	bytes int
	lru   *simplelru.LRU[cell, []byte] // made at the first use
}

func cost(c cell, value []byte) int { return len(c.key) + len(value) + entryOverhead }

func (k *cache) get(c cell) ([]byte, bool) {
	if k.lru == nil {
		return nil, false
	}
	return k.lru.Get(c)
}

func (k *cache) add(c cell, value []byte) {
	k.remove(c)
	if cost(c, value) > k.limit/4 { // it would push out everything else
		return
	}
	if k.lru == nil {
		k.lru, _ = simplelru.NewLRU(k.size, func(c cell, v []byte) { k.bytes -= cost(c, v) }) // the size is positive
	}
	k.bytes += cost(c, value)
	k.lru.Add(c, value)
	for k.bytes > k.limit {
		k.lru.RemoveOldest()
	}
}

func (k *cache) remove(c cell) {
	if k.lru != nil {
		k.lru.Remove(c)
	}
}

func (k *cache) purge() {
	k.lru, k.bytes = nil, 0
}

// kept takes over what a commit has kept. Many values at once, as new prekeys are, only
// replace what is cached: they would push out what is in use.
func (k *cache) kept(o *overlay) {
	few := o.len() <= k.size/4
	for _, w := range o.list {
		if _, cached := k.get(w.cell); cached || few {
			k.add(w.cell, w.value)
		}
	}
}
