package keys

import (
	"context"
	"slices"
)

// change collects the writes of one operation on top of what it sees.
type change struct {
	d      *Device
	under  *change // the transaction it is part of
	writes overlay // guarded by d.mu
	done   bool    // guarded by d.mu

	// known is what getMany has read. No one else writes meanwhile, so it stays true.
	known map[cell][]byte
}

type txnKey struct{}

// txn returns the open decryption transaction that ctx belongs to, or nil.
func (d *Device) txn(ctx context.Context) *change {
	t, _ := ctx.Value(txnKey{}).(*change)
	if t == nil || t.d != d {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.done {
		return nil
	}
	return t
}

func (c *change) get(ctx context.Context, table, key string) ([]byte, error) {
	at := cell{table, key}
	if _, written := c.writes.get(at); !written { // only this operation writes here
		if v, ok := c.known[at]; ok {
			return v, nil
		}
	}
	return c.d.getUnder(ctx, c, table, key)
}

// getMany reads many at once, for the gets that follow too.
func (c *change) getMany(ctx context.Context, table string, keys []string) (map[string][]byte, error) {
	found, err := c.d.getManyUnder(ctx, c, table, keys)
	if err != nil {
		return nil, err
	}
	if c.known == nil {
		c.known = make(map[cell][]byte, len(keys))
	}
	for _, key := range keys {
		c.known[cell{table, key}] = found[key]
	}
	return found, nil
}

// list collects the keys of table that begin with prefix.
func (c *change) list(ctx context.Context, table, prefix string) ([]string, error) {
	var found []string
	err := c.d.each(ctx, c, table, prefix, "", func(key string, _ []byte) bool {
		found = append(found, key)
		return true
	})
	return found, err
}

// set takes value over: the caller no longer changes it. Nil is kept as empty.
func (c *change) set(table, key string, value []byte) {
	if value == nil {
		value = []byte{}
	}
	c.d.mu.Lock()
	c.writes.set(cell{table, key}, value)
	c.d.mu.Unlock()
}

func (c *change) delete(table, key string) {
	c.d.mu.Lock()
	c.writes.set(cell{table, key}, nil)
	c.d.mu.Unlock()
}

// deletePrefix deletes all values whose key begins with prefix.
func (c *change) deletePrefix(ctx context.Context, table, prefix string) error {
	found, err := c.list(ctx, table, prefix)
	for _, key := range found {
		c.delete(table, key)
	}
	return err
}

// When a change has to be kept.
type keeping int

const (
	deferred keeping = iota // with the next commit, or a moment later
	strict                  // before the call returns
)

// update runs fn and takes over what it writes, all or, when fn fails, nothing. Within a
// decryption transaction the writes become part of it. Else no other writer runs
// meanwhile, and fn's view does not change under it.
func (d *Device) update(ctx context.Context, how keeping, fn func(c *change) error) error {
	if t := d.txn(ctx); t != nil {
		part := &change{d: d, under: t}
		if err := fn(part); err != nil {
			return err
		}
		d.mu.Lock()
		t.writes.merge(&part.writes)
		d.mu.Unlock()
		return nil
	}
	changed, err := d.apply(&change{d: d}, fn)
	if err != nil || how == deferred || !changed {
		return err
	}
	return d.Flush(ctx)
}

// apply runs fn as the only writer and makes its writes pending, if there are any.
func (d *Device) apply(c *change, fn func(c *change) error) (changed bool, err error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	if err := d.writable(); err != nil {
		return false, err
	}
	defer func() { // also when fn panics, as libsignal may; whatsmeow recovers
		d.mu.Lock()
		c.done = true
		d.mu.Unlock()
	}()
	if err := fn(c); err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.writes.len() == 0 {
		return false, nil
	}
	d.pending.merge(&c.writes)
	d.arm()
	return true, nil
}

// bulkPart is how many records of a bulk import are changed and kept at once, so that no
// unit grows beyond what a back end takes.
const bulkPart = 1000

// bulk changes many records. Up to bulkPart they are one deferred change; more are kept
// part by part.
func bulk[T any](ctx context.Context, d *Device, all []T, fn func(c *change, part []T) error) error {
	how := deferred
	if len(all) > bulkPart {
		how = strict
	}
	for part := range slices.Chunk(all, bulkPart) {
		if err := d.update(ctx, how, func(c *change) error { return fn(c, part) }); err != nil {
			return err
		}
	}
	return nil
}

// DoDecryptionTxn runs fn as the only writer. What it changes through the context it is
// given is discarded when it fails; else it becomes pending as one, without a commit.
func (s stores) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	if s.d.txn(ctx) != nil { // part of the outer one
		return fn(ctx)
	}
	c := &change{d: s.d}
	_, err := s.d.apply(c, func(*change) error {
		return fn(context.WithValue(ctx, txnKey{}, c))
	})
	return err
}
