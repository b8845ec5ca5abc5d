package keys

import (
	"bytes"
	"context"
)

// PutSenderKey is strict for the sender key with which this device sends to the group:
// a step of it that is lost would be used twice.
func (s stores) PutSenderKey(ctx context.Context, group, user string, record []byte) error {
	d := s.d
	d.mu.Lock()
	own := user == d.own.lid || user == d.own.pn
	d.mu.Unlock()
	how := deferred
	if own {
		how = strict
	}
	return d.update(ctx, how, func(c *change) error {
		c.set(tableSenderKeys, joinKey(user, group), bytes.Clone(record))
		return nil
	})
}

// GetSenderKey returns nil when there is none.
func (s stores) GetSenderKey(ctx context.Context, group, user string) ([]byte, error) {
	return s.d.get(ctx, tableSenderKeys, joinKey(user, group))
}
