package keys

import (
	"context"
	"fmt"

	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// PutLIDMapping pairs a LID and a phone number. Pairs that either was in before are gone. The
// account's own are nobody else's: a stanza that says so changes nothing, or what is sent to
// somebody would go to the account itself.
func (s stores) PutLIDMapping(ctx context.Context, lid, pn types.JID) error {
	if !isPair(lid, pn) {
		return fmt.Errorf("invalid PutLIDMapping call %s/%s", lid.Server, pn.Server)
	}
	if s.d.mixesOwn(lid, pn) {
		s.d.logger.Warnf("A pairing of the account's own identity with somebody else's is left out")
		return nil
	}
	known, err := s.d.get(ctx, tablePNs, pn.User)
	if err != nil || string(known) == lid.User { // nearly always, and needs no lock
		return err
	}
	return s.d.update(ctx, deferred, func(c *change) error { return c.pair(ctx, lid.User, pn.User) })
}

// PutManyLIDMappings leaves out what is no pair of a LID and a phone number.
func (s stores) PutManyLIDMappings(ctx context.Context, mappings []wastore.LIDMapping) error {
	pairs := make([]wastore.LIDMapping, 0, len(mappings))
	for _, m := range mappings {
		if isPair(m.LID, m.PN) && !s.d.mixesOwn(m.LID, m.PN) {
			pairs = append(pairs, m)
		}
	}
	if left := len(mappings) - len(pairs); left > 0 {
		s.d.logger.Debugf("%d invalid LID mappings left out", left)
	}
	return bulk(ctx, s.d, pairs, func(c *change, part []wastore.LIDMapping) error {
		lids, pns := make([]string, len(part)), make([]string, len(part))
		for i, m := range part {
			lids[i], pns[i] = m.LID.User, m.PN.User
		}
		if _, err := c.getMany(ctx, tablePNs, pns); err != nil { // for pair
			return err
		}
		if _, err := c.getMany(ctx, tableLIDs, lids); err != nil {
			return err
		}
		for _, m := range part {
			if err := c.pair(ctx, m.LID.User, m.PN.User); err != nil {
				return err
			}
		}
		return nil
	})
}

// mixesOwn says whether one of a pair is the account's own, and the other is not.
func (d *Device) mixesOwn(lid, pn types.JID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.own.phone != "" && d.own.hidden != "" && (d.own.phone == pn.User) != (d.own.hidden == lid.User)
}

func isPair(lid, pn types.JID) bool {
	return lid.Server == types.HiddenUserServer && pn.Server == types.DefaultUserServer
}

func (c *change) pair(ctx context.Context, lid, pn string) error {
	oldLID, err := c.get(ctx, tablePNs, pn)
	if err != nil {
		return err
	}
	oldPN, err := c.get(ctx, tableLIDs, lid)
	if err != nil {
		return err
	}
	if string(oldLID) == lid && string(oldPN) == pn {
		return nil
	}
	if oldLID != nil && string(oldLID) != lid {
		c.delete(tableLIDs, string(oldLID))
	}
	if oldPN != nil && string(oldPN) != pn {
		c.delete(tablePNs, string(oldPN))
	}
	c.set(tableLIDs, lid, []byte(pn))
	c.set(tablePNs, pn, []byte(lid))
	return nil
}

// GetPNForLID returns the empty JID when it is not known; the device part stays.
func (s stores) GetPNForLID(ctx context.Context, lid types.JID) (types.JID, error) {
	if lid.Server != types.HiddenUserServer {
		return types.EmptyJID, fmt.Errorf("invalid GetPNForLID call with %s", lid.Server)
	}
	return s.d.otherJID(ctx, tableLIDs, lid, types.DefaultUserServer)
}

// GetLIDForPN returns the empty JID when it is not known; the device part stays.
func (s stores) GetLIDForPN(ctx context.Context, pn types.JID) (types.JID, error) {
	if pn.Server != types.DefaultUserServer {
		return types.EmptyJID, fmt.Errorf("invalid GetLIDForPN call with %s", pn.Server)
	}
	return s.d.otherJID(ctx, tablePNs, pn, types.HiddenUserServer)
}

func (d *Device) otherJID(ctx context.Context, table string, jid types.JID, server string) (types.JID, error) {
	user, err := d.get(ctx, table, jid.User)
	if err != nil || len(user) == 0 {
		return types.EmptyJID, err
	}
	return types.JID{User: string(user), Device: jid.Device, Server: server}, nil
}

// GetManyLIDsForPNs leaves out what is not known or no phone number.
func (s stores) GetManyLIDsForPNs(ctx context.Context, pns []types.JID) (map[types.JID]types.JID, error) {
	if len(pns) == 0 {
		return nil, nil
	}
	users := make([]string, 0, len(pns))
	for _, pn := range pns {
		if pn.Server == types.DefaultUserServer {
			users = append(users, pn.User)
		}
	}
	known, err := s.d.getMany(ctx, tablePNs, users)
	if err != nil {
		return nil, err
	}
	out := make(map[types.JID]types.JID, len(pns))
	for _, pn := range pns {
		if lid := known[pn.User]; len(lid) > 0 && pn.Server == types.DefaultUserServer {
			out[pn] = types.JID{User: string(lid), Device: pn.Device, Server: types.HiddenUserServer}
		}
	}
	return out, nil
}

// altJID is the other identity of a user as the LID map knows it, or the empty JID.
func (d *Device) altJID(ctx context.Context, jid types.JID) (types.JID, error) {
	switch jid.Server {
	case types.DefaultUserServer:
		return d.otherJID(ctx, tablePNs, jid, types.HiddenUserServer)
	case types.HiddenUserServer:
		return d.otherJID(ctx, tableLIDs, jid, types.DefaultUserServer)
	}
	return types.EmptyJID, nil
}
