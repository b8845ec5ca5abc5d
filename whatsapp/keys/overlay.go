package keys

import "whatsapp-api/store"

// cell names one value of the device state.
type cell struct{ table, key string }

// write is one changed value; nil means deleted.
type write struct {
	cell
	value []byte
}

// indexFrom is the number of writes from which an overlay keeps an index. Most hold a handful.
const indexFrom = 12

// overlay is an ordered set of writes, the newest for each cell. The zero value is empty.
// It is not safe for concurrent use.
type overlay struct {
	list  []write
	index map[cell]int // nil while the list is short
	bytes int          // of keys and values
}

func (o *overlay) len() int { return len(o.list) }

func (o *overlay) find(c cell) int {
	if o.index != nil {
		if i, ok := o.index[c]; ok {
			return i
		}
		return -1
	}
	for i := range o.list {
		if o.list[i].cell == c {
			return i
		}
	}
	return -1
}

// get returns the value of c and whether the overlay knows it; nil when it is deleted.
func (o *overlay) get(c cell) ([]byte, bool) {
	if o == nil {
		return nil, false
	}
	if i := o.find(c); i >= 0 {
		return o.list[i].value, true
	}
	return nil, false
}

func (o *overlay) set(c cell, value []byte) {
	if i := o.find(c); i >= 0 {
		o.bytes += len(value) - len(o.list[i].value)
		o.list[i].value = value
		return
	}
	o.list = append(o.list, write{c, value})
	o.bytes += len(c.key) + len(value)
	switch {
	case o.index != nil:
		o.index[c] = len(o.list) - 1
	case len(o.list) >= indexFrom:
		o.index = make(map[cell]int, 2*indexFrom)
		for i := range o.list {
			o.index[o.list[i].cell] = i
		}
	}
}

// merge puts the writes of newer over those of o.
func (o *overlay) merge(newer *overlay) {
	for _, w := range newer.list {
		o.set(w.cell, w.value)
	}
}

// changes gives the writes as the store takes them.
func (o *overlay) changes() []store.KeyChange {
	if len(o.list) == 0 {
		return nil
	}
	out := make([]store.KeyChange, len(o.list))
	for i, w := range o.list {
		out[i] = store.KeyChange{Table: w.table, Key: w.key, Value: w.value}
	}
	return out
}
