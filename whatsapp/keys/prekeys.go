package keys

import (
	"context"
	"encoding/binary"
	"fmt"

	"go.mau.fi/whatsmeow/util/keys"
)

// maxPreKeyID is the greatest id that the protocol's three bytes can say.
const maxPreKeyID = 1<<24 - 1

// preKeyUploaded is the flag of a prekey that was given out singly.
const preKeyUploaded = 1

// preKeyCounters number the prekeys. No id is given twice, also when the newest was used up.
type preKeyCounters struct {
	next     uint32 // id of the next new one
	uploaded uint32 // all up to this id are uploaded
}

func preKeyID(id uint32) string { return fmt.Sprintf("%010d", id) }

// Keys of tablePreKeyMeta.
const (
	metaCounters = "counters"
	metaUnused   = "unused"
)

// covers says whether this prekey is uploaded.
func (n preKeyCounters) covers(id string, raw []byte) bool {
	return id <= preKeyID(n.uploaded) || (len(raw) > 1 && raw[1]&preKeyUploaded != 0)
}

func (d *Device) preKeyCounters(ctx context.Context) (preKeyCounters, error) {
	return decodeCounters(d.get(ctx, tablePreKeyMeta, metaCounters))
}

func decodeCounters(raw []byte, err error) (preKeyCounters, error) {
	if err != nil || raw == nil {
		return preKeyCounters{next: 1}, err
	}
	if len(raw) != 9 || raw[0] != format1 {
		return preKeyCounters{}, fmt.Errorf("%w: prekey counters", ErrCorrupt)
	}
	return preKeyCounters{binary.BigEndian.Uint32(raw[1:]), binary.BigEndian.Uint32(raw[5:])}, nil
}

func (n preKeyCounters) put(c *change) {
	raw := []byte{format1}
	raw = binary.BigEndian.AppendUint32(raw, n.next)
	c.set(tablePreKeyMeta, metaCounters, binary.BigEndian.AppendUint32(raw, n.uploaded))
}

func putPreKey(c *change, key *keys.PreKey, flags byte) {
	c.set(tablePreKeys, preKeyID(key.KeyID), append([]byte{format1, flags}, key.Priv[:]...))
}

func decodePreKey(id string, raw []byte) (*keys.PreKey, error) {
	var number uint32
	if _, err := fmt.Sscanf(id, "%d", &number); err != nil || len(raw) != 34 || raw[0] != format1 {
		return nil, fmt.Errorf("%w: prekey %s", ErrCorrupt, id)
	}
	return &keys.PreKey{KeyPair: *keys.NewKeyPairFromPrivateKey([32]byte(raw[2:])), KeyID: number}, nil
}

// GetOrGenPreKeys returns count prekeys that are not uploaded, the oldest first, and makes
// those that are missing, in one commit.
func (s stores) GetOrGenPreKeys(ctx context.Context, count uint32) ([]*keys.PreKey, error) {
	d := s.d
	d.prekeys.Lock()
	defer d.prekeys.Unlock()
	counters, err := d.preKeyCounters(ctx)
	if err != nil {
		return nil, err
	}
	out, err := d.unuploaded(ctx, counters, count)
	if err != nil {
		return nil, err
	}
	had := len(out)
	for uint32(len(out)) < count {
		if counters.next > maxPreKeyID {
			return nil, fmt.Errorf("prekey ids are used up at %d", counters.next)
		}
		out = append(out, keys.NewPreKey(counters.next))
		counters.next++
	}
	if len(out) == had {
		return out, d.Flush(ctx) // they may still be pending, and will be given out
	}
	return out, d.update(ctx, strict, func(c *change) error {
		for _, key := range out[had:] {
			putPreKey(c, key, 0)
		}
		counters.put(c)
		return nil
	})
}

// unuploaded lists up to limit prekeys that are not uploaded.
func (d *Device) unuploaded(ctx context.Context, counters preKeyCounters, limit uint32) ([]*keys.PreKey, error) {
	var out []*keys.PreKey
	var bad error
	err := d.each(ctx, d.txn(ctx), tablePreKeys, "", preKeyID(counters.uploaded), func(id string, raw []byte) bool {
		if uint32(len(out)) >= limit {
			return false
		}
		key, err := decodePreKey(id, raw)
		if err != nil {
			bad = err
			return false
		}
		if raw[1]&preKeyUploaded == 0 {
			out = append(out, key)
		}
		return true
	})
	if err == nil {
		err = bad
	}
	return out, err
}

// GenOnePreKey makes a prekey that is given out at once, in a retry receipt.
func (s stores) GenOnePreKey(ctx context.Context) (*keys.PreKey, error) {
	d := s.d
	d.prekeys.Lock()
	defer d.prekeys.Unlock()
	counters, err := d.preKeyCounters(ctx)
	if err != nil {
		return nil, err
	}
	if counters.next > maxPreKeyID {
		return nil, fmt.Errorf("prekey ids are used up at %d", counters.next)
	}
	key := keys.NewPreKey(counters.next)
	counters.next++
	err = d.update(ctx, strict, func(c *change) error {
		putPreKey(c, key, preKeyUploaded)
		counters.put(c)
		return addUnused(ctx, c, 1)
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}

// GetPreKey returns nil when there is none.
func (s stores) GetPreKey(ctx context.Context, id uint32) (*keys.PreKey, error) {
	raw, err := s.d.get(ctx, tablePreKeys, preKeyID(id))
	if err != nil || raw == nil {
		return nil, err
	}
	return decodePreKey(preKeyID(id), raw)
}

func (s stores) RemovePreKey(ctx context.Context, id uint32) error {
	return s.d.update(ctx, strict, func(c *change) error {
		raw, err := c.get(ctx, tablePreKeys, preKeyID(id))
		if err != nil || raw == nil {
			return err
		}
		counters, err := decodeCounters(c.get(ctx, tablePreKeyMeta, metaCounters))
		if err != nil {
			return err
		}
		c.delete(tablePreKeys, preKeyID(id))
		if counters.covers(preKeyID(id), raw) {
			return addUnused(ctx, c, -1)
		}
		return nil
	})
}

// MarkPreKeysAsUploaded marks all up to and with upTo.
func (s stores) MarkPreKeysAsUploaded(ctx context.Context, upTo uint32) error {
	d := s.d
	d.prekeys.Lock()
	defer d.prekeys.Unlock()
	counters, err := d.preKeyCounters(ctx)
	if err != nil {
		return err
	}
	if upTo = min(upTo, counters.next-1); upTo <= counters.uploaded { // later ones are not meant
		return nil
	}
	return d.update(ctx, strict, func(c *change) error {
		now := preKeyCounters{counters.next, upTo}
		more := 0
		err := d.each(ctx, c, tablePreKeys, "", preKeyID(counters.uploaded), func(id string, raw []byte) bool {
			if now.covers(id, raw) && !counters.covers(id, raw) {
				more++
			}
			return id < preKeyID(upTo)
		})
		if err != nil {
			return err
		}
		now.put(c)
		return addUnused(ctx, c, more)
	})
}

// UploadedPreKeyCount counts those that are uploaded and not used. It is asked at every login,
// so the number is kept; what has none yet is counted once.
func (s stores) UploadedPreKeyCount(ctx context.Context) (int, error) {
	count, known, err := decodeUnused(s.d.get(ctx, tablePreKeyMeta, metaUnused))
	if err != nil || known {
		return count, err
	}
	err = s.d.update(ctx, deferred, func(c *change) error {
		counters, err := decodeCounters(c.get(ctx, tablePreKeyMeta, metaCounters))
		if err != nil {
			return err
		}
		err = s.d.each(ctx, c, tablePreKeys, "", "", func(id string, raw []byte) bool {
			if counters.covers(id, raw) {
				count++
			}
			return true
		})
		if err == nil {
			putUnused(c, count)
		}
		return err
	})
	return count, err
}

// addUnused changes the number of keys that are uploaded and not used, unless they were never
// counted.
func addUnused(ctx context.Context, c *change, more int) error {
	count, known, err := decodeUnused(c.get(ctx, tablePreKeyMeta, metaUnused))
	if err == nil && known && more != 0 {
		putUnused(c, count+more)
	}
	return err
}

func putUnused(c *change, count int) {
	c.set(tablePreKeyMeta, metaUnused, binary.BigEndian.AppendUint32([]byte{format1}, uint32(count)))
}

func decodeUnused(raw []byte, err error) (count int, known bool, _ error) {
	switch {
	case err != nil || raw == nil:
		return 0, false, err
	case len(raw) != 5 || raw[0] != format1:
		return 0, false, fmt.Errorf("%w: number of prekeys", ErrCorrupt)
	}
	return int(binary.BigEndian.Uint32(raw[1:])), true, nil
}
