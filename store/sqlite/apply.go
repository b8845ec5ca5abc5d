package sqlite

import (
	"strings"

	"whatsapp-api/store"
)

var insertMessage = `INSERT INTO messages (session, ` + messageColumns + `) VALUES (?` +
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
			m.Text, m.Raw = "", nil
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
	var status, text string
	var revoked bool
	k := u.Key
	found, err := c.one(func(r *row) { num, status, text, revoked = r.int64(), r.text(), r.text(), r.int64() != never },
		`SELECT num, status, text, revoked FROM messages WHERE `+byKey, session, k.Chat, k.ID, k.Sender)
	if err != nil || !found {
		return err
	}
	set, args, newText := messageChange(u, status, text, revoked)
	if len(set) == 0 {
		return nil
	}
	if _, err := c.exec(`UPDATE messages SET `+strings.Join(set, ", ")+` WHERE num = ?`, append(args, num)...); err != nil {
		return err
	}
	if newText == text {
		return nil
	}
	if err := unindexText(c, num); err != nil {
		return err
	}
	return indexText(c, num, session, k.Chat, newText)
}

// messageChange are the columns that an update sets, their values, and the text after it.
func messageChange(u store.MessageUpdate, status, text string, revoked bool) (set []string, args []any, newText string) {
	add := func(column string, value any) {
		set = append(set, column+` = ?`)
		args = append(args, value)
	}
	if u.Status != nil && store.StatusRises(status, *u.Status) {
		add(`status`, *u.Status)
	}
	if f := u.Failure; f != nil {
		add(`failure_code`, f.Code)
		add(`failure_detail`, f.Detail)
		add(`failure_retryable`, f.Retryable)
	}
	if u.Timestamp != nil {
		add(`timestamp`, *u.Timestamp)
	}
	if u.EditedAt != nil {
		add(`edited`, *u.EditedAt)
	}
	if u.RevokedAt != nil {
		add(`revoked`, *u.RevokedAt)
		revoked = !u.RevokedAt.IsZero()
	}
	if revoked {
		add(`text`, "")
		add(`raw`, nil)
		return set, args, ""
	}
	if u.Text != nil {
		text = *u.Text
		add(`text`, text)
	}
	if u.Raw != nil {
		add(`raw`, some(u.Raw))
	}
	return set, args, text
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
