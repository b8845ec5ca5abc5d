package whatsapp

import (
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// changeChat changes a chat that exists and tells of it. change gets the chat as it is and
// returns what to change, or nil for nothing.
func (c *conn) changeChat(jid, alt types.JID, change func(*store.Chat) *store.ChatUpdate) error {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	id, kind, err := d.place(jid, alt)
	if err != nil {
		return err
	}
	chat, err := c.s.m.cfg.Store.Chats().Get(c.ctx, c.s.id, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read chat: %w", err)
	}
	up := (*store.ChatUpdate)(nil)
	if err == nil {
		up = change(&chat)
	}
	if up == nil {
		return c.dev.Flush(c.ctx)
	}
	up.ID, up.Kind = id, kind
	apply(&chat, *up)
	d.unit.Chats = append(d.unit.Chats, *up)
	if chat.LastMessage != nil {
		if d.people, err = c.s.PeopleOf(c.ctx, append(convert.IDs(*chat.LastMessage), id)...); err != nil {
			return err
		}
	}
	d.event(EventChatUpdate, fmt.Sprintf("%s/%d", id, nowNano()), ChatData{Chat: convert.ChatOf(chat, d.people)})
	return d.commit()
}

// apply does to a chat in memory what the store does with the update.
func apply(chat *store.Chat, up store.ChatUpdate) {
	if up.ClearRead {
		chat.Unread = 0
	}
	if up.Archived != nil {
		chat.Archived = *up.Archived
	}
	if up.Pinned != nil {
		chat.Pinned = *up.Pinned
	}
	if up.MutedUntil != nil {
		chat.MutedUntil = *up.MutedUntil
	}
}

func (c *conn) onArchive(e *events.Archive) error {
	to := e.Action.GetArchived()
	return c.changeChat(e.JID, types.EmptyJID, func(*store.Chat) *store.ChatUpdate { return &store.ChatUpdate{Archived: &to} })
}

func (c *conn) onPin(e *events.Pin) error {
	to := e.Action.GetPinned()
	return c.changeChat(e.JID, types.EmptyJID, func(*store.Chat) *store.ChatUpdate { return &store.ChatUpdate{Pinned: &to} })
}

func (c *conn) onMute(e *events.Mute) error {
	var until time.Time
	if e.Action.GetMuted() {
		until = time.UnixMilli(e.Action.GetMuteEndTimestamp()).UTC()
		if e.Action.GetMuteEndTimestamp() < 0 { // for ever
			until = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
		}
	}
	return c.changeChat(e.JID, types.EmptyJID, func(*store.Chat) *store.ChatUpdate { return &store.ChatUpdate{MutedUntil: &until} })
}

func (c *conn) onMarkRead(e *events.MarkChatAsRead) error {
	return c.changeChat(e.JID, types.EmptyJID, func(chat *store.Chat) *store.ChatUpdate {
		if !e.Action.GetRead() || chat.Unread == 0 {
			return nil
		}
		return &store.ChatUpdate{ClearRead: true}
	})
}

// onContact takes over a name from the phone's address book.
func (c *conn) onContact(e *events.Contact) error {
	name := e.Action.GetFullName()
	if name == "" {
		name = e.Action.GetFirstName()
	}
	alt, _ := types.ParseJID(e.Action.GetLidJID())
	return c.changePerson(e.JID, alt, func(p *store.Contact) { p.Name = convert.CleanName(name) })
}

func (c *conn) onPushName(e *events.PushName) error {
	return c.changePerson(e.JID, e.JIDAlt, func(p *store.Contact) { p.PushName = convert.CleanName(e.NewPushName) })
}

func (c *conn) onBusinessName(e *events.BusinessName) error {
	return c.changePerson(e.JID, types.EmptyJID, func(p *store.Contact) { p.BusinessName = convert.CleanName(e.NewBusinessName) })
}

// changePerson changes what a person is called, and tells of it when that shows.
func (c *conn) changePerson(jid, alt types.JID, change func(*store.Contact)) error {
	if !convert.IsPerson(convert.Plain(jid)) {
		return c.dev.Flush(c.ctx)
	}
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	p, err := d.person(jid, alt, "")
	if err != nil {
		return err
	}
	was := p
	change(&p)
	if p != was {
		if err := d.learn(standing{best: was, found: true}, p); err != nil {
			return err
		}
	}
	if len(d.unit.Contacts) == 0 {
		return c.dev.Flush(c.ctx)
	}
	return d.commit()
}
