package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"whatsapp-api/store"
)

type messages struct{ s *Store }

const messageColumns = `chat, sender, id, from_me, type, text, status, timestamp, stored, edited, revoked, pos, failure, body, live, envelope`

// saying is what a message says beyond its text, as it is kept: one value, NULL when there is
// nothing, so that a plain text costs no more than its columns.
type saying struct {
	Quoted   *store.Quoted  `json:"quoted,omitempty"`
	Mentions []string       `json:"mentions,omitempty"`
	Media    *store.Media   `json:"media,omitempty"`
	Content  *store.Content `json:"content,omitempty"`
}

func sayingOf(b store.Body) any {
	if b.Quoted == nil && len(b.Mentions) == 0 && b.Media == nil && b.Content == nil {
		return nil
	}
	return encode(&saying{b.Quoted, b.Mentions, b.Media, b.Content})
}

func scanMessage(r *row, session string) (store.Message, error) {
	m := store.Message{SessionID: session}
	m.Chat, m.Sender, m.ID = r.text(), r.text(), r.text()
	m.FromMe, m.Type, m.Text, m.Status = r.bool(), r.text(), r.text(), r.text()
	m.Timestamp, m.StoredAt, m.EditedAt, m.RevokedAt = r.time(), r.time(), r.time(), r.time()
	m.Pos = r.int64()
	var said saying
	for _, err := range []error{decode(r.blob(), &m.Failure), decode(r.blob(), &said), decode(r.blob(), &m.Live), decode(r.blob(), &m.Envelope)} {
		if err != nil {
			return m, err
		}
	}
	m.Quoted, m.Mentions, m.Media, m.Content = said.Quoted, said.Mentions, said.Media, said.Content
	return m, nil
}

// messageArgs are the values of messageColumns, and raw.
func messageArgs(m *store.Message) []any {
	return []any{
		m.Chat, m.Sender, m.ID, m.FromMe, m.Type, m.Text, m.Status, m.Timestamp, m.StoredAt, m.EditedAt, m.RevokedAt, m.Pos,
		encode(m.Failure), sayingOf(m.Body()), encode(m.Live), encode(m.Envelope), store.Some(m.Raw),
	}
}

// byKey finds one message by num, chat, id and sender.
const byKey = `session = ? AND chat = ? AND id = ? AND sender = ?`

func (h messages) Get(ctx context.Context, session string, key store.MessageKey) (store.Message, error) {
	return h.one(ctx, "get message", session, []string{key.Chat}, `sender = ?`, key.ID, key.Sender)
}

func (h messages) Find(ctx context.Context, session string, chats []string, id string) (store.Message, error) {
	return h.one(ctx, "find message", session, chats, `1 ORDER BY timestamp DESC, pos DESC LIMIT 1`, id)
}

// one reads the newest of those found, with its raw form.
func (h messages) one(ctx context.Context, doing, session string, chats []string, where string, args ...any) (m store.Message, err error) {
	err = h.s.r.read(ctx, doing, func(c *conn) error {
		found := false
		for _, chat := range chats {
			err := c.query(func(r *row) error {
				one, err := scanMessage(r, session)
				one.Raw = r.blob()
				if !found || newer(&one, &m) {
					m, found = one, true
				}
				return err
			}, `SELECT `+messageColumns+`, raw FROM messages WHERE session = `+sessionNum+` AND chat = ? AND id = ? AND `+where,
				append([]any{session, chat}, args...)...)
			if err != nil {
				return err
			}
		}
		if !found {
			return store.ErrNotFound
		}
		return nil
	})
	return m, err
}

// newer says whether a stands before b in a list.
func newer(a, b *store.Message) bool {
	return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.Pos, b.Pos)) > 0
}

func readMessages(c *conn, session, where string, args ...any) (list []store.Message, err error) {
	err = c.query(func(r *row) error {
		m, err := scanMessage(r, session)
		list = append(list, m)
		return err
	}, `SELECT `+messageColumns+` FROM messages WHERE `+where, args...)
	return list, err
}

func (h messages) List(ctx context.Context, q store.MessageQuery) (list []store.Message, next string, err error) {
	if q.Page.Cursor != "" {
		if _, err := store.DecodeTimeKey(q.Page.Cursor); err != nil {
			return nil, "", fmt.Errorf("list messages: %w", err)
		}
	}
	err = h.s.r.read(ctx, "list messages", func(c *conn) error {
		num, found, err := findSession(c, q.Session)
		if err != nil || !found {
			return err
		}
		for _, chat := range q.Chats {
			where, args := listMessages(num, chat, q)
			page, err := readMessages(c, q.Session, where, args...)
			if err != nil {
				return err
			}
			list = append(list, page...)
		}
		if len(q.Chats) > 1 { // each in order
			slices.SortFunc(list, func(a, b store.Message) int {
				return cmp.Or(b.Timestamp.Compare(a.Timestamp), cmp.Compare(b.Pos, a.Pos))
			})
		}
		return nil
	})
	list, next = store.Cut(list, q.Page, func(m store.Message) any {
		at := m.Timestamp.UnixMilli()
		return store.TimeKey{At: &at, Pos: m.Pos}
	})
	return list, next, err
}

// listMessages makes the query after WHERE for a chat; the cursor was checked.
func listMessages(num int64, chat string, q store.MessageQuery) (where string, args []any) {
	var b strings.Builder
	and := func(cond string, values ...any) {
		b.WriteString(` AND ` + cond)
		args = append(args, values...)
	}
	b.WriteString(`session = ? AND chat = ?`)
	args = append(args, num, chat)
	if q.Page.Cursor != "" {
		// The first condition bounds the index; the second leaves out the rest of that time.
		key, _ := store.DecodeTimeKey(q.Page.Cursor)
		and(`timestamp <= ? AND (timestamp < ? OR pos < ?)`, *key.At, *key.At, key.Pos)
	}
	if !q.Before.IsZero() {
		and(`timestamp < ?`, q.Before)
	}
	if !q.After.IsZero() {
		and(`timestamp > ?`, q.After)
	}
	if q.FromMe != nil {
		and(`from_me = ?`, *q.FromMe)
	}
	if q.Type != "" {
		and(`type = ?`, q.Type)
	}
	const order = ` ORDER BY timestamp DESC, pos DESC`
	args = append(args, store.OnePast(q.Page))
	words := store.Words(q.Search)
	if len(words) == 0 {
		return b.String() + order + ` LIMIT ?`, args
	}
	// Whatever has the words is found first, and only the page is read whole: left to itself, the
	// planner reads through the chat.
	return `num IN (SELECT num FROM words CROSS JOIN messages ON num = words.rowid WHERE words MATCH ? AND ` + b.String() + order + ` LIMIT ?)` + order,
		append([]any{match(num, chat, words)}, args...)
}

const queuedMessages = `session = ` + sessionNum + ` AND status = 'queued' ORDER BY timestamp, pos LIMIT ?`

func (h messages) Queued(ctx context.Context, session string, limit int) (list []store.Message, err error) {
	err = h.s.r.read(ctx, "list queued messages", func(c *conn) error {
		list, err = readMessages(c, session, queuedMessages, session, max(limit, 0))
		return err
	})
	return list, err
}

func (h messages) Known(ctx context.Context, session string, keys []store.MessageKey) (map[store.MessageKey]bool, error) {
	known := make(map[store.MessageKey]bool, len(keys))
	err := h.s.r.read(ctx, "look up messages", func(c *conn) error {
		num, found, err := findSession(c, session)
		if err != nil || !found {
			return err
		}
		for _, k := range keys {
			_, found, err := c.number(`SELECT num FROM messages WHERE `+byKey, num, k.Chat, k.ID, k.Sender)
			if err != nil {
				return err
			}
			if found {
				known[k] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return known, nil
}

func (h messages) Unread(ctx context.Context, session string, chats []string, t time.Time, pos int64) (total int, err error) {
	err = h.s.r.read(ctx, "count unread messages", func(c *conn) error {
		for _, chat := range chats {
			n, _, err := c.number(`SELECT count(*) FROM messages WHERE session = `+sessionNum+` AND chat = ? AND timestamp >= ?
				AND (timestamp > ? OR pos > ?) AND from_me = 0 AND type <> ?`, session, chat, t, t, pos, store.TypeSystem)
			if err != nil {
				return err
			}
			total += int(n)
		}
		return nil
	})
	return total, err
}

func (h messages) Receipts(ctx context.Context, session string, key store.MessageKey) (list []store.Receipt, err error) {
	err = h.s.r.read(ctx, "list receipts", func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, store.Receipt{Key: key, By: r.text(), Status: r.text(), At: r.time()})
			return nil
		}, `SELECT person, status, at FROM receipts WHERE session = `+sessionNum+` AND chat = ? AND id = ? AND sender = ?
			ORDER BY at, person, status`, session, key.Chat, key.ID, key.Sender)
	})
	return list, err
}

func (h messages) Count(ctx context.Context, session string, before time.Time) (int, error) {
	var n int64
	err := h.s.r.read(ctx, "count messages", func(c *conn) (err error) {
		n, _, err = c.number(`SELECT count(*) FROM messages WHERE session = `+sessionNum+` AND timestamp < ?`, session, before)
		return err
	})
	return int(n), err
}

const oldMessages = `SELECT num FROM messages WHERE session = ? AND timestamp < ? ORDER BY timestamp, pos LIMIT ?`

func (h messages) Delete(ctx context.Context, session string, keys []store.MessageKey) (total int, err error) {
	err = h.s.w.write(ctx, "delete messages", func(c *conn) error {
		total = 0 // it may run again
		num, found, err := findSession(c, session)
		if err != nil || !found {
			return err
		}
		for _, k := range keys {
			n, err := deleteMessages(c, `SELECT num FROM messages WHERE `+byKey, num, k.Chat, k.ID, k.Sender)
			if err != nil {
				return err
			}
			total += n
		}
		return nil
	})
	return total, err
}

func (h messages) DeleteBefore(ctx context.Context, session string, before time.Time, limit int) (total int, err error) {
	for limit > 0 {
		var n int
		err = h.s.w.write(ctx, "delete old messages", func(c *conn) error {
			num, found, err := findSession(c, session)
			if err == nil && found {
				n, err = deleteMessages(c, oldMessages, num, before, min(limit, deleteBatch))
			}
			return err
		})
		if err != nil || n == 0 {
			break
		}
		total, limit = total+n, limit-n
	}
	return total, err
}

// deleteMessages deletes those that the query finds, with their words and receipts.
func deleteMessages(c *conn, find string, args ...any) (int, error) {
	var nums []int64
	err := c.query(func(r *row) error {
		nums = append(nums, r.int64())
		return nil
	}, find, args...)
	if err != nil {
		return 0, err
	}
	for _, num := range nums {
		if err := deleteMessage(c, num); err != nil {
			return 0, err
		}
	}
	return len(nums), nil
}

func deleteMessage(c *conn, num int64) error {
	_, err := c.exec(`DELETE FROM receipts WHERE rowid IN (SELECT r.rowid FROM messages m JOIN receipts r
		ON r.session = m.session AND r.chat = m.chat AND r.id = m.id AND r.sender = m.sender WHERE m.num = ?)`, num)
	if err != nil {
		return err
	}
	if err := unindexText(c, num); err != nil {
		return err
	}
	_, err = c.exec(`DELETE FROM messages WHERE num = ?`, num)
	return err
}
