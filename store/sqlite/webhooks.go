package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"whatsapp-api/store"
)

type webhooks struct{ s *Store }

const webhookColumns = `id, owner, session, url, events, filters, headers, secrets, format, state, reason, retry_for, timeout, on_refusal, created, updated`

func scanWebhook(r *row) (store.Webhook, error) {
	w := store.Webhook{ID: r.text(), OwnerID: r.text(), SessionID: r.text(), URL: r.text()}
	var err error
	for _, field := range []any{&w.Events, &w.Filters, &w.Headers, &w.Secrets} {
		if e := json.Unmarshal([]byte(r.text()), field); e != nil {
			err = fmt.Errorf("webhook %s: %w", w.ID, e)
		}
	}
	w.Format, w.State, w.Reason = r.text(), r.text(), r.text()
	w.RetryFor, w.Timeout, w.OnRefusal = r.millis(), r.millis(), r.text()
	w.CreatedAt, w.UpdatedAt = r.time(), r.time()
	return w, err
}

func (r *row) millis() time.Duration { return time.Duration(r.int64()) * time.Millisecond }

// webhookValues are the values of webhookColumns.
func webhookValues(w store.Webhook) []any {
	if len(w.Headers) == 0 {
		w.Headers = nil
	}
	return []any{
		w.ID, w.OwnerID, w.SessionID, w.URL, asJSON(w.Events), asJSON(w.Filters), asJSON(w.Headers), asJSON(w.Secrets),
		w.Format, w.State, w.Reason, w.RetryFor.Milliseconds(), w.Timeout.Milliseconds(), w.OnRefusal, w.CreatedAt, w.UpdatedAt,
	}
}

func asJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil { // strings, booleans and times
		panic(err)
	}
	return string(raw)
}

func (w webhooks) Create(ctx context.Context, hook store.Webhook, begin []store.WebhookCursor) error {
	return w.s.w.write(ctx, "create webhook", func(c *conn) error {
		n, err := c.exec(`INSERT INTO webhooks (`+webhookColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`, webhookValues(hook)...)
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrExists
		}
		return keepCursors(c, begin, nil)
	})
}

func (w webhooks) Get(ctx context.Context, id string) (hook store.Webhook, err error) {
	err = w.s.r.read(ctx, "get webhook", func(c *conn) error {
		hook, err = getWebhook(c, id)
		return err
	})
	return hook, err
}

func getWebhook(c *conn, id string) (hook store.Webhook, err error) {
	var malformed error
	found, err := c.one(func(r *row) { hook, malformed = scanWebhook(r) }, `SELECT `+webhookColumns+` FROM webhooks WHERE id = ?`, id)
	switch {
	case err != nil:
		return hook, err
	case !found:
		return hook, store.ErrNotFound
	}
	return hook, malformed
}

// listWebhooks is the rest of a list's statement, and its arguments.
func listWebhooks(q store.WebhookQuery, after string) (string, []any) {
	where, args := ``, []any{}
	if q.Owner != "" {
		where, args = where+`owner = ? AND `, append(args, q.Owner)
	}
	if q.Session != "" {
		where, args = where+`session = ? AND `, append(args, q.Session)
	}
	return where + `id > ? ORDER BY id LIMIT ?`, append(args, after, store.OnePast(q.Page))
}

func (w webhooks) List(ctx context.Context, q store.WebhookQuery) (list []store.Webhook, next string, err error) {
	after, err := store.AfterID(q.Page.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list webhooks: %w", err)
	}
	where, args := listWebhooks(q, after)
	err = w.s.r.read(ctx, "list webhooks", func(c *conn) error {
		return c.query(func(r *row) error {
			hook, err := scanWebhook(r)
			list = append(list, hook)
			return err
		}, `SELECT `+webhookColumns+` FROM webhooks WHERE `+where, args...)
	})
	list, next = store.Cut(list, q.Page, func(w store.Webhook) any { return store.IDKey{ID: []byte(w.ID)} })
	return list, next, err
}

func (w webhooks) Update(ctx context.Context, id string, change func(*store.Webhook) error) (hook store.Webhook, err error) {
	err = w.s.w.write(ctx, "update webhook", func(c *conn) error {
		if hook, err = getWebhook(c, id); err != nil {
			return err
		}
		if err = change(&hook); err != nil {
			return err
		}
		hook.ID = id
		_, err = c.exec(`UPDATE webhooks SET id=?, owner=?, session=?, url=?, events=?, filters=?, headers=?, secrets=?, format=?, state=?,
			reason=?, retry_for=?, timeout=?, on_refusal=?, created=?, updated=? WHERE id=?`, append(webhookValues(hook), id)...)
		if err == nil {
			hook, err = getWebhook(c, id)
		}
		return err
	})
	if err != nil {
		return store.Webhook{}, err
	}
	return hook, nil
}

func (w webhooks) Delete(ctx context.Context, id string) error {
	err := w.s.w.write(ctx, "delete webhook", func(c *conn) error {
		n, err := dropWebhook(c, id)
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil {
		return err
	}
	return w.s.dropDeliveries(ctx, id)
}

// dropWebhook removes a webhook and its cursors. Its deliveries are dropped after it, bit by
// bit; what a crash leaves of them goes at the next start.
func dropWebhook(c *conn, id string) (int, error) {
	if _, err := c.exec(`DELETE FROM webhook_cursors WHERE webhook = ?`, id); err != nil {
		return 0, err
	}
	return c.exec(`DELETE FROM webhooks WHERE id = ?`, id)
}

func (s *Store) dropDeliveries(ctx context.Context, webhook string) error {
	return s.inBatches(ctx, "delete deliveries", func(c *conn) (int, error) {
		return c.exec(`DELETE FROM deliveries WHERE rowid IN (SELECT rowid FROM deliveries WHERE webhook = ? LIMIT ?)`, webhook, deleteBatch)
	})
}

// dropWebhooks removes the webhooks that have value in column, and returns their ids.
func dropWebhooks(c *conn, column, value string) (ids []string, err error) {
	err = c.query(func(r *row) error {
		ids = append(ids, r.text())
		return nil
	}, `SELECT id FROM webhooks WHERE `+column+` = ?`, value)
	for _, id := range ids {
		if err == nil {
			_, err = dropWebhook(c, id)
		}
	}
	return ids, err
}

// dropSession removes the files of a session and what webhooks have of it.
func (s *Store) dropSession(ctx context.Context, num int64) error {
	session := ""
	err := s.w.write(ctx, "delete session's webhooks", func(c *conn) error {
		found, err := c.one(func(r *row) { session = r.text() }, `SELECT id FROM sessions WHERE num = ?`, num)
		if err != nil || !found {
			return err
		}
		if _, err := dropWebhooks(c, "session", session); err != nil {
			return err
		}
		_, err = c.exec(`DELETE FROM webhook_cursors WHERE session = ?`, session)
		return err
	})
	if err != nil {
		return err
	}
	err = s.inBatches(ctx, "delete session's files", func(c *conn) (int, error) {
		return c.exec(`DELETE FROM files WHERE rowid IN (SELECT rowid FROM files WHERE session = ? LIMIT ?)`, session, deleteBatch)
	})
	if err != nil || session == "" {
		return err
	}
	return s.inBatches(ctx, "delete session's deliveries", func(c *conn) (int, error) {
		return c.exec(`DELETE FROM deliveries WHERE rowid IN (SELECT rowid FROM deliveries WHERE session = ? LIMIT ?)`, session, deleteBatch)
	})
}

// dropOrphans removes deliveries whose webhook is gone. It looks at one of each webhook.
func (s *Store) dropOrphans(ctx context.Context) error {
	for last := ""; ; {
		orphan, more := false, false
		err := s.r.read(ctx, "find orphaned deliveries", func(c *conn) error {
			var err error
			more, err = c.one(func(r *row) { last = r.text() }, `SELECT webhook FROM deliveries WHERE webhook > ? ORDER BY webhook LIMIT 1`, last)
			if err != nil || !more {
				return err
			}
			_, known, err := c.number(`SELECT 1 FROM webhooks WHERE id = ?`, last)
			orphan = !known
			return err
		})
		if err == nil && orphan {
			err = s.dropDeliveries(ctx, last)
		}
		if err != nil || !more {
			return err
		}
	}
}
