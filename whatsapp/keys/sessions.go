package keys

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/whatsapp/ratchet"
)

func (s stores) GetSession(ctx context.Context, address string) ([]byte, error) {
	session, err := s.d.get(ctx, tableSessions, address)
	if err != nil {
		return nil, err
	}
	sendOf(ctx).saw(address, session)
	return session, nil
}

func (s stores) HasSession(ctx context.Context, address string) (bool, error) {
	session, err := s.d.get(ctx, tableSessions, address)
	return session != nil, err
}

// GetManySessions answers nil for an address without a session.
func (s stores) GetManySessions(ctx context.Context, addresses []string) (map[string][]byte, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	found, err := s.d.getMany(ctx, tableSessions, addresses)
	if err != nil {
		return nil, err
	}
	sending := sendOf(ctx)
	for _, address := range addresses {
		session := found[address]
		found[address] = session // also when there is none
		sending.saw(address, session)
	}
	return found, nil
}

func (s stores) PutSession(ctx context.Context, address string, session []byte) error {
	return s.PutManySessions(ctx, map[string][]byte{address: session})
}

// PutManySessions keeps all or none; ErrStale under WithSend. Of what a decryption puts, the
// sessions that libsignal tried in vain stay as they were, see [ratchet.Mend].
func (s stores) PutManySessions(ctx context.Context, sessions map[string][]byte) error {
	if len(sessions) == 0 {
		return nil
	}
	sending, decrypting := sendOf(ctx), s.d.txn(ctx) != nil
	err := s.d.update(ctx, strict, func(c *change) error {
		if sending != nil { // for the gets below
			if _, err := c.getMany(ctx, tableSessions, slices.Collect(maps.Keys(sessions))); err != nil {
				return err
			}
		}
		for address, session := range sessions {
			if sending != nil {
				now, err := c.get(ctx, tableSessions, address)
				if err != nil {
					return err
				}
				if err := sending.check(address, now); err != nil {
					return fmt.Errorf("put session: %w", err)
				}
			}
			if decrypting {
				was, err := c.get(ctx, tableSessions, address)
				if err != nil {
					return err
				}
				session = ratchet.Mend(was, session)
			}
			c.set(tableSessions, address, bytes.Clone(session))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for address, session := range sessions {
		sending.saw(address, session)
	}
	return nil
}

// DeleteAllSessions deletes those of all devices of a signal user.
func (s stores) DeleteAllSessions(ctx context.Context, user string) error {
	return s.d.update(ctx, strict, func(c *change) error {
		return c.deletePrefix(ctx, tableSessions, user+":")
	})
}

func (s stores) DeleteSession(ctx context.Context, address string) error {
	err := s.d.update(ctx, strict, func(c *change) error {
		c.delete(tableSessions, address)
		return nil
	})
	if err == nil {
		sendOf(ctx).saw(address, nil)
	}
	return err
}

// MigratePNToLID moves sessions, identities and sender keys of a phone number to its LID,
// over what the LID has. Once done for a user it does nothing for a while.
func (s stores) MigratePNToLID(ctx context.Context, pn, lid types.JID) error {
	from, to := pn.SignalAddressUser(), lid.SignalAddressUser()
	memo := cell{memoMigrated, from}
	d := s.d
	d.mu.Lock()
	_, done := d.cache.get(memo)
	d.mu.Unlock()
	if done {
		return nil
	}
	moved := 0
	err := d.update(ctx, deferred, func(c *change) error {
		for _, table := range []string{tableSessions, tableIdentities, tableSenderKeys} {
			n, err := c.move(ctx, table, from+":", to+":")
			if err != nil {
				return fmt.Errorf("migrate to LID: %w", err)
			}
			moved += n
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.cache.add(memo, []byte{})
	d.mu.Unlock()
	if moved > 0 {
		d.logger.Debugf("%d keys of a user migrated to the LID", moved)
	}
	return nil
}

// move renames all keys with one prefix to another.
func (c *change) move(ctx context.Context, table, from, to string) (int, error) {
	var found []write
	err := c.d.each(ctx, c, table, from, "", func(key string, value []byte) bool {
		found = append(found, write{cell{table, key}, value})
		return true
	})
	if err != nil {
		return 0, err
	}
	for _, w := range found {
		c.set(table, to+strings.TrimPrefix(w.key, from), w.value)
		c.delete(table, w.key)
	}
	return len(found), nil
}
