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
	wait, err := c.takeReceipt(e, status)
	if err != nil {
		return err
	}
	return wait()
}

// takeReceipt puts what a receipt changes in line.
func (c *conn) takeReceipt(e *events.Receipt, status string) (wait func() error, err error) {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	chat, kind, err := d.place(e.Chat, chatAlt(e.MessageSource))
	if err != nil {
		return nil, err
	}
	by, err := d.person(e.Sender, e.SenderAlt, "")
	if err != nil {
		return nil, err
	}
	me, err := d.me()
	if err != nil {
		return nil, err
	}
	var told []string
	undo := func(err error) {
		if err != nil {
			c.s.recent.forget()
			for _, id := range told {
				c.s.told.Remove(id)
			}
		}
	}
	named := map[string]bool{} // its sender may name one twice
	for _, id := range e.MessageIDs {
		key := store.MessageKey{Chat: chat, Sender: me, ID: convert.CleanID(id)}
		if named[key.ID] {
			continue
		}
		named[key.ID] = true
		sent, err := d.receipt(key, kind, by, status, e.Timestamp.UTC())
		if sent {
			told = append(told, key.ID)
		}
		if err != nil {
			undo(err)
			return nil, err
		}
	}
	if len(d.unit.Updates) == 0 && len(d.unit.Receipts) == 0 {
		return func() error { return c.dev.Flush(c.ctx) }, nil
	}
	return d.hand(undo)
}

// receipt adds what one receipt says of one message, if it is new. A message that is still
// queued was sent, whatever became of its acknowledgement; sent says that this is told too.
func (d *draft) receipt(key store.MessageKey, kind string, by store.Contact, status string, at time.Time) (sent bool, err error) {
	m := store.Message{}
	now, recent := d.c.s.recent.status(key)
	if !recent || now == store.StatusQueued { // then it is told that it was sent, with what it is
		m, err = d.c.s.m.cfg.Store.Messages().Get(d.c.ctx, d.c.s.id, key)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil // sent before this device was linked, or deleted
		}
		if err != nil {
			return false, fmt.Errorf("find message of receipt: %w", err)
		}
		if !recent {
			now = m.Status
		}
	}
	rises := store.StatusRises(now, status)
	if !rises && kind == store.ChatPerson {
		return false, nil
	}
	if recent && kind == store.ChatPerson { // nothing but their receipts raises it so far: this is the first
		d.c.s.recent.raise(key, status)
	} else if had, err := d.hasReceipt(key, by, status); err != nil || had {
		return false, err
	}
	if sent = now == store.StatusQueued && d.c.s.tellsSent(key.ID); sent {
		d.tellSent(m, d.people)
	}
	d.unit.Receipts = append(d.unit.Receipts, store.Receipt{Key: key, By: by.ID, Status: status, At: at})
	if rises {
		d.unit.Updates = append(d.unit.Updates, store.MessageUpdate{Key: key, Status: &status})
	}
	d.event(EventMessageStatus, strings.Join([]string{cause(key), by.ID, status}, "\x00"), MessageStatusData{
		ChatID: key.Chat, MessageID: key.ID, Status: status, By: convert.AddressOf(by.ID, d.people), Timestamp: convert.Time(at),
	})
	return sent, nil
}

// hasReceipt says whether a receipt is stored.
func (d *draft) hasReceipt(key store.MessageKey, by store.Contact, status string) (bool, error) {
	had, err := d.c.s.m.cfg.Store.Messages().Receipts(d.c.ctx, d.c.s.id, key)
	if err != nil {
		return false, fmt.Errorf("read receipts: %w", err)
	}
	return slices.ContainsFunc(had, func(r store.Receipt) bool { return r.By == by.ID && r.Status == status }), nil
}

// readElsewhere clears the unread count of a chat that was read on another device.
func (c *conn) readElsewhere(e *events.Receipt) error {
	return c.changeChat(e.Chat, e.RecipientAlt, func(*store.Chat) *store.ChatUpdate {
		return &store.ChatUpdate{ClearRead: true}
	})
}
