package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
	"whatsapp-api/whatsapp/keys"
)

// draft is a unit under construction, with the people it names. What it learns of people is
// remembered by the session only when the unit was kept.
type draft struct {
	c      *conn
	unit   store.Unit
	people convert.People // by every id used in the unit
	fresh  []store.Contact

	received time.Time  // of the message that whatsmeow has just decrypted; zero for other units
	learned  store.Unit // of such a message: what it tells of people, which is kept also when it is known
}

func (c *conn) draft() *draft { return &draft{c: c, people: convert.People{}} }

// commit keeps the unit together with the keys that brought it, and remembers its people.
func (d *draft) commit() error {
	var err error
	if d.received.IsZero() {
		_, err = d.c.dev.Commit(d.c.ctx, d.unit)
	} else {
		_, err = d.c.dev.CommitReceived(d.c.ctx, d.unit, d.received)
	}
	if err != nil {
		return err
	}
	for _, m := range d.unit.Merges {
		d.c.s.people.Remove(m.From)
	}
	for _, p := range d.fresh {
		d.c.s.remember(p)
	}
	return nil
}

// commitLater is commit for a message that came, without waiting: it returns once the unit
// has its place in the order, and the message's acknowledgement waits for the commit. A
// message that is here already (WhatsApp sent it again because an acknowledgement was lost)
// is none of its errors: then only the keys are new.
func (d *draft) commitLater(event any) error {
	c := d.c
	if len(d.unit.Merges) > 0 { // what comes next is to see it
		err := d.commit()
		if errors.Is(err, store.ErrExists) {
			d.unit = d.learned
			err = d.commit()
		}
		return err
	}
	for _, p := range d.fresh {
		c.s.remember(p)
	}
	release := c.out.hold()
	end := func(err error) {
		if err != nil {
			c.s.people.Purge() // of whom the store does not know
			c.settle(event, err)
		}
		release(err == nil)
	}
	err := c.dev.KeepReceived(c.ctx, keys.Received{Unit: d.unit, Known: d.learned, Instead: d.lesser(event), At: d.received}, end)
	if err != nil {
		end(err)
	}
	return err
}

// hand gives the unit its place in the order, for callers that hold up others meanwhile.
// wait returns when it is kept; then is told so before, or that it could not be.
func (d *draft) hand(then func(error)) (wait func() error, err error) {
	c := d.c
	if len(d.unit.Merges) > 0 { // what comes next is to see it
		err := d.commit()
		then(err)
		return func() error { return nil }, err
	}
	for _, p := range d.fresh {
		c.s.remember(p)
	}
	end := func(err error) {
		if err != nil {
			c.s.people.Purge() // of whom the store does not know
		}
		then(err)
	}
	handed, err := c.dev.Hand(d.unit, end)
	if err != nil {
		end(err)
		return nil, err
	}
	return func() error {
		_, err := handed.Wait(context.WithoutCancel(c.ctx))
		return err
	}, nil
}

func (s *Session) remember(p store.Contact) {
	for _, id := range []string{p.ID, p.Phone, p.LID} {
		if id != "" {
			s.people.Add(id, p)
		}
	}
}

// contact finds what is known of a person by any of their ids; false when nothing is.
func (s *Session) contact(ctx context.Context, id string) (store.Contact, bool, error) {
	if p, ok := s.people.Get(id); ok {
		return p, true, nil
	}
	p, err := s.m.cfg.Store.Contacts().Find(ctx, s.id, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Contact{}, false, nil
	}
	if err != nil {
		return store.Contact{}, false, fmt.Errorf("find contact: %w", err)
	}
	s.remember(p)
	return p, true, nil
}

// person returns who jid is, with its canonical id, and adds to the unit what is new: a
// contact, a name, or that two ids are one person. alt is the other identity that came with
// it, if any; name what they call themselves, if it came.
func (d *draft) person(jid, alt types.JID, name string) (store.Contact, error) {
	pn, lid := d.identities(convert.Plain(jid), convert.Plain(alt))
	now, err := d.known(pn, lid)
	if err != nil {
		return store.Contact{}, err
	}
	want := now.best // what is known, then what this unit adds
	if pn != "" {
		want.Phone = pn
	}
	if lid != "" {
		want.LID = lid
	}
	if want.ID = want.Phone; want.ID == "" {
		want.ID = want.LID
	}
	if name = convert.CleanName(name); name != "" {
		want.PushName = name
	}
	want.SessionID = d.c.s.id
	if want != now.best || len(now.others) > 0 || !now.found {
		if err := d.learn(now, want); err != nil {
			return store.Contact{}, err
		}
	}
	for _, id := range []string{want.ID, want.Phone, want.LID} {
		if id != "" {
			d.people[id] = want
		}
	}
	return want, nil
}

// identities completes the two ids of a person from whatsmeow's own map.
func (d *draft) identities(jid, alt types.JID) (pn, lid string) {
	for _, j := range []types.JID{jid, alt} {
		switch j.Server {
		case types.DefaultUserServer:
			pn = j.String()
		case types.HiddenUserServer:
			lid = j.String()
		}
	}
	if pn != "" && lid != "" {
		return pn, lid
	}
	other, err := d.c.dev.Whatsmeow().GetAltJID(d.c.ctx, jid)
	if err != nil || other.IsEmpty() { // not knowing is no fault: the mapping can come later
		return pn, lid
	}
	if other.Server == types.DefaultUserServer {
		return other.ToNonAD().String(), lid
	}
	return pn, other.ToNonAD().String()
}

// standing is what the session knows of a person before a unit: one contact, or two that
// turn out to be the same.
type standing struct {
	best   store.Contact
	others []store.Contact // to be merged into best
	found  bool
}

// known looks a person up under both ids, the LID first: it stays when a number changes.
func (d *draft) known(pn, lid string) (standing, error) {
	var st standing
	for _, id := range []string{lid, pn} {
		if id == "" {
			continue
		}
		p, ok := d.people[id]
		if !ok {
			var err error
			if p, ok, err = d.c.s.contact(d.c.ctx, id); err != nil {
				return st, err
			}
		}
		switch {
		case !ok:
		case !st.found:
			st.best, st.found = p, true
		case p.ID != st.best.ID:
			st.others = append(st.others, p)
		}
	}
	return st, nil
}

// learn adds what is new of a person to the unit.
func (d *draft) learn(now standing, want store.Contact) error {
	d.unit.Contacts = append(d.unit.Contacts, store.ContactUpdate{
		ID: want.ID, Phone: want.Phone, LID: want.LID, Name: want.Name, PushName: want.PushName, BusinessName: want.BusinessName,
	})
	d.fresh = append(d.fresh, want)
	address := convert.AddressOf(want.ID, convert.People{want.ID: want})
	old := now.others
	if now.found && now.best.ID != want.ID {
		old = append(old, now.best)
	}
	for _, p := range old {
		if p.ID == want.ID {
			continue
		}
		d.unit.Merges = append(d.unit.Merges, store.ChatMerge{From: p.ID, To: want.ID, Kind: store.ChatPerson})
		d.event(EventIdentityMapped, p.ID+">"+want.ID, IdentityData{From: p.ID, To: want.ID, Contact: address})
	}
	if now.found && convert.DisplayName(now.best) != convert.DisplayName(want) {
		d.event(EventContactUpdate, fmt.Sprintf("%s/%s/%d", want.ID, convert.DisplayName(want), nowNano()), ContactData{Contact: address})
		return d.nameChat(now.best.ID, want)
	}
	return nil
}

// nameChat gives the chat with a person, if there is one, their new name.
func (d *draft) nameChat(was string, p store.Contact) error {
	if err := d.c.dev.Settled(d.c.ctx); err != nil {
		return err
	}
	ids := []string{was}
	for _, m := range d.unit.Merges { // which are not made yet
		if m.To == was {
			ids = append(ids, m.From)
		}
	}
	for _, id := range ids {
		_, err := d.c.s.m.cfg.Store.Chats().Get(d.c.ctx, d.c.s.id, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("find chat: %w", err)
		}
		d.unit.Chats = append(d.unit.Chats, store.ChatUpdate{ID: p.ID, Kind: store.ChatPerson, Name: convert.DisplayName(p)})
		return nil
	}
	return nil
}

func (d *draft) event(name, cause string, data any) {
	d.unit.Events = append(d.unit.Events, newEvent(d.c.s.id, name, cause, now(), data))
}

// place returns the canonical id of a chat and its kind, learning who it is with.
func (d *draft) place(chat, alt types.JID) (id, kind string, err error) {
	chat = convert.Plain(chat)
	kind = convert.KindOf(chat)
	if kind != store.ChatPerson || !convert.IsPerson(chat) {
		return chat.String(), kind, nil
	}
	p, err := d.person(chat, alt, "")
	return p.ID, kind, err
}

// PeopleOf finds the contacts behind canonical ids, for shapes.
func (s *Session) PeopleOf(ctx context.Context, ids ...string) (convert.People, error) {
	people := convert.People{}
	var missing []string
	for _, id := range ids {
		if p, ok := s.people.Get(id); ok {
			people[id] = p
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return people, nil
	}
	found, err := s.m.cfg.Store.Contacts().Many(ctx, s.id, missing)
	if err != nil {
		return nil, fmt.Errorf("find contacts: %w", err)
	}
	for id, p := range found {
		people[id] = p
	}
	return people, nil
}

// canonical is the id under which a chat is stored, as far as it is known.
func (c *conn) canonical(jid types.JID) string {
	jid = convert.Plain(jid)
	if p, ok, err := c.s.contact(c.ctx, jid.String()); err == nil && ok {
		return p.ID
	}
	if jid.Server == types.HiddenUserServer {
		if pn, err := c.dev.Whatsmeow().GetAltJID(c.ctx, jid); err == nil && !pn.IsEmpty() {
			return pn.ToNonAD().String()
		}
	}
	return jid.String()
}

// Canonical is the id under which the chat with jid is stored, as far as it is known.
func (s *Session) Canonical(ctx context.Context, jid types.JID) (string, error) {
	p, ok, err := s.contact(ctx, convert.Plain(jid).String())
	if err != nil || !ok {
		return convert.Plain(jid).String(), err
	}
	return p.ID, nil
}
