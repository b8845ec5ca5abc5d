package whatsapp

import (
	"go.mau.fi/whatsmeow/types/events"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// onUndecryptable keeps a row for a message that could not be read, so that its place in the chat
// is held, and tells of it. whatsmeow has asked for it again; when it comes it takes that place.
// What its sender has marked as nothing to see (a reaction, a vote) leaves none.
func (c *conn) onUndecryptable(e *events.UndecryptableMessage) error {
	_, err := convert.ParseAddress(convert.Plain(chatOf(e.Info.MessageSource)).String())
	if e.DecryptFailMode == events.DecryptFailHide || err != nil { // nothing to see, or nowhere to show it
		return c.dev.Flush(c.ctx)
	}
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	if err := d.meetSource(&e.Info, convert.Reading{}); err != nil {
		return err
	}
	m := d.incoming(&events.Message{Info: e.Info}, convert.Reading{Type: convert.TypeUnavailable})
	m.Raw = nil
	_, there, err := d.stored(m.MessageKey)
	if err != nil {
		return err
	}
	if there { // another copy of one that was read, or that has its place already
		if d.unit.Empty() {
			return c.dev.Flush(c.ctx)
		}
		return d.commit(c.ctx)
	}
	c.s.unread.Add(m.MessageKey, struct{}{})
	if e.IsUnavailable && e.UnavailableType == events.UnavailableTypeViewOnce { // for the phone alone; it never comes
		contentOf(&m).ViewOnce = true
		if err := d.receive(c.ctx, m); err != nil {
			return err
		}
		return d.commit(c.ctx)
	}
	up := store.ChatUpdate{ID: m.Chat, Kind: d.kindOf(m.Chat), ActivityAt: m.Timestamp}
	if !m.FromMe {
		up.AddUnread = 1
	}
	if err := d.inChat(c.ctx, up, &m); err != nil {
		return err
	}
	d.unit.Messages = append(d.unit.Messages, m)
	d.event(EventMessageUndecryptable, cause(m.MessageKey), UndecryptableData{
		ChatID: d.shown(m.Chat), MessageID: m.ID, From: convert.AddressOf(m.Sender, d.people), Timestamp: convert.Time(m.Timestamp),
	})
	return d.commit(c.ctx)
}

// replace puts a message in the place that was held for it. One that is there already was read
// before; one without a place is new.
func (d *draft) replace(e *events.Message, m store.Message) error {
	old, there, err := d.stored(m.MessageKey)
	switch {
	case err != nil:
		return err
	case !there:
		if err := d.receive(d.c.ctx, m); err != nil {
			return err
		}
	case old.Type != convert.TypeUnavailable:
		return d.commitLater(e) // what is new of people
	default:
		body := m.Body()
		d.unit.Updates = append(d.unit.Updates, store.MessageUpdate{Key: old.MessageKey, Body: &body})
		m.MessageKey, m.StoredAt = old.MessageKey, old.StoredAt
		m.Timestamp = old.Timestamp
		d.wake(m.ID)
		d.event(EventNewMessages, cause(m.MessageKey), MessagesData{Messages: []convert.Message{convert.MessageOf(m, d.people)}})
	}
	d.s.unread.Remove(m.MessageKey)
	d.event(EventMessageRecovered, cause(m.MessageKey), MessageData{Message: convert.MessageOf(m, d.people)})
	return d.commitLater(e)
}
