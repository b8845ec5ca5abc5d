package mongo

import (
	"fmt"

	"whatsapp-api/store"
)

// idKey is the cursor of lists that go by id. Bytes: an id need not be good UTF-8.
type idKey struct{ ID []byte }

// afterID returns the id after which a page begins.
func afterID(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	var key idKey
	if err := store.DecodeCursor(cursor, &key); err != nil {
		return "", err
	}
	if key.ID == nil {
		return "", fmt.Errorf("%w: no id", store.ErrCursor)
	}
	return string(key.ID), nil
}

// timeKey is the cursor of lists that go by a time, then by something unique.
type timeKey struct {
	At  *int64
	ID  []byte `json:",omitempty"`
	Pos int64  `json:",omitempty"`
}

func decodeTimeKey(cursor string) (timeKey, error) {
	var key timeKey
	if err := store.DecodeCursor(cursor, &key); err != nil {
		return key, err
	}
	if key.At == nil {
		return key, fmt.Errorf("%w: no time", store.ErrCursor)
	}
	return key, nil
}

// onePast asks for one record more than the page holds: it tells whether there is a next.
func onePast(p store.Page) int64 {
	if p.Limit <= 0 {
		return 0
	}
	return int64(p.Limit) + 1
}

// cut takes off what onePast asked for too many, and makes the next page's cursor.
func cut[T any](list []T, p store.Page, key func(T) any) ([]T, string) {
	if p.Limit <= 0 || len(list) <= p.Limit {
		return list, ""
	}
	list = list[:p.Limit]
	return list, store.EncodeCursor(key(list[p.Limit-1]))
}
