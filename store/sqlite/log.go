package sqlite

import (
	"context"
	"fmt"
	"time"

	"whatsapp-api/store"
)

type eventLog struct{ s *Store }

func (l eventLog) Commit(ctx context.Context, u store.Unit) (kept store.Kept, err error) {
	err = l.s.w.write(ctx, "commit unit", func(c *conn) error {
		kept, err = commit(c, u)
		return err
	})
	if err != nil {
		return store.Kept{}, err
	}
	return kept, nil
}

// head is what a session's next unit goes on from.
type head struct{ num, seq, pos int64 }

func commit(c *conn, u store.Unit) (kept store.Kept, err error) {
	var h head
	found, err := c.one(func(r *row) { h = head{r.int64(), r.int64(), r.int64()} },
		`SELECT num, last_seq, last_pos FROM sessions WHERE id = ? AND deleting = 0`, u.Session)
	if err != nil {
		return kept, err
	}
	if !found {
		return kept, store.ErrNotFound
	}
	was := h
	// Those that may be known already come first: then nothing is there to be undone.
	if kept.Pos, err = putMessages(c, &h, u.Messages); err != nil {
		return kept, fmt.Errorf("messages: %w", err)
	}
	if err := putReceipts(c, h.num, u.Receipts); err != nil {
		return kept, fmt.Errorf("receipts: %w", err)
	}
	if err := putKeys(c, h.num, u.ForgetKeys, u.Keys); err != nil {
		return kept, fmt.Errorf("device keys: %w", err)
	}
	if err := putContacts(c, h.num, u.Contacts); err != nil {
		return kept, fmt.Errorf("contacts: %w", err)
	}
	if err := putChats(c, h.num, u.Chats); err != nil {
		return kept, fmt.Errorf("chats: %w", err)
	}
	if err := updateMessages(c, h.num, u.Updates); err != nil {
		return kept, fmt.Errorf("message updates: %w", err)
	}
	if err := putTasks(c, h.num, u.Tasks); err != nil {
		return kept, fmt.Errorf("tasks: %w", err)
	}
	if err := putState(c, h.num, u.State); err != nil {
		return kept, fmt.Errorf("session state: %w", err)
	}
	if kept.Events, err = putEvents(c, &h, u); err != nil {
		return kept, fmt.Errorf("events: %w", err)
	}
	kept.LastSeq = h.seq
	if h != was {
		_, err = c.exec(`UPDATE sessions SET last_seq = ?, last_pos = ? WHERE num = ?`, h.seq, h.pos, h.num)
	}
	return kept, err
}

func putEvents(c *conn, h *head, u store.Unit) ([]store.Event, error) {
	if len(u.Events) == 0 {
		return nil, nil
	}
	kept := make([]store.Event, len(u.Events))
	for i, e := range u.Events {
		h.seq++
		e.Seq, e.SessionID = h.seq, u.Session
		e.Timestamp = time.UnixMilli(e.Timestamp.UnixMilli()).UTC()
		_, err := c.exec(`INSERT INTO events (session, seq, id, name, timestamp, data) VALUES (?,?,?,?,?,?)`,
			h.num, e.Seq, e.ID, e.Name, e.Timestamp, store.Some(e.Data))
		if err != nil {
			return nil, err
		}
		kept[i] = e
	}
	return kept, nil
}

// bounds returns the session's number and its oldest and newest event.
func bounds(c *conn, session string) (num, oldest, newest int64, err error) {
	found, err := c.one(func(r *row) { num, oldest, newest = r.int64(), r.int64(), r.int64() },
		`SELECT num, first_seq, last_seq FROM sessions WHERE id = ? AND deleting = 0`, session)
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return num, oldest, newest, err
}

const eventsAfter = `SELECT seq, id, name, timestamp, data FROM events WHERE session = ? AND seq > ? ORDER BY seq LIMIT ?`

func (l eventLog) After(ctx context.Context, session string, seq int64, limit int) (events []store.Event, err error) {
	err = l.s.r.read(ctx, "read events", func(c *conn) error {
		num, oldest, newest, err := bounds(c, session)
		if err != nil {
			return err
		}
		if seq > newest || seq < oldest-1 {
			return store.ErrExpired
		}
		return c.query(func(r *row) error {
			events = append(events, store.Event{
				SessionID: session, Seq: r.int64(), ID: r.text(), Name: r.text(), Timestamp: r.time(), Data: r.blob(),
			})
			return nil
		}, eventsAfter, num, seq, max(limit, 0))
	})
	return events, err
}

func (l eventLog) Bounds(ctx context.Context, session string) (oldest, newest int64, err error) {
	err = l.s.r.read(ctx, "read event bounds", func(c *conn) error {
		_, oldest, newest, err = bounds(c, session)
		return err
	})
	return oldest, newest, err
}

// Prune deletes from the oldest event up to the first that is not old enough, so that
// what is kept has no gaps.
func (l eventLog) Prune(ctx context.Context, session string, before time.Time) (total int, err error) {
	for n := 1; n > 0; {
		err = l.s.w.write(ctx, "prune events", func(c *conn) error {
			n, err = prune(c, session, before)
			return err
		})
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

func prune(c *conn, session string, before time.Time) (int, error) {
	num, oldest, newest, err := bounds(c, session)
	if err != nil {
		return 0, err
	}
	end := min(newest+1, oldest+deleteBatch)
	kept, found, err := c.number(`SELECT seq FROM events WHERE session = ? AND seq >= ? AND seq < ? AND timestamp >= ?
		ORDER BY seq LIMIT 1`, num, oldest, end, before)
	if err != nil {
		return 0, err
	}
	if found {
		end = kept
	}
	if end == oldest {
		return 0, nil
	}
	if _, err := c.exec(`DELETE FROM events WHERE session = ? AND seq < ?`, num, end); err != nil {
		return 0, err
	}
	_, err = c.exec(`UPDATE sessions SET first_seq = ? WHERE num = ?`, end, num)
	return int(end - oldest), err
}

// Recover has nothing to do: a transaction that a crash cut short was never there.
func (l eventLog) Recover(ctx context.Context, session string) error {
	return l.s.r.read(ctx, "recover session", func(c *conn) error {
		_, found, err := findSession(c, session)
		if err == nil && !found {
			err = store.ErrNotFound
		}
		return err
	})
}
