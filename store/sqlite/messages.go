package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"whatsapp-api/store"
)

type messages struct{ s *Store }

// never is the zero time as it is kept.
var never = time.Time{}.UnixMilli()

const messageColumns = `chat, sender, id, from_me, type, text, mentions, status,
	timestamp, stored, edited, revoked, pos, quoted_id, quoted_sender, quoted_type, quoted_text,
	mime_type, file_name, size, seconds, width, height, failure_code, failure_detail, failure_retryable, raw`

func scanMessage(r *row, session string) (store.Message, error) {
	m := store.Message{SessionID: session}
	m.Chat, m.Sender, m.ID = r.text(), r.text(), r.text()
	m.FromMe, m.Type, m.Text = r.bool(), r.text(), r.text()
	if mentions := r.blob(); mentions != nil {
		if err := json.Unmarshal(mentions, &m.Mentions); err != nil {
			return m, fmt.Errorf("mentions: %w", err)
		}
	}
	m.Status = r.text()
	m.Timestamp, m.StoredAt, m.EditedAt, m.RevokedAt = r.time(), r.time(), r.time(), r.time()
	m.Pos = r.int64()
	if r.null() {
		r.skip(4)
	} else {
		m.Quoted = &store.Quoted{ID: r.text(), Sender: r.text(), Type: r.text(), Text: r.text()}
	}
	if r.null() {
		r.skip(6)
	} else {
		m.Media = &store.Media{
			MimeType: r.text(), FileName: r.text(), Size: r.int64(),
			Seconds: r.int(), Width: r.int(), Height: r.int(),
		}
	}
	if r.null() {
		r.skip(3)
	} else {
		m.Failure = &store.Failure{Code: r.text(), Detail: r.text(), Retryable: r.bool()}
	}
	m.Raw = r.blob()
	return m, nil
}

// messageArgs are the values of messageColumns.
func messageArgs(m *store.Message) []any {
	var mentions any
	if len(m.Mentions) > 0 {
		raw, _ := json.Marshal(m.Mentions) // strings always marshal
		mentions = string(raw)
	}
	args := make([]any, 0, 32)
	args = append(args, m.Chat, m.Sender, m.ID, m.FromMe, m.Type, m.Text, mentions, m.Status,
		m.Timestamp, m.StoredAt, m.EditedAt, m.RevokedAt, m.Pos)
	if q := m.Quoted; q != nil {
		args = append(args, q.ID, q.Sender, q.Type, q.Text)
	} else {
		args = append(args, nil, nil, nil, nil)
	}
	if f := m.Media; f != nil {
		args = append(args, f.MimeType, f.FileName, f.Size, f.Seconds, f.Width, f.Height)
	} else {
		args = append(args, nil, nil, nil, nil, nil, nil)
	}
	args = append(args, failureArgs(m.Failure)...)
	return append(args, some(m.Raw))
}

func failureArgs(f *store.Failure) []any {
	if f == nil {
		return []any{nil, nil, nil}
	}
	return []any{f.Code, f.Detail, f.Retryable}
}

// byKey finds one message by num, chat, id and sender.
const byKey = `session = ? AND chat = ? AND id = ? AND sender = ?`

func (h messages) Get(ctx context.Context, session string, key store.MessageKey) (store.Message, error) {
	return h.one(ctx, "get message", session, `sender = ?`, key.Chat, key.ID, key.Sender)
}

func (h messages) Find(ctx context.Context, session, chat, id string) (store.Message, error) {
	return h.one(ctx, "find message", session, `1 ORDER BY timestamp DESC, pos DESC LIMIT 1`, chat, id)
}

func (h messages) one(ctx context.Context, doing, session, where string, args ...any) (m store.Message, err error) {
	list, err := h.list(ctx, doing, session, `session = `+sessionNum+` AND chat = ? AND id = ? AND `+where,
		append([]any{session}, args...)...)
	if err != nil {
		return m, err
	}
	if len(list) == 0 {
		return m, fmt.Errorf("%s: %w", doing, store.ErrNotFound)
	}
	return list[0], nil
}

func (h messages) list(ctx context.Context, doing, session, where string, args ...any) (list []store.Message, err error) {
	err = h.s.r.read(ctx, doing, func(c *conn) error {
		list, err = readMessages(c, session, where, args...)
		return err
	})
	return list, err
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
		if _, err := decodeTimeKey(q.Page.Cursor); err != nil {
			return nil, "", fmt.Errorf("list messages: %w", err)
		}
	}
	err = h.s.r.read(ctx, "list messages", func(c *conn) error {
		num, found, err := findSession(c, q.Session)
		if err != nil || !found {
			return err
		}
		where, args := listMessages(num, q)
		list, err = readMessages(c, q.Session, where, args...)
		return err
	})
	list, next = cut(list, q.Page, func(m store.Message) any {
		at := m.Timestamp.UnixMilli()
		return timeKey{At: &at, Pos: m.Pos}
	})
	return list, next, err
}

// listMessages makes the query after WHERE; the cursor was checked.
func listMessages(num int64, q store.MessageQuery) (where string, args []any) {
	var b strings.Builder
	and := func(cond string, values ...any) {
		b.WriteString(` AND ` + cond)
		args = append(args, values...)
	}
	b.WriteString(`session = ? AND chat = ?`)
	args = append(args, num, q.Chat)
	if q.Page.Cursor != "" {
		// The first condition bounds the index; the second leaves out the rest of that time.
		key, _ := decodeTimeKey(q.Page.Cursor)
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
	args = append(args, onePast(q.Page))
	words := store.Words(q.Search)
	if len(words) == 0 {
		return b.String() + order + ` LIMIT ?`, args
	}
	// Whatever has the words is found first, and only the page is read whole: left to itself, the
	// planner reads through the chat.
	return `num IN (SELECT num FROM words CROSS JOIN messages ON num = words.rowid WHERE words MATCH ? AND ` + b.String() + order + ` LIMIT ?)` + order,
		append([]any{match(num, q.Chat, words)}, args...)
}

const queuedMessages = `session = ` + sessionNum + ` AND status = 'queued' ORDER BY timestamp, pos LIMIT ?`

func (h messages) Queued(ctx context.Context, session string, limit int) ([]store.Message, error) {
	return h.list(ctx, "list queued messages", session, queuedMessages, session, max(limit, 0))
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
