package whatsapp

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// line is something that happened in a chat where nobody wrote. It is kept as a message of type
// system, which is told as new and never unread.
type line struct {
	store.System
	chat string // key
	id   string // the same for what WhatsApp tells twice
	at   time.Time
	from *store.Envelope
}

// say adds a line to its chat, unless it is there.
func (d *draft) say(ctx context.Context, l line) error {
	m := store.Message{
		SessionID: d.s.id, MessageKey: store.MessageKey{Chat: l.chat, Sender: cmp.Or(l.By, l.chat), ID: convert.CleanID(l.id)},
		FromMe: l.By != "" && d.isOf(l.By, d.me()), Type: store.TypeSystem, Content: &store.Content{System: &l.System},
		Envelope: l.from, Status: store.StatusReceived, Timestamp: plausible(l.at), StoredAt: now(),
	}
	if m.FromMe {
		m.Status = store.StatusSent
	}
	if d.c != nil {
		if _, there, err := d.stored(m.MessageKey); err != nil || there {
			return err
		}
	}
	return d.receive(ctx, m)
}

// setTimer takes over the timer of a chat, and has a line say so. One that was set before the one
// that is known changes nothing.
func (d *draft) setTimer(ctx context.Context, a deed) error {
	chat, there, err := d.chat(ctx, a.chat)
	if err != nil {
		return err
	}
	at := time.UnixMilli(a.At).UTC()
	seconds := a.Seconds
	l := line{System: store.System{Kind: convert.SystemTimerChanged, By: a.actor, Seconds: &seconds}, chat: a.chat, id: a.id, at: a.at}
	if a.event != nil {
		l.from = envelopeOf(a.event, convert.Reading{})
	}
	if err := d.say(ctx, l); err != nil || at.Before(chat.EphemeralAt) {
		return err
	}
	d.s.timers.Add(a.chat, seconds)
	up := store.ChatUpdate{ID: a.chat, Kind: d.kindOf(a.chat), Ephemeral: &seconds, EphemeralAt: &at}
	if !there {
		d.unit.Chats = append(d.unit.Chats, up)
		return nil
	}
	return d.changed(chat, chat.Kind, up)
}

// renumbered has the chat with a person say that they have another number now.
func (d *draft) renumbered(ctx context.Context, was, now store.Contact) error {
	if was.Phone == "" || now.Phone == "" || was.Phone == now.Phone {
		return nil
	}
	_, there, err := d.chat(ctx, now.ID)
	if err != nil || !there {
		return err
	}
	number, _, _ := strings.Cut(was.Phone, "@")
	return d.say(ctx, line{
		System: store.System{Kind: convert.SystemNumberChanged, By: now.ID, People: []string{now.ID}, Previous: "+" + number},
		chat:   now.ID, id: fmt.Sprintf("number-%d", nowNano()), at: time.Now(), // it is known once: the record says who has the number
	})
}
