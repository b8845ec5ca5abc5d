package keys

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	wastore "go.mau.fi/whatsmeow/store"
)

// PutAppStateSyncKey leaves a key with the same or a later timestamp as it is.
func (s stores) PutAppStateSyncKey(ctx context.Context, id []byte, key wastore.AppStateSyncKey) error {
	name := hex.EncodeToString(id)
	return s.d.update(ctx, strict, func(c *change) error {
		raw, err := c.get(ctx, tableSyncKeys, name)
		if err != nil {
			return err
		}
		if raw != nil {
			known, err := decodeSyncKey(raw)
			if err != nil || key.Timestamp <= known.Timestamp {
				return err
			}
		}
		raw = binary.BigEndian.AppendUint64([]byte{format1}, uint64(key.Timestamp))
		c.set(tableSyncKeys, name, append(appendBytes(raw, key.Data), key.Fingerprint...))
		return nil
	})
}

func decodeSyncKey(raw []byte) (*wastore.AppStateSyncKey, error) {
	if len(raw) < 9 || raw[0] != format1 {
		return nil, fmt.Errorf("%w: app state key", ErrCorrupt)
	}
	data, fingerprint, err := cutBytes(raw[9:])
	if err != nil {
		return nil, err
	}
	return &wastore.AppStateSyncKey{
		Data: data, Fingerprint: fingerprint, Timestamp: int64(binary.BigEndian.Uint64(raw[1:])),
	}, nil
}

// GetAppStateSyncKey returns nil when there is none.
func (s stores) GetAppStateSyncKey(ctx context.Context, id []byte) (*wastore.AppStateSyncKey, error) {
	raw, err := s.d.get(ctx, tableSyncKeys, hex.EncodeToString(id))
	if err != nil || raw == nil {
		return nil, err
	}
	return decodeSyncKey(raw)
}

type namedSyncKey struct {
	id  string
	key *wastore.AppStateSyncKey
}

// syncKeys lists all, the newest first.
func (d *Device) syncKeys(ctx context.Context) ([]namedSyncKey, error) {
	var out []namedSyncKey
	var bad error
	err := d.each(ctx, d.txn(ctx), tableSyncKeys, "", "", func(id string, raw []byte) bool {
		key, err := decodeSyncKey(raw)
		if err != nil {
			bad = err
			return false
		}
		out = append(out, namedSyncKey{id, key})
		return true
	})
	if err == nil {
		err = bad
	}
	slices.SortStableFunc(out, func(a, b namedSyncKey) int {
		switch {
		case a.key.Timestamp > b.key.Timestamp:
			return -1
		case a.key.Timestamp < b.key.Timestamp:
			return 1
		}
		return 0
	})
	return out, err
}

// GetLatestAppStateSyncKeyID returns nil when there is none.
func (s stores) GetLatestAppStateSyncKeyID(ctx context.Context) ([]byte, error) {
	all, err := s.d.syncKeys(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return hex.DecodeString(all[0].id)
}

// GetAllAppStateSyncKeys lists them, the newest first.
func (s stores) GetAllAppStateSyncKeys(ctx context.Context) ([]*wastore.AppStateSyncKey, error) {
	all, err := s.d.syncKeys(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*wastore.AppStateSyncKey, len(all))
	for i, k := range all {
		out[i] = k.key
	}
	return out, nil
}

// PutAppStateVersion is deferred: whatsmeow always puts the mutation MACs of the version
// right after it, and both must be kept together or a crash between would leave a state
// that no longer verifies. PutAppStateMutationMACs keeps them. With the version it is kept that
// whatsmeow has yet to say what changed: it does so once, later, whatever becomes of it. See Untold.
func (s stores) PutAppStateVersion(ctx context.Context, name string, version uint64, hash [128]byte) error {
	raw := binary.BigEndian.AppendUint64([]byte{format1}, version)
	return s.d.update(ctx, deferred, func(c *change) error {
		c.set(tableAppState, name, append(raw, hash[:]...))
		moved := binary.BigEndian.AppendUint64(nil, uint64(s.d.now().UnixMilli()))
		first := moved
		if before, err := c.get(ctx, tableUntold, name); err != nil {
			return err
		} else if len(before) == 2*len(moved) {
			first = before[:len(moved)]
		}
		c.set(tableUntold, name, slices.Concat(first, moved))
		return nil
	})
}

// GetAppStateVersion returns zeroes when there is none.
func (s stores) GetAppStateVersion(ctx context.Context, name string) (uint64, [128]byte, error) {
	raw, err := s.d.get(ctx, tableAppState, name)
	if err != nil || raw == nil {
		return 0, [128]byte{}, err
	}
	if len(raw) != 9+128 || raw[0] != format1 {
		return 0, [128]byte{}, fmt.Errorf("%w: app state version of %s", ErrCorrupt, name)
	}
	version := binary.BigEndian.Uint64(raw[1:])
	if version == 0 {
		return 0, [128]byte{}, fmt.Errorf("%w: app state version 0 of %s", ErrCorrupt, name)
	}
	return version, [128]byte(raw[9:]), nil
}

// DeleteAppStateVersion also deletes the mutation MACs. It is kept with what whatsmeow
// fetches next.
func (s stores) DeleteAppStateVersion(ctx context.Context, name string) error {
	return s.d.update(ctx, deferred, func(c *change) error {
		c.delete(tableAppState, name)
		return c.deletePrefix(ctx, tableAppMACs, joinKey(name, ""))
	})
}

// Moved says when the version of a collection of app state moved, first and last, since all in it
// was told.
type Moved struct{ First, Last time.Time }

// Untold lists the collections of app state whose version has moved, and of which Told was not
// called since. What is in it when a device is opened may never have been told: then the
// collection has to be fetched whole.
func (d *Device) Untold(ctx context.Context) (map[string]Moved, error) {
	untold := map[string]Moved{}
	at := func(raw []byte) time.Time { return time.UnixMilli(int64(binary.BigEndian.Uint64(raw))) }
	err := d.each(ctx, nil, tableUntold, "", "", func(name string, raw []byte) bool {
		if len(raw) == 16 {
			untold[name] = Moved{at(raw), at(raw[8:])}
		}
		return true
	})
	return untold, err
}

// Told says that all that was in a collection has been told, and kept.
func (d *Device) Told(ctx context.Context, name string) error {
	return d.update(ctx, deferred, func(c *change) error {
		c.delete(tableUntold, name)
		return nil
	})
}

func macKey(name string, indexMAC []byte) string {
	return joinKey(name, base64.RawURLEncoding.EncodeToString(indexMAC))
}

func macKeys[T any](name string, all []T, index func(T) []byte) []string {
	out := make([]string, len(all))
	for i, m := range all {
		out[i] = macKey(name, index(m))
	}
	return out
}

// PutAppStateMutationMACs keeps the MACs and what is pending of the app state. A value of
// a later version stays.
func (s stores) PutAppStateMutationMACs(ctx context.Context, name string, version uint64, mutations []wastore.AppStateMutationMAC) error {
	err := s.d.update(ctx, deferred, func(c *change) error {
		names := macKeys(name, mutations, func(m wastore.AppStateMutationMAC) []byte { return m.IndexMAC })
		known, err := c.getMany(ctx, tableAppMACs, names)
		if err != nil {
			return err
		}
		for i, m := range mutations {
			if raw := known[names[i]]; len(raw) >= 9 && binary.BigEndian.Uint64(raw[1:]) > version {
				continue
			}
			raw := binary.BigEndian.AppendUint64([]byte{format1}, version)
			c.set(tableAppMACs, names[i], append(raw, m.ValueMAC...))
		}
		return nil
	})
	if err != nil || s.d.txn(ctx) != nil {
		return err
	}
	return s.d.Flush(ctx)
}

// DeleteAppStateMutationMACs is deferred as PutAppStateVersion is.
func (s stores) DeleteAppStateMutationMACs(ctx context.Context, name string, indexMACs [][]byte) error {
	return s.d.update(ctx, deferred, func(c *change) error {
		for _, key := range macKeys(name, indexMACs, func(m []byte) []byte { return m }) {
			c.delete(tableAppMACs, key)
		}
		return nil
	})
}

// GetAppStateMutationMAC returns nil when there is none.
func (s stores) GetAppStateMutationMAC(ctx context.Context, name string, indexMAC []byte) ([]byte, error) {
	raw, err := s.d.get(ctx, tableAppMACs, macKey(name, indexMAC))
	if err != nil || raw == nil {
		return nil, err
	}
	if len(raw) < 9 || raw[0] != format1 {
		return nil, fmt.Errorf("%w: mutation MAC of %s", ErrCorrupt, name)
	}
	return raw[9:], nil
}

// PutNCTSalt keeps the salt of the account's csTokens.
func (s stores) PutNCTSalt(ctx context.Context, salt []byte) error {
	return s.d.update(ctx, strict, func(c *change) error {
		c.set(tableSalt, "salt", bytes.Clone(salt))
		return nil
	})
}

// GetNCTSalt returns nil when there is none.
func (s stores) GetNCTSalt(ctx context.Context) ([]byte, error) {
	return s.d.get(ctx, tableSalt, "salt")
}

func (s stores) DeleteNCTSalt(ctx context.Context) error {
	return s.d.update(ctx, strict, func(c *change) error {
		c.delete(tableSalt, "salt")
		return nil
	})
}
