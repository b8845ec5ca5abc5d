package service

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

// NewID makes an id that sorts by the time it was made: 48 bits of milliseconds, then 80
// random bits, in lower-case base32 (RFC 4648, hex alphabet) after a prefix.
func NewID(prefix string) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(time.Now().UnixMilli())<<16)
	rand.Read(raw[6:]) // never fails, see crypto/rand
	return prefix + strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(raw[:]))
}

// IDAt is less than every id that is made at t or later, and greater than all from before.
func IDAt(prefix string, t time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(t.UnixMilli())<<16)
	return prefix + strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(raw[:]))
}

// Now is the time as records keep it.
func Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
