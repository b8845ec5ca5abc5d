package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// someone is a person as a stanza names them: by one address or by both, and what they call
// themselves, if that came.
type someone struct {
	jid, alt types.JID
	name     string
}

// pair are the two addresses of a person, as far as they are known.
type pair struct{ phone, lid string }

func (p pair) each() (jids []string) {
	for _, jid := range []string{p.lid, p.phone} { // the LID first: it stays when a number changes
		if jid != "" {
			jids = append(jids, jid)
		}
	}
	return jids
}

// meet resolves everybody whom a stanza names, with one read for all who are not remembered.
// Those who act (a chat's person, a sender, a member) get a record when they have none, and what
// the stanza tells of them is learned; those who are only named (mentioned, quoted) do not, so
// that nobody can fill the store by naming people. Addresses that are no person's are left out.
// The account itself is always met.
func (d *draft) meet(ctx context.Context, actors []someone, named ...types.JID) error {
	if err := d.meetMe(); err != nil {
		return err
	}
	actors = append([]someone{d.own}, actors...)
	pairs := make([]pair, len(actors))
	var jids []string
	for i, a := range actors {
		if convert.IsPerson(convert.Plain(a.jid)) {
			pairs[i] = d.pairOf(ctx, a)
			jids = append(jids, pairs[i].each()...)
		}
	}
	for _, jid := range named {
		if jid = convert.Plain(jid); convert.IsPerson(jid) {
			jids = append(jids, jid.String())
		}
	}
	found, err := d.s.find(ctx, jids)
	if err != nil {
		return err
	}
	for jid, p := range found {
		if _, ok := d.met[jid]; !ok {
			d.know(p, jid)
		}
	}
	for i, a := range actors {
		if pairs[i] == (pair{}) {
			continue
		}
		if err := d.settle(ctx, pairs[i], convert.CleanName(a.name)); err != nil {
			return err
		}
	}
	return nil
}

// know has the draft speak of a person, by these addresses and their own.
func (d *draft) know(p store.Contact, jids ...string) {
	d.people[p.ID] = p
	for _, jid := range append(jids, p.Phone, p.LID) {
		if jid != "" {
			d.met[jid] = p.ID
		}
	}
}

// at is who has an address, of those met.
func (d *draft) at(jid string) (store.Contact, bool) {
	key, ok := d.met[jid]
	if !ok || jid == "" {
		return store.Contact{}, false
	}
	p, ok := d.people[key]
	return p, ok
}

// key is the key of whoever has this address; the address itself where nobody is known.
func (d *draft) key(jid types.JID) string {
	jid = convert.Plain(jid)
	if p, ok := d.at(jid.String()); ok {
		return p.ID
	}
	return jid.String()
}

// place is the key of a chat and its kind. Who it is with has been met.
func (d *draft) place(chat types.JID) (key, kind string) {
	return d.key(chat), convert.KindOf(convert.Plain(chat))
}

// meetMe finds out who the account itself is. It comes from the session's record: whatsmeow
// changes its own without a lock.
func (d *draft) meetMe() error {
	d.s.mu.Lock()
	phone, lid, name := d.s.record.Phone, d.s.record.LID, d.s.record.PushName
	d.s.mu.Unlock()
	if phone == "" {
		if d.c == nil {
			return nil // it need not be linked for what comes another way
		}
		return ErrNotLinked
	}
	jid, err := convert.ParseAddress(phone)
	if err != nil {
		return fmt.Errorf("own number: %w", err)
	}
	alt := types.EmptyJID
	if lid != "" {
		if alt, err = types.ParseJID(lid); err != nil {
			return fmt.Errorf("own LID: %w", err)
		}
	}
	d.own = someone{jid: jid, alt: alt, name: name}
	return nil
}

// me is the account's own key.
func (d *draft) me() string { return d.key(d.own.jid) }

func (d *draft) isMe(jid types.JID) bool {
	jid = convert.Plain(jid)
	return !jid.IsEmpty() && (jid == convert.Plain(d.own.jid) || jid == convert.Plain(d.own.alt))
}

// pairOf completes the two addresses of a person from whatsmeow's own map, where nothing here
// tells them. The account's own addresses are nobody else's, whatever a stanza says.
func (d *draft) pairOf(ctx context.Context, a someone) pair {
	jid, alt := convert.Plain(a.jid), convert.Plain(a.alt)
	if d.isMe(jid) {
		jid, alt = convert.Plain(d.own.jid), convert.Plain(d.own.alt)
	} else if d.isMe(alt) || !convert.IsPerson(alt) || alt.Server == jid.Server {
		alt = types.EmptyJID
	}
	if alt.IsEmpty() && d.c != nil {
		if p, ok := d.s.people.at(jid.String()); !ok || p.Phone == "" || p.LID == "" {
			other, err := d.c.dev.Whatsmeow().GetAltJID(ctx, jid)
			if err == nil && !d.isMe(other) { // not knowing is no fault: the mapping can come later
				alt = convert.Plain(other)
			}
		}
	}
	if jid.Server == types.HiddenUserServer {
		jid, alt = alt, jid
	}
	var p pair
	if !jid.IsEmpty() {
		p.phone = jid.String()
	}
	if !alt.IsEmpty() {
		p.lid = alt.String()
	}
	return p
}

// settle makes one person of a pair of addresses, and adds to the unit what is new. A pairing
// that contradicts a known one is not believed on a stanza's word: WhatsApp is asked, and the
// LID says who it is meanwhile.
func (d *draft) settle(ctx context.Context, p pair, name string) error {
	byLID, hasLID := d.at(p.lid)
	byPhone, hasPhone := d.at(p.phone)
	if hasLID && hasPhone && byLID.ID == byPhone.ID {
		hasPhone = false
	}
	if hasPhone && p.lid != "" && byPhone.Phone != p.phone { // a number that they had before, and somebody else may have now
		hasPhone = false
	}
	was, found := store.Contact{}, true
	learn := p
	switch {
	case hasLID && hasPhone && (byLID.Phone != "" || byPhone.LID != ""):
		was, learn = byLID, pair{lid: p.lid}
		d.doubt(p)
	case hasLID && hasPhone:
		return d.join(ctx, byLID, byPhone, p, name)
	case hasLID:
		was = byLID
		if p.phone != "" && was.Phone != "" && was.Phone != p.phone {
			learn.phone = ""
			d.doubt(p)
		}
	case hasPhone && p.lid != "" && byPhone.LID != "" && byPhone.LID != p.lid:
		found, learn = false, pair{lid: p.lid}
		d.doubt(p)
	case hasPhone:
		was = byPhone
		if was.Phone != "" && was.Phone != p.phone { // a number they had before
			learn.phone = ""
		}
	default:
		found = false
	}
	want := was
	if !found {
		key, err := d.newKey(ctx, learn)
		if err != nil {
			return err
		}
		want = store.Contact{SessionID: d.s.id, ID: key}
	}
	if learn.phone != "" {
		want.Phone = learn.phone
	}
	if learn.lid != "" {
		want.LID = learn.lid
	}
	if name != "" {
		want.PushName = name
	}
	d.know(want, learn.each()...)
	if found && same(want, was) {
		return nil
	}
	return d.learn(ctx, was, want, found)
}

func same(a, b store.Contact) bool {
	return a.Phone == b.Phone && a.LID == b.LID && a.Name == b.Name && a.PushName == b.PushName && a.BusinessName == b.BusinessName
}

// newKey is the key of somebody who is met for the first time: the address by which they are
// known longest, or that with a number behind it, where a person who had the address before has it.
func (d *draft) newKey(ctx context.Context, p pair) (string, error) {
	first := p.each()[0]
	for n := 1; ; n++ {
		key := first
		if n > 1 {
			key = fmt.Sprintf("%s#%d", first, n)
		}
		if _, taken := d.people[key]; taken {
			continue
		}
		there, err := d.s.m.cfg.Store.Contacts().Get(ctx, d.s.id, []string{key})
		if err != nil {
			return "", fmt.Errorf("get contact: %w", err)
		}
		if len(there) == 0 {
			return key, nil
		}
	}
}

// learn adds what is new of a person to the unit, and tells of what shows.
func (d *draft) learn(ctx context.Context, was, want store.Contact, found bool) error {
	d.unit.Contacts = append(d.unit.Contacts, store.ContactUpdate{
		ID: want.ID, Phone: want.Phone, LID: want.LID, Name: want.Name, PushName: want.PushName, BusinessName: want.BusinessName,
	})
	d.fresh = append(d.fresh, want)
	if !found {
		return nil
	}
	address := convert.AddressOf(want.ID, convert.People{want.ID: want})
	if was.Address() != want.Address() {
		d.mapped(was.Address(), want)
	}
	renamed := convert.DisplayName(was) != convert.DisplayName(want)
	if renamed {
		d.event(EventContactUpdate, fmt.Sprintf("%s/%s/%d", want.ID, convert.DisplayName(want), nowNano()), ContactData{Contact: address})
	}
	if !renamed && was.Phone == want.Phone {
		return nil
	}
	if err := d.showChat(ctx, want); err != nil {
		return err
	}
	return d.renumbered(ctx, was, want)
}

// mapped tells that a person is shown under another id from now on.
func (d *draft) mapped(old string, p store.Contact) {
	now := p.Address()
	d.event(EventIdentityMapped, fmt.Sprintf("%s>%s/%s", old, now, p.ID), IdentityData{
		Old: old, New: now, From: old, To: now, Contact: convert.AddressOf(p.ID, convert.People{p.ID: p}),
	})
}

// chat reads a chat as it is after all that was handed over before.
func (d *draft) chat(ctx context.Context, key string) (store.Chat, bool, error) {
	if err := d.settled(ctx); err != nil {
		return store.Chat{}, false, err
	}
	chat, err := d.s.m.cfg.Store.Chats().Get(ctx, d.s.id, key)
	if errors.Is(err, store.ErrNotFound) {
		return chat, false, nil
	}
	if err != nil {
		return chat, false, fmt.Errorf("read chat: %w", err)
	}
	return chat, true, nil
}

// join makes one person of two records, of which one has the LID and the other the phone. Nothing
// that is stored moves: the one record stands for both, and its chat lists the messages of both.
func (d *draft) join(ctx context.Context, stays, goes store.Contact, p pair, name string) error {
	d.joins = true
	want := stays
	want.Phone, want.LID = p.phone, p.lid
	for _, field := range []struct{ to, from *string }{
		{&want.Name, &goes.Name}, {&want.PushName, &goes.PushName}, {&want.BusinessName, &goes.BusinessName},
	} {
		if *field.to == "" {
			*field.to = *field.from
		}
	}
	if name != "" {
		want.PushName = name
	}
	want.Also = slices.Concat(stays.Also, []string{goes.ID}, goes.Also)
	for _, key := range goes.Keys() {
		d.unit.Contacts = append(d.unit.Contacts, store.ContactUpdate{ID: key, SameAs: want.ID})
	}
	d.unit.Contacts = append(d.unit.Contacts, store.ContactUpdate{
		ID: want.ID, Phone: want.Phone, LID: want.LID, Name: want.Name, PushName: want.PushName, BusinessName: want.BusinessName, Also: want.Also,
	})
	d.fresh = append(d.fresh, want)
	if old := stays.Address(); old != want.Address() {
		d.mapped(old, want)
	}
	if old := goes.Address(); old != want.Address() {
		d.mapped(old, want)
	}
	if err := d.joinChats(ctx, want, goes); err != nil {
		return err
	}
	d.know(want, p.each()...)
	for _, key := range goes.Keys() {
		d.people[key] = want
	}
	return nil
}

// joinChats has the chat of the record that stays show what the other's did.
func (d *draft) joinChats(ctx context.Context, want, goes store.Contact) error {
	to, exists, err := d.chat(ctx, want.ID)
	if err != nil {
		return err
	}
	from, there, err := d.chat(ctx, goes.ID)
	if err != nil || !exists && !there {
		return err
	}
	up := shownAs(want)
	up.Also = want.Also
	if there {
		up.AddUnread, up.ActivityAt, up.ReadUpTo = from.Unread, from.LastActivityAt, from.ReadUpTo
		if !exists {
			up.Archived, up.Pinned = &from.Archived, &from.Pinned
		}
		if to.MutedUntil.IsZero() && !from.MutedUntil.IsZero() {
			up.MutedUntil = &from.MutedUntil
		}
		if from.EphemeralAt.After(to.EphemeralAt) {
			up.Ephemeral, up.EphemeralAt = &from.Ephemeral, &from.EphemeralAt
		}
		d.unit.Chats = append(d.unit.Chats, store.ChatUpdate{ID: goes.ID, Kind: store.ChatPerson, Into: want.ID})
	}
	d.unit.Chats = append(d.unit.Chats, up)
	return nil
}
