package keys

import (
	"context"
	"encoding/json"
	"fmt"

	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// contactRecord is the JSON of a contact.
type contactRecord struct {
	First    string `json:"f,omitempty"`
	Full     string `json:"n,omitempty"`
	Push     string `json:"p,omitempty"`
	Business string `json:"b,omitempty"`
	Redacted string `json:"r,omitempty"` // phone
}

func decodeContact(raw []byte) (contactRecord, error) {
	var r contactRecord
	if raw == nil {
		return r, nil
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("%w: contact: %w", ErrCorrupt, err)
	}
	return r, nil
}

func (r contactRecord) info(found bool) types.ContactInfo {
	return types.ContactInfo{
		Found: found, FirstName: r.First, FullName: r.Full, PushName: r.Push,
		BusinessName: r.Business, RedactedPhone: r.Redacted,
	}
}

func (c *change) putContact(key string, r contactRecord) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode contact: %w", err)
	}
	c.set(tableContacts, key, raw)
	return nil
}

// putName changes one name of a contact and returns whether it differs, and the old one.
func (d *Device) putName(ctx context.Context, user types.JID, name string, field func(*contactRecord) *string) (bool, string, error) {
	key := user.String()
	raw, err := d.get(ctx, tableContacts, key)
	if err != nil {
		return false, "", err
	}
	known, err := decodeContact(raw)
	if err != nil || *field(&known) == name { // nearly always, and needs no lock
		return false, "", err
	}
	var changed bool
	var previous string
	err = d.update(ctx, deferred, func(c *change) error {
		raw, err := c.get(ctx, tableContacts, key)
		if err != nil {
			return err
		}
		r, err := decodeContact(raw)
		if err != nil {
			return err
		}
		at := field(&r)
		if changed, previous = *at != name, *at; !changed {
			previous = ""
			return nil
		}
		*at = name
		return c.putContact(key, r)
	})
	return changed, previous, err
}

// PutPushName returns whether the name differs from the one known, and that one.
func (s stores) PutPushName(ctx context.Context, user types.JID, pushName string) (bool, string, error) {
	return s.d.putName(ctx, user, pushName, func(r *contactRecord) *string { return &r.Push })
}

// PutBusinessName returns whether the name differs from the one known, and that one.
func (s stores) PutBusinessName(ctx context.Context, user types.JID, businessName string) (bool, string, error) {
	return s.d.putName(ctx, user, businessName, func(r *contactRecord) *string { return &r.Business })
}

// PutContactName takes the first name first: whatsmeow's interface names its parameters
// the other way round than its caller fills them.
func (s stores) PutContactName(ctx context.Context, user types.JID, firstName, fullName string) error {
	return s.d.update(ctx, deferred, func(c *change) error {
		raw, err := c.get(ctx, tableContacts, user.String())
		if err != nil {
			return err
		}
		r, err := decodeContact(raw)
		if err != nil || (r.First == firstName && r.Full == fullName) {
			return err
		}
		r.First, r.Full = firstName, fullName
		return c.putContact(user.String(), r)
	})
}

func (s stores) PutAllContactNames(ctx context.Context, contacts []wastore.ContactEntry) error {
	return bulk(ctx, s.d, contacts, func(c *change, part []wastore.ContactEntry) error {
		return putContacts(ctx, c, part,
			func(e wastore.ContactEntry) types.JID { return e.JID },
			func(r *contactRecord, e wastore.ContactEntry) { r.First, r.Full = e.FirstName, e.FullName })
	})
}

func (s stores) PutManyRedactedPhones(ctx context.Context, entries []wastore.RedactedPhoneEntry) error {
	return bulk(ctx, s.d, entries, func(c *change, part []wastore.RedactedPhoneEntry) error {
		return putContacts(ctx, c, part,
			func(e wastore.RedactedPhoneEntry) types.JID { return e.JID },
			func(r *contactRecord, e wastore.RedactedPhoneEntry) { r.Redacted = e.RedactedPhone })
	})
}

// putContacts changes many contacts, in order, and makes those that are missing.
func putContacts[T any](ctx context.Context, c *change, part []T, jid func(T) types.JID, put func(*contactRecord, T)) error {
	names := make([]string, len(part))
	for i, e := range part {
		names[i] = jid(e).String()
	}
	known, err := c.getMany(ctx, tableContacts, names)
	if err != nil {
		return err
	}
	records := make(map[string]contactRecord, len(part))
	for i, e := range part {
		before, ok := records[names[i]]
		if !ok {
			if before, err = decodeContact(known[names[i]]); err != nil {
				return err
			}
		}
		r := before
		put(&r, e)
		records[names[i]] = r
		if known[names[i]] != nil && r == before {
			continue
		}
		if err := c.putContact(names[i], r); err != nil {
			return err
		}
	}
	return nil
}

// GetContact returns a contact that is not found when there is none.
func (s stores) GetContact(ctx context.Context, user types.JID) (types.ContactInfo, error) {
	raw, err := s.d.get(ctx, tableContacts, user.String())
	if err != nil {
		return types.ContactInfo{}, err
	}
	r, err := decodeContact(raw)
	return r.info(raw != nil), err
}

func (s stores) GetAllContacts(ctx context.Context) (map[types.JID]types.ContactInfo, error) {
	out := map[types.JID]types.ContactInfo{}
	var bad error
	err := s.d.each(ctx, s.d.txn(ctx), tableContacts, "", "", func(key string, raw []byte) bool {
		var jid types.JID
		var r contactRecord
		if jid, bad = types.ParseJID(key); bad != nil {
			return false
		}
		if r, bad = decodeContact(raw); bad != nil {
			return false
		}
		out[jid] = r.info(true)
		return true
	})
	if err == nil {
		err = bad
	}
	return out, err
}
