package store

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// Page asks for one page of a list.
type Page struct {
	Cursor string // where the page before ended; empty for the first page
	Limit  int    // at most so many records; a back end may not return more
}

// EncodeCursor makes an opaque cursor of the sort key of a page's last record.
func EncodeCursor(key any) string {
	raw, err := json.Marshal(key)
	if err != nil { // sort keys are numbers and strings
		panic(fmt.Sprintf("store: cursor key %T: %v", key, err))
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// DecodeCursor reads what EncodeCursor made into key, or returns ErrCursor.
func DecodeCursor(cursor string, key any) error {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return fmt.Errorf("%w: not base64", ErrCursor)
	}
	if err := json.Unmarshal(raw, key); err != nil {
		return fmt.Errorf("%w: not a sort key", ErrCursor)
	}
	return nil
}
