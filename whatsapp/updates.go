package whatsapp

import (
	"fmt"
	"math"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// changeChat changes a chat that exists, and tells of it when that shows. change gets the chat as
// it is and returns what to change.
func (c *conn) changeChat(jid, alt types.JID, change func(store.Chat) (store.ChatUpdate, error)) error {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	if err := d.meet(c.ctx, []someone{{jid: jid, alt: alt}}); err != nil {
		return err
	}
	key, kind := d.place(jid)
	// A send may have put the chat in line since the event was taken up: it is to be seen.
	if err := d.settled(c.ctx); err != nil {
		return err
	}
	chat, there, err := d.chat(c.ctx, key)
	if err != nil {
		return err
	}
	if there {
		up, err := change(chat)
		if err != nil {
			return err
		}
		if err := d.changed(chat, kind, up); err != nil {
			return err
		}
	}
	if d.unit.Empty() {
		return c.dev.Flush(c.ctx)
	}
	return d.commit(c.ctx)
}

// changed adds an update of a chat to the unit, and its event, unless the chat is so already.
func (d *draft) changed(chat store.Chat, kind string, up store.ChatUpdate) error {
	after := chat
	apply(&after, up)
	if same := after.Unread == chat.Unread && after.Archived == chat.Archived && after.Pinned == chat.Pinned &&
		after.MutedUntil.Equal(chat.MutedUntil) && after.ReadUpTo.Equal(chat.ReadUpTo) && after.Ephemeral == chat.Ephemeral && after.Name == chat.Name; same {
		return nil
	}
	up.ID, up.Kind = chat.ID, kind
	d.unit.Chats = append(d.unit.Chats, up)
	ids := []string{chat.ID}
	if chat.LastMessage != nil {
		ids = append(ids, convert.IDs(*chat.LastMessage)...)
	}
	people, err := d.s.PeopleOf(d.c.ctx, ids...)
	if err != nil {
		return err
	}
	for key, p := range d.people {
		people[key] = p
	}
	d.event(EventChatUpdate, fmt.Sprintf("%s/%d", chat.ID, nowNano()), ChatData{Chat: convert.ChatOf(after, people)})
	return nil
}

// apply does to a chat in memory what the store does with the update.
func apply(chat *store.Chat, up store.ChatUpdate) {
	if up.ClearRead {
		chat.Unread = 0
	}
	chat.Unread += up.AddUnread
	if up.Name != "" {
		chat.Name = up.Name
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
	if up.Ephemeral != nil {
		chat.Ephemeral = *up.Ephemeral
	}
	if up.EphemeralAt != nil {
		chat.EphemeralAt = *up.EphemeralAt
	}
	if up.ReadUpTo.After(chat.ReadUpTo) {
		chat.ReadUpTo = up.ReadUpTo
	}
}

// set is for a change that does not depend on what is there.
func set(up store.ChatUpdate) func(store.Chat) (store.ChatUpdate, error) {
	return func(store.Chat) (store.ChatUpdate, error) { return up, nil }
}

// asThere are a new chat's marks as the phone set them before there was anything in it: they come
// when a device is linked, long before most chats have their first message here.
func (d *draft) asThere(up *store.ChatUpdate) error {
	if d.c == nil {
		return nil
	}
	jids := []string{up.ID}
	if p, ok := d.people[up.ID]; ok {
		jids = []string{p.Phone, p.LID}
	}
	for _, text := range jids {
		jid, err := types.ParseJID(text)
		if err != nil || jid.IsEmpty() {
			continue
		}
		s, err := d.c.dev.Whatsmeow().ChatSettings.GetChatSettings(d.c.ctx, jid)
		if err != nil {
			return fmt.Errorf("read chat settings: %w", err)
		}
		if s.Found {
			muted := s.MutedUntil.UTC()
			up.Archived, up.Pinned, up.MutedUntil = &s.Archived, &s.Pinned, &muted
			return nil
		}
	}
	return nil
}

func (c *conn) onArchive(e *events.Archive) error {
	to := e.Action.GetArchived()
	return c.changeChat(e.JID, types.EmptyJID, set(store.ChatUpdate{Archived: &to}))
}

func (c *conn) onPin(e *events.Pin) error {
	to := e.Action.GetPinned()
	return c.changeChat(e.JID, types.EmptyJID, set(store.ChatUpdate{Pinned: &to}))
}

func (c *conn) onMute(e *events.Mute) error {
	var until time.Time
	if e.Action.GetMuted() {
		until = time.UnixMilli(e.Action.GetMuteEndTimestamp()).UTC()
		if forever := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC); e.Action.GetMuteEndTimestamp() < 0 || until.After(forever) {
			until = forever
		}
	}
	return c.changeChat(e.JID, types.EmptyJID, set(store.ChatUpdate{MutedUntil: &until}))
}

// onMarkRead takes over that a chat was read: up to the newest message that the phone names, or
// up to when it said so.
func (c *conn) onMarkRead(e *events.MarkChatAsRead) error {
	return c.changeChat(e.JID, types.EmptyJID, func(chat store.Chat) (store.ChatUpdate, error) {
		if !e.Action.GetRead() {
			return store.ChatUpdate{}, nil
		}
		at := plausible(e.Timestamp)
		if last := e.Action.GetMessageRange().GetLastMessageTimestamp(); last > 0 {
			at = plausible(time.Unix(last, 0))
		}
		return c.readUpTo(chat, at, math.MaxInt64)
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
	if err := d.meet(c.ctx, []someone{{jid: jid, alt: alt}}); err != nil {
		return err
	}
	was := d.people[d.key(jid)]
	p := was
	change(&p)
	if !same(p, was) {
		if err := d.learn(c.ctx, was, p, true); err != nil {
			return err
		}
	}
	if d.unit.Empty() {
		return c.dev.Flush(c.ctx)
	}
	return d.commit(c.ctx)
}
