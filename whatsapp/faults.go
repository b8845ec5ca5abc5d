package whatsapp

import (
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/types/events"
	"go.uber.org/zap"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
	"whatsapp-api/whatsapp/keys"
)

// errPanicked says that the event handler panicked over an event.
var errPanicked = errors.New("event handler panicked")

// refuses says whether something that was not kept may be refused: WhatsApp then sends it again,
// with all that comes behind it, to a connection that begins anew. That is right only while the
// store is away, while somebody else owns the session, and while the connection is being closed:
// it passes by itself. Whatever else is wrong would be wrong the next time too, so that one stanza
// of a stranger would hold up the session for ever.
func (c *conn) refuses(err error) bool {
	for _, passes := range []error{store.ErrUnavailable, store.ErrFenced, keys.ErrClosed, errHeld} {
		if errors.Is(err, passes) {
			return true
		}
	}
	closing := c.ctx.Err()
	return closing != nil && errors.Is(err, closing)
}

// answer turns what became of an event into the answer to whatsmeow, which acknowledges it when
// that is true. What cannot be kept as it came is kept as far as it goes.
func (c *conn) answer(event any, err error) bool {
	if err != nil && !c.refuses(err) {
		err = c.rescue(event, err)
	}
	return c.settle(event, err)
}

// settle says whether an event is kept. After one that is not, nothing more of this conn is taken
// and nothing more leaves it.
func (c *conn) settle(event any, err error) bool {
	if err == nil {
		return true
	}
	c.out.fail()
	if !c.refuse.Swap(true) {
		log := c.s.log.Warn
		if !c.refuses(err) { // not even the keys alone are kept: then the store is at fault, whatever it says
			log = c.s.log.Error
		}
		log("event not kept; WhatsApp will send it again", zap.String("event", fmt.Sprintf("%T", event)), zap.Error(err))
		c.mail.post(notKept{err})
	}
	return false
}

// rescue deals with an event that can never be kept as it came, and why: a message is kept as one
// that is not understood, raw as it is; of anything else, and of a message with which that fails
// too, the keys are.
func (c *conn) rescue(event any, why error) error {
	c.gaveUp(event, why)
	c.s.gaveUp.Add(1)
	if e, ok := event.(*events.Message); ok && c.shows(e, why) {
		err := c.keepUnread(e)
		if err == nil || c.refuses(err) {
			return err
		}
		c.gaveUp(event, err)
	}
	return c.dev.Flush(c.ctx)
}

// gaveUp tells that an event is not kept as it came.
func (c *conn) gaveUp(event any, why error) {
	c.s.log.Error("event cannot be kept as it came", zap.String("event", fmt.Sprintf("%T", event)), zap.Error(why))
}

// shows says whether a message is one of a chat, and not one between devices. Whether it is
// cannot be asked again where the handler panicked: then it is taken for one.
func (c *conn) shows(e *events.Message, why error) bool {
	return e.Info.Category != "peer" && (errors.Is(why, errPanicked) || readingOf(e).Class == convert.ClassMessage)
}

// keepUnread keeps a message as one that is not understood.
func (c *conn) keepUnread(e *events.Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanicked, p)
		}
	}()
	return c.keepMessage(e, convert.Reading{Type: convert.TypeUnknown})
}

// lesser gives what is kept in place of a message's unit that the store never takes: first the
// message as one that is not understood, without what else the unit says; then nothing but the keys.
func (d *draft) lesser(event any) func(error) (store.Unit, bool) {
	forms := []func() store.Unit{d.unread, func() store.Unit { return store.Unit{} }}
	next := 0
	return func(why error) (store.Unit, bool) {
		if next == len(forms) {
			return store.Unit{}, false
		}
		if next == 0 {
			d.s.gaveUp.Add(1)
		}
		d.takeBack()
		d.c.gaveUp(event, why)
		next++
		return forms[next-1](), true
	}
}

// unread is the unit's message as one that is not understood, in its chat, and told.
func (d *draft) unread() store.Unit {
	u := store.Unit{}
	for _, m := range d.unit.Messages {
		m.SetBody(store.Body{Type: convert.TypeUnknown, Raw: m.Raw})
		u.Messages = append(u.Messages, m)
		for _, up := range d.unit.Chats {
			if up.ID == m.Chat && !up.ActivityAt.IsZero() {
				u.Chats = append(u.Chats, store.ChatUpdate{ID: up.ID, Kind: up.Kind, ActivityAt: up.ActivityAt, AddUnread: up.AddUnread})
			}
		}
		told := MessagesData{Messages: []convert.Message{convert.MessageOf(m, d.people)}}
		u.Events = append(u.Events, newEvent(d.s.id, EventNewMessages, cause(m.MessageKey), now(), told))
	}
	return u
}
