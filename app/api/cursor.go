package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"whatsapp-api/store"
)

// cursorSessions is how many sessions a cursor may hold: it has to fit into a header.
const cursorSessions = 1000

// cursor says how far a client has come in each of its sessions. As text it is opaque: a
// version, whether the stream is for all sessions, then a key and a seq for each.
type cursor struct {
	all     bool
	entries []cursorEntry
	index   map[string]int
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
	return true
}

const (
	cursorVersion = 1
	cursorSome    = 0
	cursorAll     = 1
)

func (c *cursor) String() string {
	raw := make([]byte, 2, 2+14*len(c.entries))
	raw[0] = cursorVersion
	if c.all {
		raw[1] = cursorAll
	}
	for _, e := range c.entries {
		raw = append(append(raw, e.key.id[:]...), e.key.made[:]...)
		raw = binary.AppendUvarint(raw, uint64(e.seq))
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

var errNoCursor = errors.New("not a cursor of this stream")

// parseCursor turns a cursor into where to begin in these sessions. A session that was made
// after a cursor over all begins with its first event, one that it was not asked about is
// live only. store.ErrExpired: a session was deleted and made anew.
func parseCursor(text string, sessions []store.Session) (after, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) < 2 || raw[0] != cursorVersion || raw[1] > cursorAll {
		return after{}, errNoCursor
	}
	all := raw[1] == cursorAll
	known := map[[7]byte]cursorEntry{}
	for raw = raw[2:]; len(raw) > 0; {
		var e cursorEntry
		const key = len(e.key.id) + len(e.key.made)
		if len(raw) < key {
			return after{}, errNoCursor
		}
		copy(e.key.id[:], raw)
		copy(e.key.made[:], raw[len(e.key.id):])
		seq, n := binary.Uvarint(raw[key:])
		if n <= 0 || seq > 1<<62 {
			return after{}, errNoCursor
		}
		e.seq, raw = int64(seq), raw[key+n:]
		known[e.key.id] = e
	}
	from := after{each: map[string]int64{}, exact: true}
	for _, r := range sessions {
		key := keyOf(r)
		e, there := known[key.id]
		switch {
		case there && e.key != key:
			return after{}, fmt.Errorf("session %s was made anew: %w", r.ID, store.ErrExpired)
		case there:
			from.each[r.ID] = e.seq
		case all:
			from.each[r.ID] = 0
		}
	}
	return from, nil
}
