package whatsapp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// statusOf is what a receipt says of a message; empty when it says nothing of it.
func statusOf(t types.ReceiptType) string {
	switch t {
	case types.ReceiptTypeDelivered, "inactive":
		return store.StatusDelivered
	case types.ReceiptTypeRead:
		return store.StatusRead
	case types.ReceiptTypePlayed:
		return store.StatusPlayed
	}
	return ""
}

// onReceipt raises the status of messages that this account sent, or clears the unread count
// when the account's other devices have read a chat.
func (c *conn) onReceipt(e *events.Receipt) error {
	status := statusOf(e.Type)
	switch {
	case e.IsFromMe && (e.Type == types.ReceiptTypeReadSelf || e.Type == types.ReceiptTypePlayedSelf || e.Type == types.ReceiptTypeRead):
		return c.readElsewhere(e)
	case e.IsFromMe || status == "":
		return c.dev.Flush(c.ctx)
	}
	return c.takeReceipt(e, status)
}

// takeReceipt puts what a receipt changes in line: WhatsApp gets its acknowledgement when it is kept.
func (c *conn) takeReceipt(e *events.Receipt, status string) error {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	err := d.meet(c.ctx, []someone{{jid: e.Chat, alt: chatAlt(e.MessageSource)}, {jid: e.Sender, alt: e.SenderAlt}})
	if err != nil {
		return err
	}
	chat, kind := d.place(e.Chat)
	by, me := d.key(e.Sender), d.me()
	var told []string
	d.undo = func() {
		c.s.recent.forget()
		for _, id := range told {
			c.s.told.Remove(id)
		}
	}
	named := map[string]bool{} // its sender may name one twice
	for _, id := range e.MessageIDs {
		key := store.MessageKey{Chat: chat, Sender: me, ID: convert.CleanID(id)}
		if named[key.ID] {
			continue
		}
		named[key.ID] = true
		sent, err := d.receipt(key, kind, by, status, plausible(e.Timestamp))
		if sent {
			told = append(told, key.ID)
		}
		if err != nil {
			d.undo()
			return err
		}
	}
	if len(d.unit.Updates) == 0 && len(d.unit.Receipts) == 0 {
		return c.dev.Flush(c.ctx)
	}
	return d.commitLater(e)
}

// receipt adds what one receipt says of one message, if it is new. A message that is still
// queued was sent, whatever became of its acknowledgement; sent says that this is told too.
func (d *draft) receipt(key store.MessageKey, kind, by, status string, at time.Time) (sent bool, err error) {
	m := store.Message{}
	now, recent := d.s.recent.status(key)
	unsent := now == store.StatusQueued || now == store.StatusFailed
	if !recent || unsent { // then it is told that it was sent, with what it is
		var found bool
		if m, found, err = d.stored(key); err != nil || !found {
			return false, err // sent before this device was linked, or deleted
		}
		key = m.MessageKey
		if !recent {
			now = m.Status
			unsent = now == store.StatusQueued || now == store.StatusFailed
		}
	}
	rises := store.StatusRises(now, status)
	if !rises && kind == store.ChatPerson {
		return false, nil
	}
	if !recent || kind != store.ChatPerson {
		if had, err := d.hasReceipt(key, by, status); err != nil || had {
			return false, err
		}
	}
	if rises { // also of one that is not remembered: its acknowledgement may come only now
		d.s.recent.raise(key, status)
	}
	if sent = unsent && d.s.tellsSent(key.ID); sent {
		d.tellSent(m, d.people)
	}
	d.unit.Receipts = append(d.unit.Receipts, store.Receipt{Key: key, By: by, Status: status, At: at})
	if rises {
		d.unit.Updates = append(d.unit.Updates, store.MessageUpdate{Key: key, Status: &status})
	}
	d.event(EventMessageStatus, strings.Join([]string{cause(key), by, status}, "\x00"), MessageStatusData{
		ChatID: d.shown(key.Chat), MessageID: key.ID, Status: status, By: convert.AddressOf(by, d.people), Timestamp: convert.Time(at),
	})
	return sent, nil
}

// stored finds a message under any key of its chat and its sender.
func (d *draft) stored(key store.MessageKey) (store.Message, bool, error) {
	if err := d.settled(d.c.ctx); err != nil {
		return store.Message{}, false, err
	}
	for _, chat := range d.keysOf(key.Chat) {
		for _, sender := range d.keysOf(key.Sender) {
			m, err := d.s.m.cfg.Store.Messages().Get(d.c.ctx, d.s.id, store.MessageKey{Chat: chat, Sender: sender, ID: key.ID})
			if err == nil {
				return m, true, nil
			}
			if !errors.Is(err, store.ErrNotFound) {
				return m, false, fmt.Errorf("find message: %w", err)
			}
		}
	}
	return store.Message{}, false, nil
}

// hasReceipt says whether a receipt is stored.
func (d *draft) hasReceipt(key store.MessageKey, by, status string) (bool, error) {
	if err := d.settled(d.c.ctx); err != nil {
		return false, err
	}
	had, err := d.s.m.cfg.Store.Messages().Receipts(d.c.ctx, d.s.id, key)
	if err != nil {
		return false, fmt.Errorf("read receipts: %w", err)
	}
	return slices.ContainsFunc(had, func(r store.Receipt) bool { return r.By == by && r.Status == status }), nil
}

// readElsewhere lowers the unread count of a chat in which another device has read messages: what
// is newer than the newest that it names is unread still.
func (c *conn) readElsewhere(e *events.Receipt) error {
	if err := c.dev.Settled(c.ctx); err != nil {
		return err
	}
	return c.changeChat(e.Chat, e.RecipientAlt, func(chat store.Chat) (store.ChatUpdate, error) {
		var newest *store.Message
		for _, id := range e.MessageIDs {
			m, err := c.s.m.cfg.Store.Messages().Find(c.ctx, c.s.id, chat.Keys(), convert.CleanID(id))
			if errors.Is(err, store.ErrNotFound) {
				continue // it came before this device was linked, or was deleted
			}
			if err != nil {
				return store.ChatUpdate{}, fmt.Errorf("find message of receipt: %w", err)
			}
			if newest == nil || m.Timestamp.After(newest.Timestamp) || m.Timestamp.Equal(newest.Timestamp) && m.Pos > newest.Pos {
				newest = &m
			}
		}
		if newest == nil {
			return store.ChatUpdate{}, nil
		}
		return c.readUpTo(chat, newest.Timestamp, newest.Pos)
	})
}

// readUpTo says that the messages of a chat up to this place were read.
func (c *conn) readUpTo(chat store.Chat, at time.Time, pos int64) (store.ChatUpdate, error) {
	if at.Before(chat.ReadUpTo) {
		return store.ChatUpdate{}, nil
	}
	left, err := c.s.m.cfg.Store.Messages().Unread(c.ctx, c.s.id, chat.Keys(), at, pos)
	if err != nil {
		return store.ChatUpdate{}, fmt.Errorf("count unread messages: %w", err)
	}
	return store.ChatUpdate{ClearRead: true, AddUnread: min(left, chat.Unread), ReadUpTo: at}, nil
}
