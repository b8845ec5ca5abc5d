package sqlite

import (
	"context"
	"fmt"
	"time"

	"whatsapp-api/store"
)

type audit struct{ s *Store }

const auditColumns = `id, at, user, key, action, target, address, status, request`

func (a audit) Append(ctx context.Context, entries []store.AuditEntry) error {
	return a.s.w.write(ctx, "append audit", func(c *conn) error {
		for _, e := range entries {
			if _, err := c.exec(`INSERT INTO audit (`+auditColumns+`) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
				e.ID, e.At, e.UserID, e.KeyID, e.Action, e.Target, e.Address, e.Status, e.RequestID); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a audit) List(ctx context.Context, q store.AuditQuery) (list []store.AuditEntry, next string, err error) {
	before, err := store.AfterID(q.Page.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list audit: %w", err)
	}
	where, args := `1 = 1`, []any{}
	add := func(cond string, arg any) { where, args = where+` AND `+cond, append(args, arg) }
	if q.Page.Cursor != "" {
		add(`id < ?`, before)
	}
	if q.UserID != "" {
		add(`user = ?`, q.UserID)
	}
	if !q.Before.IsZero() {
		add(`at < ?`, q.Before)
	}
	if !q.After.IsZero() {
		add(`at > ?`, q.After)
	}
	err = a.s.r.read(ctx, "list audit", func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, store.AuditEntry{
				ID: r.text(), At: r.time(), UserID: r.text(), KeyID: r.text(), Action: r.text(), Target: r.text(),
				Address: r.text(), Status: r.int(), RequestID: r.text(),
			})
			return nil
		}, `SELECT `+auditColumns+` FROM audit WHERE `+where+` ORDER BY id DESC LIMIT ?`, append(args, store.OnePast(q.Page))...)
	})
	list, next = store.Cut(list, q.Page, func(e store.AuditEntry) any { return store.IDKey{ID: []byte(e.ID)} })
	return list, next, err
}

func (a audit) DeleteBefore(ctx context.Context, before time.Time) (n int, err error) {
	err = a.s.w.write(ctx, "delete old audit", func(c *conn) error {
		n, err = c.exec(`DELETE FROM audit WHERE at < ?`, before)
		return err
	})
	return n, err
}
