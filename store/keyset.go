package store

import (
	"fmt"
	"strings"
	"time"
)

// What both back ends need to go through their lists page by page, and to write values such that
// they compare as they should.

// Never is the zero time in Unix milliseconds, as it is kept.
var Never = time.Time{}.UnixMilli()

// Some makes an empty value nil: where nothing tells them apart, they come back as nil.
func Some(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// IDKey is the cursor of lists that go by id. Bytes: an id need not be good UTF-8.
type IDKey struct{ ID []byte }

// AfterID returns the id after which a page begins; ErrCursor.
func AfterID(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	var key IDKey
	if err := DecodeCursor(cursor, &key); err != nil {
		return "", err
	}
	if key.ID == nil {
		return "", fmt.Errorf("%w: no id", ErrCursor)
	}
	return string(key.ID), nil
}

// TimeKey is the cursor of lists that go by a time, in Unix milliseconds, then by something unique.
type TimeKey struct {
	At  *int64
	ID  []byte `json:",omitempty"`
	Pos int64  `json:",omitempty"`
}

// DecodeTimeKey reads the cursor of such a list; ErrCursor.
func DecodeTimeKey(cursor string) (TimeKey, error) {
	var key TimeKey
	if err := DecodeCursor(cursor, &key); err != nil {
		return key, err
	}
	if key.At == nil {
		return key, fmt.Errorf("%w: no time", ErrCursor)
	}
	return key, nil
}

// OnePast asks for one record more than the page holds: it tells whether there is a next.
func OnePast(p Page) int64 {
	if p.Limit <= 0 {
		return 0
	}
	return int64(p.Limit) + 1
}

// Cut takes off what OnePast asked for too many, and makes the next page's cursor.
func Cut[T any](list []T, p Page, key func(T) any) ([]T, string) {
	if p.Limit <= 0 || len(list) <= p.Limit {
		return list, ""
	}
	list = list[:p.Limit]
	return list, EncodeCursor(key(list[p.Limit-1]))
}

// PrefixEnd returns the least string that is greater than all those that begin with prefix.
func PrefixEnd(prefix string) (end string, bounded bool) {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1}), true
		}
	}
	return "", false
}

// PhoneDigits returns the digits of a search that is written like a phone number, else nothing.
func PhoneDigits(search string) string {
	var b strings.Builder
	for _, r := range search {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case strings.ContainsRune(" +-().", r):
		default:
			return ""
		}
	}
	return b.String()
}
