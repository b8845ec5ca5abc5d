package keys

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// Every message that comes is looked up in the event buffer, and nearly none is there. So
// the device remembers what is in the store's buffer, roughly: a hash that the filter does
// not know is surely not there, and the store need not be asked.

const (
	knownFirst = 1024    // hashes for which a filter has room at first
	knownBits  = 12      // for each of them: one in 150 is asked for in vain
	knownMost  = 500_000 // of more hashes, which is 1.5 MB, nothing is remembered
	knownPage  = 2000    // read at once
)

// filter is a set of hashes that may say yes too often, but no only where it is true. The
// zero value is empty. It is not safe for concurrent use.
type filter struct {
	layers [][]uint64 // each twice the size of the one before
	room   int        // how many hashes the last one still takes
	size   int
}

// places are where the bits of a hash are, in a layer of so many bits. A hash is random, so
// its parts are as good as hashes of it.
func places(hash [32]byte, bits uint64) (p [4]uint64) {
	for i := range p {
		p[i] = binary.LittleEndian.Uint64(hash[8*i:]) % bits
	}
	return p
}

func (f *filter) add(hash [32]byte) {
	if f.room == 0 {
		f.room = knownFirst << len(f.layers)
		f.layers = append(f.layers, make([]uint64, f.room*knownBits/64))
	}
	last := f.layers[len(f.layers)-1]
	for _, p := range places(hash, uint64(len(last)*64)) {
		last[p/64] |= 1 << (p % 64)
	}
	f.room--
	f.size++
}

func (f *filter) has(hash [32]byte) bool {
	for _, layer := range f.layers {
		all := true
		for _, p := range places(hash, uint64(len(layer)*64)) {
			all = all && layer[p/64]&(1<<(p%64)) != 0
		}
		if all {
			return true
		}
	}
	return false
}

// knowBuffer reads once which hashes are in the store's buffer. Those that are kept
// meanwhile are noted by noteKept.
func (d *Device) knowBuffer(ctx context.Context) error {
	d.knowing.Lock()
	defer d.knowing.Unlock()
	d.mu.Lock()
	if d.known || d.tooMany {
		d.mu.Unlock()
		return nil
	}
	d.buffer = &filter{}
	d.mu.Unlock()
	after := ""
	for {
		page, err := d.devices.List(ctx, d.session, tableBuffer, "", after, knownPage)
		if err != nil {
			return fmt.Errorf("list %s: %w", tableBuffer, err)
		}
		d.mu.Lock()
		for _, kv := range page {
			d.noteBuffered(kv.Key)
		}
		d.known = len(page) < knownPage && !d.tooMany
		done := d.known || d.tooMany
		d.mu.Unlock()
		if done {
			return nil
		}
		after = page[len(page)-1].Key
	}
}

// noteBuffered adds a key of the buffer to what is known of it. The caller holds d.mu.
func (d *Device) noteBuffered(key string) {
	if d.buffer == nil {
		return
	}
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err == nil && len(raw) == 32 && d.buffer.size < knownMost {
		d.buffer.add([32]byte(raw))
		return
	}
	d.buffer, d.known, d.tooMany = nil, false, true
}

// noteKept adds what a commit has kept of the buffer. The caller holds d.mu.
func (d *Device) noteKept(o *overlay) {
	for _, w := range o.list {
		if w.table == tableBuffer && w.value != nil {
			d.noteBuffered(w.key)
		}
	}
}
