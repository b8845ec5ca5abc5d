package whatsapp

import (
	"context"
	"errors"
	"time"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
	"whatsapp-api/whatsapp/keys"
)

// draft is a unit under construction, with the people it names. Whatever names somebody is
// resolved by meet, once, before anything else is done; from then on the draft speaks of
// persons by their keys.
type draft struct {
	s    *Session
	c    *conn // nil: it came another way than over the session's own connection
	unit store.Unit

	own     someone           // the account itself; see me
	people  convert.People    // by key, everybody met
	met     map[string]string // address to key
	fresh   []store.Contact
	learned store.Unit // what a message tells of people, which is kept also when it is known

	received time.Time // of the message that whatsmeow has just decrypted; zero for other units
	tasks    bool      // the session has more to do: its worker is woken once the unit is kept
	joins    bool      // two records become one person: what comes next is to see it
	undo     func()    // takes back what was remembered of the unit, which is not kept; may be nil
}

func (c *conn) draft() *draft { return c.s.draft(c) }

func (s *Session) draft(c *conn) *draft {
	return &draft{s: s, c: c, people: convert.People{}, met: map[string]string{}}
}

func (d *draft) event(name, cause string, data any) {
	d.unit.Events = append(d.unit.Events, newEvent(d.s.id, name, cause, now(), data))
}

// settled returns when all that was handed over before is kept, so that reads see it.
func (d *draft) settled(ctx context.Context) error {
	if d.c == nil {
		return nil
	}
	return d.c.dev.Settled(ctx)
}

// shown is the id under which a chat or person is shown.
func (d *draft) shown(key string) string { return convert.AddressOf(key, d.people).ID }

// commit keeps the unit together with the keys that brought it, and remembers its people.
func (d *draft) commit(ctx context.Context) (err error) {
	switch {
	case d.c == nil:
		d.unit.Session = d.s.id
		_, err = d.s.m.cfg.Log.Commit(ctx, d.unit)
	case d.received.IsZero():
		_, err = d.c.dev.Commit(ctx, d.unit)
	default:
		_, err = d.c.dev.CommitReceived(ctx, d.unit, d.received)
	}
	if err != nil {
		d.s.forget() // of what the store does not know
		return err
	}
	d.remember()
	d.ring()
	return nil
}

// ring wakes the worker when there is more to do. The unit is kept then, or has its place in the order:
// the worker waits for what is in line, and would miss what is put there later.
func (d *draft) ring() {
	if d.tasks {
		d.s.newChores()
	}
}

// remember has the session know of whom the draft learned.
func (d *draft) remember() {
	if d.joins {
		d.s.people.forget()
	}
	for _, p := range d.fresh {
		d.s.people.remember(p)
	}
}

// takeBack forgets what was remembered of a unit that is not kept.
func (d *draft) takeBack() {
	d.s.forget() // of whom the store does not know
	if d.undo != nil {
		d.undo()
	}
}

// commitLater is commit for a message or receipt that came, without waiting: it returns once the unit
// has its place in the order, and the message's acknowledgement waits for the commit. A
// message that is here already (WhatsApp sent it again because an acknowledgement was lost)
// is none of its errors: then only the keys are new.
func (d *draft) commitLater(event any) error {
	c := d.c
	if d.joins {
		err := d.commit(c.ctx)
		if errors.Is(err, store.ErrExists) {
			d.unit = d.learned
			err = d.commit(c.ctx)
		}
		if err != nil {
			d.takeBack()
		}
		return err
	}
	d.remember()
	release := c.out.hold()
	end := func(err error) {
		if err != nil {
			d.takeBack()
			c.settle(event, err)
		}
		release(err == nil)
	}
	err := c.dev.KeepReceived(c.ctx, keys.Received{Unit: d.unit, Known: d.learned, Instead: d.lesser(event), At: d.received}, end)
	if err != nil {
		end(err)
	}
	d.ring()
	return err
}

// hand gives the unit its place in the order, for callers that hold up others meanwhile or need
// not wait. wait returns when it is kept; then is told so before, or that it could not be.
func (d *draft) hand(then func(error)) (wait func() error, err error) {
	c := d.c
	if d.joins {
		err := d.commit(c.ctx)
		if err != nil {
			d.takeBack()
		}
		then(err)
		return func() error { return nil }, err
	}
	d.remember()
	end := func(err error) {
		if err != nil {
			d.takeBack()
		}
		then(err)
	}
	handed, err := c.dev.Hand(d.unit, end)
	if err != nil {
		end(err)
		return nil, err
	}
	d.ring()
	return func() error {
		_, err := handed.Wait(context.WithoutCancel(c.ctx))
		return err
	}, nil
}
