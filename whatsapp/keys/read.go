package keys

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"whatsapp-api/store"
)

const (
	getBatch  = 500 // keys asked for at once
	listBatch = 500 // values of one page
)

// layered looks c up in everything above the store. The caller holds d.mu.
func (d *Device) layered(c cell, txn *change) ([]byte, bool) {
	for t := txn; t != nil; t = t.under {
		if v, ok := t.writes.get(c); ok {
			return v, true
		}
	}
	if v, ok := d.pending.get(c); ok {
		return v, true
	}
	for i := len(d.queue) - 1; i >= 0; i-- {
		if v, ok := d.queue[i].keys.get(c); ok {
			return v, true
		}
	}
	return d.cache.get(c)
}

// get returns a value as ctx sees it; nil when there is none. The caller must not change it.
func (d *Device) get(ctx context.Context, table, key string) ([]byte, error) {
	return d.getUnder(ctx, d.txn(ctx), table, key)
}

func (d *Device) getUnder(ctx context.Context, txn *change, table, key string) ([]byte, error) {
	c := cell{table, key}
	d.mu.Lock()
	v, ok := d.layered(c, txn)
	commits := d.commits
	d.mu.Unlock()
	if ok {
		return v, nil
	}
	found, err := d.devices.Get(ctx, d.session, table, []string{key})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.learn(c, found, txn, commits), nil
}

// learn takes what the store answered for c, unless it was written meanwhile. It is only
// cached when no commit has ended since the store was asked: the answer may be older.
// The caller holds d.mu.
func (d *Device) learn(c cell, found map[string][]byte, txn *change, commits uint64) []byte {
	if v, ok := d.layered(c, txn); ok {
		return v
	}
	v, ok := found[c.key]
	if ok && v == nil {
		v = []byte{}
	}
	if commits == d.commits {
		d.cache.add(c, v)
	}
	return v
}

// getMany returns those values that exist, as ctx sees them.
func (d *Device) getMany(ctx context.Context, table string, keys []string) (map[string][]byte, error) {
	return d.getManyUnder(ctx, d.txn(ctx), table, keys)
}

func (d *Device) getManyUnder(ctx context.Context, txn *change, table string, keys []string) (map[string][]byte, error) {
	out := make(map[string][]byte, len(keys))
	var missing []string
	d.mu.Lock()
	for _, key := range keys {
		if v, ok := d.layered(cell{table, key}, txn); !ok {
			missing = append(missing, key)
		} else if v != nil {
			out[key] = v
		}
	}
	commits := d.commits
	d.mu.Unlock()
	for part := range slices.Chunk(missing, getBatch) {
		found, err := d.devices.Get(ctx, d.session, table, part)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
		d.mu.Lock()
		for _, key := range part {
			if v := d.learn(cell{table, key}, found, txn, commits); v != nil {
				out[key] = v
			}
		}
		d.mu.Unlock()
	}
	return out, nil
}

// each calls fn for every value whose key begins with prefix and is greater than after,
// in order of the keys' bytes, until fn returns false. The layers are those of when it
// began. The store's values do not go through the cache.
func (d *Device) each(ctx context.Context, txn *change, table, prefix, after string, fn func(key string, value []byte) bool) error {
	over := d.overlaid(txn, table, prefix, after)
	keys := make([]string, 0, len(over))
	for key := range over {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	next := 0 // of keys
	emit := func(upTo string, all bool) bool {
		for ; next < len(keys) && (all || keys[next] < upTo); next++ {
			if v := over[keys[next]]; v != nil && !fn(keys[next], v) {
				return false
			}
		}
		return true
	}
	for {
		page, err := d.devices.List(ctx, d.session, table, prefix, after, listBatch)
		if err != nil {
			return fmt.Errorf("list %s: %w", table, err)
		}
		for _, kv := range page {
			if !emit(kv.Key, false) {
				return nil
			}
			if _, ok := over[kv.Key]; !ok && !fn(kv.Key, nonNil(kv)) {
				return nil
			}
		}
		if len(page) < listBatch {
			emit("", true)
			return nil
		}
		after = page[len(page)-1].Key
	}
}

func nonNil(kv store.KeyValue) []byte {
	if kv.Value == nil {
		return []byte{}
	}
	return kv.Value
}

// overlaid returns the writes above the store, nil for deleted ones.
func (d *Device) overlaid(txn *change, table, prefix, after string) map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	var layers []*overlay
	for _, e := range d.queue {
		layers = append(layers, &e.keys)
	}
	layers = append(layers, &d.pending)
	var txns []*overlay
	for t := txn; t != nil; t = t.under {
		txns = append(txns, &t.writes)
	}
	slices.Reverse(txns)
	over := map[string][]byte{}
	for _, o := range append(layers, txns...) {
		for _, w := range o.list {
			if w.table == table && strings.HasPrefix(w.key, prefix) && (after == "" || w.key > after) {
				over[w.key] = w.value
			}
		}
	}
	return over
}
