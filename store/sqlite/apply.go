package sqlite

import (
	"strings"

	"whatsapp-api/store"
)

var insertMessage = `INSERT INTO messages (session, ` + messageColumns + `, raw) VALUES (?,?` +
	strings.Repeat(`,?`, strings.Count(messageColumns, ",")+1) + `) ON CONFLICT DO NOTHING`

func putMessages(c *conn, h *head, list []store.Message) ([]int64, error) {
	if len(list) == 0 {
		return nil, nil
	}
	pos := make([]int64, len(list))
	for i := range list {
		m := list[i]
		h.pos++
		m.Pos, pos[i] = h.pos, h.pos
		if !m.RevokedAt.IsZero() {
			m.SetBody(m.Body().Emptied())
		}
		n, err := c.exec(insertMessage, append([]any{h.num}, messageArgs(&m)...)...)
		if err == nil && n == 0 {
			err = store.ErrExists
		}
		if err == nil {
			err = indexText(c, c.db.LastInsertRowID(), h.num, m.Chat, m.Text)
		}
		if err != nil {
			return nil, err
		}
	}
	return pos, nil
}

func updateMessages(c *conn, session int64, updates []store.MessageUpdate) error {
	for _, u := range updates {
		if err := updateMessage(c, session, u); err != nil {
			return err
		}
	}
	return nil
}

func updateMessage(c *conn, session int64, u store.MessageUpdate) error {
	var num int64
	var was struct {
		kind, status, text string
		revoked            bool
	}
	k := u.Key
	found, err := c.one(func(r *row) {
		num, was.kind, was.status, was.text, was.revoked = r.int64(), r.text(), r.text(), r.text(), r.int64() != store.Never
	}, `SELECT num, type, status, text, revoked FROM messages WHERE `+byKey, session, k.Chat, k.ID, k.Sender)
	if err != nil || !found {
		return err
	}
	set, args := messageChange(u, was.status)
	text := was.text
	if body := bodyAfter(u, was.kind, was.revoked); body != nil {
		text = body.Text
		set = append(set, `type = ?`, `text = ?`, `body = ?`, `raw = ?`)
		args = append(args, body.Type, text, sayingOf(*body), store.Some(body.Raw))
	}
	if len(set) == 0 {
		return nil
	}
	if _, err := c.exec(`UPDATE messages SET `+strings.Join(set, ", ")+` WHERE num = ?`, append(args, num)...); err != nil {
		return err
	}
	if text == was.text {
		return nil
	}
	if err := unindexText(c, num); err != nil {
		return err
	}
	return indexText(c, num, session, k.Chat, text)
}

// messageChange are the columns that an update sets beside the body's, and their values.
func messageChange(u store.MessageUpdate, status string) (set []string, args []any) {
	add := func(column string, value any) {
		set = append(set, column+` = ?`)
		args = append(args, value)
	}
	if u.Status != nil && store.StatusRises(status, *u.Status) {
		add(`status`, *u.Status)
	}
	if u.Failure != nil {
		add(`failure`, encode(u.Failure))
	}
	if u.Timestamp != nil {
		add(`timestamp`, *u.Timestamp)
	}
	if u.EditedAt != nil {
		add(`edited`, *u.EditedAt)
	}
	if u.RevokedAt != nil {
		add(`revoked`, *u.RevokedAt)
	}
	if u.Live != nil {
		add(`live`, encode(u.Live))
	}
	return set, args
}

// bodyAfter is what a message says after an update; nil when that stays as it is.
func bodyAfter(u store.MessageUpdate, kind string, revoked bool) *store.Body {
	if u.RevokedAt != nil {
		revoked = !u.RevokedAt.IsZero()
	}
	body := store.Body{Type: kind}
	switch {
	case u.Body != nil:
		body = *u.Body
	case !revoked:
		return nil
	}
	if revoked {
		body = body.Emptied()
	}
	return &body
}

func putReceipts(c *conn, session int64, list []store.Receipt) error {
	for _, r := range list {
		n, err := c.exec(`INSERT INTO receipts (session, chat, sender, id, person, status, at) VALUES (?,?,?,?,?,?,?)
			ON CONFLICT DO NOTHING`, session, r.Key.Chat, r.Key.Sender, r.Key.ID, r.By, r.Status, r.At)
		if err == nil && n == 0 {
			err = store.ErrExists
		}
		if err != nil {
			return err
		}
	}
	return nil
}
