package keys

import (
	"bytes"
	"context"
	"fmt"
)

// PutIdentity is strict, but under WithSend it is kept together with the sessions that
// the send puts next: else a send to many new devices would be as many commits.
func (s stores) PutIdentity(ctx context.Context, address string, key [32]byte) error {
	how := strict
	if sendOf(ctx) != nil {
		how = deferred
	}
	return s.d.update(ctx, how, func(c *change) error {
		known, err := c.get(ctx, tableIdentities, address)
		if err != nil || bytes.Equal(known, key[:]) { // libsignal saves it with every message
			return err
		}
		c.set(tableIdentities, address, key[:])
		return nil
	})
}

// DeleteAllIdentities deletes those of all devices of a signal user.
func (s stores) DeleteAllIdentities(ctx context.Context, user string) error {
	return s.d.update(ctx, strict, func(c *change) error {
		return c.deletePrefix(ctx, tableIdentities, user+":")
	})
}

func (s stores) DeleteIdentity(ctx context.Context, address string) error {
	return s.d.update(ctx, strict, func(c *change) error {
		c.delete(tableIdentities, address)
		return nil
	})
}

// IsTrustedIdentity trusts what is not known yet.
func (s stores) IsTrustedIdentity(ctx context.Context, address string, key [32]byte) (bool, error) {
	known, err := s.d.get(ctx, tableIdentities, address)
	switch {
	case err != nil:
		return false, err
	case known == nil:
		return true, nil
	case len(known) != len(key):
		return false, fmt.Errorf("%w: identity", ErrCorrupt)
	}
	return bytes.Equal(known, key[:]), nil
}
