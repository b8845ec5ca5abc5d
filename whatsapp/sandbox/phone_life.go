package sandbox

import (
	"context"
	"fmt"

	"go.mau.fi/whatsmeow/types"
)

// NewPhone makes an account with its phone. name is the push name.
func (s *Server) NewPhone(phone, name string) (*Phone, error) {
	digits, err := parsePhone(phone)
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = "+" + digits
	}
	s.making.Lock()
	defer s.making.Unlock()
	if s.find(types.NewJID(digits, types.DefaultUserServer)) != nil {
		return nil, fmt.Errorf("%w: +%s", ErrPhoneTaken, digits)
	}
	a := newAccount(digits, s.hiddenUser(digits), name)
	c := s.change()
	a.forget(c) // what came late for an account of this number that was deleted
	p := s.newPhone(c, a)
	c.then(func() { s.happened(PhoneCreated, a, detail(Detail{Name: name})) })
	if err := c.commit().wait(s.ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.byPhone[a.pn], s.byLID[a.lid] = a, a
	s.mu.Unlock()
	s.runPhone(p)
	return p, nil
}

// keptOfPhones is the kinds of records that are kept of one account, by its number.
var keptOfPhones = []string{
	"device", "prekey", "queue", "seen", "watch", "block", "trust", "patch",
	"phone", "session", "private", "senderkey", "received", "receipt", "sent",
}

// forget removes everything that is kept of the account.
func (a *account) forget(c *change) {
	c.del(a.key())
	for _, kind := range keptOfPhones {
		c.delAll(kind + "/" + a.pn + "/")
	}
}

// DeletePhone deletes a phone with its account, as a person does who leaves WhatsApp: its clients are
// unlinked, it leaves its groups, and what it had is gone. The number may be used again.
func (s *Server) DeletePhone(ctx context.Context, phone string) error {
	s.making.Lock()
	defer s.making.Unlock()
	a, err := s.accountOf(phone)
	if err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.byPhone, a.pn)
	delete(s.byLID, a.lid)
	s.mu.Unlock()
	a.phone.stop()
	<-a.phone.ended

	c := s.change()
	for _, g := range s.allGroups() {
		if !s.chatIn(a, g).has(a) {
			continue
		}
		if _, err := s.changeMembers(c, g, a, "remove", []*account{a}); err != nil {
			c.commit()
			return err
		}
	}
	for _, other := range s.accounts() {
		other.forgetOther(c, a)
	}
	for _, d := range a.companions() {
		d.mu.Lock()
		d.removed = true
		online := d.conn
		d.mu.Unlock()
		if online != nil {
			c.then(online.deviceRemoved)
		}
	}
	a.forget(c)
	c.then(func() { s.happened(PhoneDeleted, a, nil) })
	return c.commit().wait(ctx)
}

// forgetOther removes what an account has noted about another one.
func (a *account) forgetOther(c *change, other *account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.watchers[other.lid]; ok {
		delete(a.watchers, other.lid)
		c.del(a.watchKey(other))
	}
	if _, ok := a.blocked[other.lid]; ok {
		delete(a.blocked, other.lid)
		c.del(a.blockKey(other))
	}
	if _, ok := a.trusted[other.lid]; ok {
		delete(a.trusted, other.lid)
		c.del(a.trustKey(other))
	}
}

// SetPower turns the phone off or on. While it is off it takes nothing, so that others see that their
// messages were sent but not that they arrived, and its person can do nothing with it. Its linked
// clients go on.
func (p *Phone) SetPower(ctx context.Context, on bool) error {
	p.mu.Lock()
	if p.record.Off != on {
		p.mu.Unlock()
		return nil
	}
	p.record.Off = !on
	c := p.server.change()
	c.put(p.path("phone"), p.record)
	c.then(func() { p.server.happened(PhoneChanged, p.account, detail(Detail{On: &on})) })
	if on {
		p.power.open()
	} else {
		p.power.close()
	}
	c.commit()
	p.mu.Unlock()
	return c.wait(ctx)
}

// On says whether the phone is on.
func (p *Phone) On() bool { return !p.power.closed() }

// checkOn is ErrPhoneOff if nobody can do anything with the phone.
func (p *Phone) checkOn() error {
	if p.On() {
		return nil
	}
	return fmt.Errorf("%w: +%s", ErrPhoneOff, p.account.pn)
}

// SetReadReceipts says whether others learn what the account has read. It is a setting of the
// account, which its clients see and obey too. In groups everybody learns it in any case.
func (p *Phone) SetReadReceipts(ctx context.Context, on bool) error {
	value := "all"
	if !on {
		value = "none"
	}
	c := p.server.change()
	p.server.choose(c, p.account, p.device(), map[string]string{readReceipts: value})
	return c.commit().wait(ctx)
}

// ReadReceipts says whether others learn what the account has read.
func (p *Phone) ReadReceipts() bool { return p.account.showsReads() }
