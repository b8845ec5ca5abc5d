package stream

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"whatsapp-api/app/service/stream"
	"whatsapp-api/store"
)

// cursorSessions is how many sessions a cursor may hold.
const cursorSessions = 1000

// cursor says how far a client has come in each of its sessions. As text it is opaque: a
// version, whether the stream is for all sessions, then a key and a seq for each. Of many sessions
// that is long, and a client gets it with every event: then it is kept once in a while (the base),
// and the text names that and says where the client is further by now.
type cursor struct {
	all     bool
	entries []cursorEntry
	index   map[string]int

	base   stream.PlaceID
	kept   []cursorEntry // the entries of the base; nil: there is none
	moved  map[int]bool  // entries that are further than in the base
	keptAt time.Time
}

type cursorEntry struct {
	key cursorKey
	seq int64
}

// cursorKey is made of a session's id and of the moment it was made, so that a session that
// was deleted and made anew is not taken for the old one.
type cursorKey struct {
	id   [7]byte
	made [4]byte
}

func keyOf(r store.Session) cursorKey {
	id := sha256.Sum256([]byte(r.ID))
	made := sha256.Sum256([]byte(strconv.FormatInt(r.CreatedAt.UnixMilli(), 10)))
	return cursorKey{[7]byte(id[:7]), [4]byte(made[:4])}
}

// add takes a session in, instead of an older one of this id.
func (c *cursor) add(r store.Session, seq int64) {
	e := cursorEntry{keyOf(r), seq}
	c.kept = nil // which does not have it
	if i, there := c.index[r.ID]; there {
		c.entries[i] = e
		return
	}
	if c.index == nil {
		c.index = map[string]int{}
	}
	c.index[r.ID] = len(c.entries)
	c.entries = append(c.entries, e)
}

// move notes the last event that the client has of a session. It does nothing and is false
// when the session is not known, or began anew.
func (c *cursor) move(id string, seq int64) bool {
	i, there := c.index[id]
	if !there || seq <= c.entries[i].seq {
		return false
	}
	c.entries[i].seq = seq
	if c.kept != nil {
		c.moved[i] = true
	}
	return true
}

const (
	cursorVersion = 1
	cursorOnBase  = 2
	cursorSome    = 0
	cursorAll     = 1
)

const (
	cursorShort = 9               // sessions that a cursor holds without a base
	cursorMoved = 24              // sessions that may have moved before a new base is worth a write to the store,
	cursorRest  = 3 * time.Second // which comes no more often than this
	cursorMost  = 200             // sessions that may have moved at most: the text stays below 2 KB
	cursorFresh = 12 * time.Hour  // after which a base is renewed
)

// settle sees to it that the cursor's text is short: it keeps a base where that is needed, or lasts. Where
// the store is away, an older base does for as long as it can.
func (c *cursor) settle(ctx context.Context, places *stream.Places) error {
	age := time.Since(c.keptAt)
	if places == nil || len(c.entries) <= cursorShort || c.kept != nil && age < cursorFresh && len(c.moved) < cursorMost && (len(c.moved) <= cursorMoved || age < cursorRest) {
		return nil
	}
	base, err := places.Keep(ctx, c.whole())
	if err != nil && c.kept != nil && len(c.moved) < cursorMost {
		return nil
	}
	if err != nil {
		return err
	}
	c.base, c.kept, c.moved, c.keptAt = base, slices.Clone(c.entries), map[int]bool{}, time.Now()
	return nil
}

func (c *cursor) String() string {
	if c.kept == nil {
		return base64.RawURLEncoding.EncodeToString(c.whole())
	}
	raw := append([]byte{cursorOnBase}, c.base[:]...)
	for _, i := range slices.Sorted(maps.Keys(c.moved)) {
		raw = binary.AppendUvarint(raw, uint64(i))
		raw = binary.AppendUvarint(raw, uint64(c.entries[i].seq-c.kept[i].seq))
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// onBase turns a cursor that stands on a base into one that does not. store.ErrExpired.
func onBase(ctx context.Context, places *stream.Places, raw []byte) ([]byte, error) {
	var base stream.PlaceID
	if places == nil || len(raw) < 1+len(base) {
		return nil, errNoCursor
	}
	whole, err := places.Get(ctx, stream.PlaceID(raw[1:1+len(base)]))
	if err != nil {
		return nil, err
	}
	c := cursor{all: len(whole) > 1 && whole[1] == cursorAll}
	if c.entries, err = readEntries(whole); err != nil {
		return nil, err
	}
	for raw = raw[1+len(base):]; len(raw) > 0; {
		i, n := binary.Uvarint(raw)
		if n <= 0 || i >= uint64(len(c.entries)) {
			return nil, errNoCursor
		}
		by, m := binary.Uvarint(raw[n:])
		if m <= 0 || by > 1<<62 {
			return nil, errNoCursor
		}
		c.entries[i].seq, raw = c.entries[i].seq+int64(by), raw[n+m:]
	}
	return c.whole(), nil
}

// whole is the cursor without a base.
func (c *cursor) whole() []byte {
	raw := make([]byte, 2, 2+14*len(c.entries))
	raw[0] = cursorVersion
	if c.all {
		raw[1] = cursorAll
	}
	for _, e := range c.entries {
		raw = append(append(raw, e.key.id[:]...), e.key.made[:]...)
		raw = binary.AppendUvarint(raw, uint64(e.seq))
	}
	return raw
}

var errNoCursor = errors.New("not a cursor of this stream")

// parseCursor turns a cursor into where to begin in these sessions. A session that was made
// after a cursor over all begins with its first event, one that it was not asked about is
// live only. store.ErrExpired: a session was deleted and made anew.
func parseCursor(ctx context.Context, places *stream.Places, text string, sessions []store.Session) (start, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return start{}, errNoCursor
	}
	if len(raw) > 0 && raw[0] == cursorOnBase {
		if raw, err = onBase(ctx, places, raw); err != nil {
			return start{}, err
		}
	}
	entries, err := readEntries(raw)
	if err != nil {
		return start{}, err
	}
	all := raw[1] == cursorAll
	known := map[[7]byte]cursorEntry{}
	for _, e := range entries {
		known[e.key.id] = e
	}
	from := start{each: map[string]int64{}, exact: true}
	for _, r := range sessions {
		key := keyOf(r)
		e, there := known[key.id]
		switch {
		case there && e.key != key:
			return start{}, fmt.Errorf("session %s was made anew: %w", r.ID, store.ErrExpired)
		case there:
			from.each[r.ID] = e.seq
		case all:
			from.each[r.ID] = 0
		}
	}
	return from, nil
}

// readEntries reads a cursor without a base.
func readEntries(raw []byte) (list []cursorEntry, err error) {
	if len(raw) < 2 || raw[0] != cursorVersion || raw[1] > cursorAll {
		return nil, errNoCursor
	}
	for raw = raw[2:]; len(raw) > 0; {
		var e cursorEntry
		const key = len(e.key.id) + len(e.key.made)
		if len(raw) < key {
			return nil, errNoCursor
		}
		copy(e.key.id[:], raw)
		copy(e.key.made[:], raw[len(e.key.id):])
		seq, n := binary.Uvarint(raw[key:])
		if n <= 0 || seq > 1<<62 {
			return nil, errNoCursor
		}
		e.seq, raw = int64(seq), raw[key+n:]
		list = append(list, e)
	}
	return list, nil
}
