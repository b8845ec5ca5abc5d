package whatsapp

import (
	"context"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// people remembers the persons that a session met lately, by their keys and by their addresses.
// What is new is remembered before the unit that says so is kept, since the next stanza goes on
// from it; all is forgotten when a unit could not be kept.
type people struct {
	byKey     *lru.Cache[string, store.Contact]
	byAddress *lru.Cache[string, string] // to the key
}

// knownPeople bounds how many persons a session remembers.
const knownPeople = 256

func newPeople() *people {
	byKey, err := lru.New[string, store.Contact](knownPeople)
	if err != nil { // only for a size below one
		panic(err)
	}
	byAddress, err := lru.New[string, string](2 * knownPeople)
	if err != nil {
		panic(err)
	}
	return &people{byKey: byKey, byAddress: byAddress}
}

func (p *people) remember(c store.Contact) {
	p.byKey.Add(c.ID, c)
	for _, jid := range []string{c.Phone, c.LID} {
		if jid != "" {
			p.byAddress.Add(jid, c.ID)
		}
	}
}

// at is whose address jid is, as far as it is remembered.
func (p *people) at(jid string) (store.Contact, bool) {
	key, ok := p.byAddress.Get(jid)
	if !ok {
		return store.Contact{}, false
	}
	return p.byKey.Get(key)
}

// forget is for when something was not kept, or is no longer as it was.
func (p *people) forget() {
	p.byKey.Purge()
	p.byAddress.Purge()
}

// forget forgets of whom and of which chats the store may not know.
func (s *Session) forget() {
	s.people.forget()
	s.timers.Purge()
}

// find returns the persons with these addresses, by the address: what is remembered, and the
// rest with one read. An address that nobody has is missing in the answer.
func (s *Session) find(ctx context.Context, jids []string) (map[string]store.Contact, error) {
	found := make(map[string]store.Contact, len(jids))
	var unknown []string
	for _, jid := range jids {
		if c, ok := s.people.at(jid); ok {
			found[jid] = c
		} else {
			unknown = append(unknown, jid)
		}
	}
	if len(unknown) == 0 {
		return found, nil
	}
	read, err := s.m.cfg.Store.Contacts().Find(ctx, s.id, unknown)
	if err != nil {
		return nil, fmt.Errorf("find contacts: %w", err)
	}
	for jid, c := range read {
		s.people.remember(c)
		s.people.byAddress.Add(jid, c.ID) // it may be one that they had before
		found[jid] = c
	}
	return found, nil
}

// PeopleOf finds the persons behind keys, for shapes. A key without a record (of somebody who
// was only ever mentioned) is looked up as the address that it is.
func (s *Session) PeopleOf(ctx context.Context, keys ...string) (convert.People, error) {
	known := convert.People{}
	var missing []string
	for _, key := range keys {
		if c, ok := s.people.byKey.Get(key); ok {
			known[key] = c
		} else {
			missing = append(missing, key)
		}
	}
	if len(missing) == 0 {
		return known, nil
	}
	read, err := s.m.cfg.Store.Contacts().Get(ctx, s.id, missing)
	if err != nil {
		return nil, fmt.Errorf("get contacts: %w", err)
	}
	var addresses []string
	for _, key := range missing {
		if c, ok := read[key]; ok {
			known[key] = c
		} else if _, ok := convert.PersonIn(key); ok {
			addresses = append(addresses, key)
		}
	}
	if len(addresses) == 0 {
		return known, nil
	}
	found, err := s.find(ctx, addresses)
	if err != nil {
		return nil, err
	}
	for jid, c := range found {
		known[jid] = c
	}
	return known, nil
}

// person is whose address jid is; false when nobody's that is known.
func (s *Session) person(ctx context.Context, jid types.JID) (store.Contact, bool, error) {
	address := convert.Plain(jid).String()
	found, err := s.find(ctx, []string{address})
	if err != nil {
		return store.Contact{}, false, err
	}
	c, ok := found[address]
	return c, ok, nil
}

// ChatKeys are the keys under which messages of the chat with jid are kept, the chat's own
// first. Of somebody who is not known it is the address itself.
func (s *Session) ChatKeys(ctx context.Context, jid types.JID) ([]string, error) {
	jid = convert.Plain(jid)
	if !convert.IsPerson(jid) {
		return []string{jid.String()}, nil
	}
	c, ok, err := s.person(ctx, jid)
	if err != nil {
		return nil, err
	}
	if !ok {
		return []string{jid.String()}, nil
	}
	return c.Keys(), nil
}

// chatKeys is ChatKeys for a chat that may be known to WhatsApp's client alone.
func (c *conn) chatKeys(ctx context.Context, jid types.JID) ([]string, error) {
	keys, err := c.s.ChatKeys(ctx, jid)
	if err != nil || keys[0] != convert.Plain(jid).String() {
		return keys, err
	}
	if alt, err := c.dev.Whatsmeow().GetAltJID(ctx, convert.Plain(jid)); err == nil && !alt.IsEmpty() { // not knowing is no fault
		return c.s.ChatKeys(ctx, alt)
	}
	return keys, nil
}
