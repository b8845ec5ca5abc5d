package store

import "context"

// KeyChange sets or deletes one value of a session's device state.
type KeyChange struct {
	Table string `bson:"table"`
	Key   string `bson:"key"`   // any bytes
	Value []byte `bson:"value"` // nil deletes; empty is a value
}

// KeyValue is one value of a session's device state.
type KeyValue struct {
	Key   string
	Value []byte
}

// Devices reads what a linked WhatsApp device must remember (its own keys, Signal
// sessions, prekeys, app state …) as named values in tables. They are written through
// Log.Commit, so that they change together with what they made possible.
type Devices interface {
	// Get returns the values of those keys that exist.
	Get(ctx context.Context, session, table string, keys []string) (map[string][]byte, error)
	// List returns up to limit values whose key begins with prefix and is greater than after,
	// in order of the keys' bytes.
	List(ctx context.Context, session, table, prefix, after string, limit int) ([]KeyValue, error)
}
