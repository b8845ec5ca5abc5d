package sqlite

import (
	"context"
	"fmt"
	"time"

	"whatsapp-api/store"
)

type deliveries struct{ s *Store }

const deliveryColumns = `id, webhook, session, event, seq, name, chat, replay, attempt, done, status, response, error, duration, at, next, since`

func scanDelivery(r *row) store.Delivery {
	return store.Delivery{
		ID: r.text(), WebhookID: r.text(), SessionID: r.text(), EventID: r.text(), Seq: r.int64(), Event: r.text(), Chat: r.text(),
		Replay: r.bool(), Attempt: r.int(), Done: r.int(), Status: r.text(), ResponseStatus: r.int(), Error: r.text(),
		Duration: time.Duration(r.int64()) * time.Microsecond, At: r.time(), NextAttemptAt: r.time(), Since: r.time(),
	}
}

const keepDelivery = `INSERT INTO deliveries (` + deliveryColumns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
	ON CONFLICT (webhook, id) DO UPDATE SET replay=excluded.replay, attempt=excluded.attempt, done=excluded.done, status=excluded.status,
	response=excluded.response, error=excluded.error, duration=excluded.duration, at=excluded.at, next=excluded.next, since=excluded.since`

func (d deliveries) Keep(ctx context.Context, p store.DeliveryProgress) error {
	if p.By != nil && !p.By.Held() {
		return fault("keep deliveries", store.ErrFenced)
	}
	return d.s.w.write(ctx, "keep deliveries", func(c *conn) error {
		there := presence{c: c, known: map[[2]string]bool{}}
		for _, x := range p.Deliveries {
			if ok, err := there.both(x.WebhookID, x.SessionID); err != nil || !ok {
				if err != nil {
					return err
				}
				continue
			}
			if _, err := c.exec(keepDelivery, x.ID, x.WebhookID, x.SessionID, x.EventID, x.Seq, x.Event, x.Chat, x.Replay, x.Attempt, x.Done, x.Status,
				x.ResponseStatus, x.Error, x.Duration.Microseconds(), x.At, x.NextAttemptAt, x.Since); err != nil {
				return err
			}
		}
		if err := keepCursors(c, p.Cursors, there.both); err != nil {
			return err
		}
		for _, e := range p.Ended {
			if _, err := c.exec(`DELETE FROM webhook_cursors WHERE webhook = ? AND session = ? AND replay = ?`, e.WebhookID, e.SessionID, e.Replay); err != nil {
				return err
			}
		}
		return nil
	})
}

// presence looks up, once for each, whether webhooks and sessions are there.
type presence struct {
	c     *conn
	known map[[2]string]bool
}

func (p presence) both(webhook, session string) (bool, error) {
	key := [2]string{webhook, session}
	there, seen := p.known[key]
	if seen {
		return there, nil
	}
	_, there, err := p.c.number(`SELECT 1 FROM webhooks WHERE id = ?`, webhook)
	if err == nil && there {
		_, there, err = p.c.number(`SELECT 1 FROM sessions WHERE id = ? AND deleting = 0`, session)
	}
	p.known[key] = there
	return there, err
}

// keepCursors writes those that fit; a nil fits takes all.
func keepCursors(c *conn, cursors []store.WebhookCursor, fits func(webhook, session string) (bool, error)) error {
	for _, x := range cursors {
		if fits != nil {
			if ok, err := fits(x.WebhookID, x.SessionID); err != nil || !ok {
				if err != nil {
					return err
				}
				continue
			}
		}
		_, err := c.exec(`INSERT INTO webhook_cursors (`+cursorColumns+`) VALUES (?,?,?,?,?,?,?,?)
			ON CONFLICT (webhook, session, replay) DO UPDATE SET seq=excluded.seq, until=excluded.until, from_time=excluded.from_time,
			to_time=excluded.to_time, failed=excluded.failed`,
			x.WebhookID, x.SessionID, x.Replay, x.Seq, x.Until, x.From, x.To, x.Failed)
		if err != nil {
			return err
		}
	}
	return nil
}

func (deliveries) Claim(context.Context, string, *store.Duty) error { return nil }

const cursorColumns = `webhook, session, replay, seq, until, from_time, to_time, failed`

func scanCursor(r *row) store.WebhookCursor {
	return store.WebhookCursor{
		WebhookID: r.text(), SessionID: r.text(), Replay: r.text(), Seq: r.int64(), Until: r.int64(),
		From: r.time(), To: r.time(), Failed: r.bool(),
	}
}

func (d deliveries) Replays(ctx context.Context) (list []store.WebhookCursor, err error) {
	err = d.s.r.read(ctx, "list replays", func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, scanCursor(r))
			return nil
		}, `SELECT `+cursorColumns+` FROM webhook_cursors WHERE replay <> ''`)
	})
	return list, err
}

func (d deliveries) Cursors(ctx context.Context, webhook string) (list []store.WebhookCursor, err error) {
	err = d.s.r.read(ctx, "list webhook cursors", func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, scanCursor(r))
			return nil
		}, `SELECT `+cursorColumns+` FROM webhook_cursors WHERE webhook = ? ORDER BY session, replay`, webhook)
	})
	return list, err
}

func (d deliveries) Get(ctx context.Context, webhook, id string) (x store.Delivery, err error) {
	err = d.s.r.read(ctx, "get delivery", func(c *conn) error {
		found, err := c.one(func(r *row) { x = scanDelivery(r) }, `SELECT `+deliveryColumns+` FROM deliveries WHERE webhook = ? AND id = ?`, webhook, id)
		if err == nil && !found {
			err = store.ErrNotFound
		}
		return err
	})
	return x, err
}

// listDeliveries is the rest of a list's statement, and its arguments.
func listDeliveries(q store.DeliveryQuery, from string) (string, []any) {
	where, args := `webhook = ?`, []any{q.Webhook}
	if q.Status != "" {
		where, args = where+` AND status = ?`, append(args, q.Status)
	}
	beyond, order := `<`, ` DESC`
	if q.Oldest {
		beyond, order = `>`, ``
	}
	if q.Page.Cursor != "" {
		where, args = where+` AND id `+beyond+` ?`, append(args, from)
	}
	return where + ` ORDER BY id` + order + ` LIMIT ?`, append(args, store.OnePast(q.Page))
}

func (d deliveries) List(ctx context.Context, q store.DeliveryQuery) (list []store.Delivery, next string, err error) {
	from, err := store.AfterID(q.Page.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list deliveries: %w", err)
	}
	where, args := listDeliveries(q, from)
	err = d.s.r.read(ctx, "list deliveries", func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, scanDelivery(r))
			return nil
		}, `SELECT `+deliveryColumns+` FROM deliveries WHERE `+where, args...)
	})
	list, next = store.Cut(list, q.Page, func(d store.Delivery) any { return store.IDKey{ID: []byte(d.ID)} })
	return list, next, err
}

// waits is the part of a statement that selects what waits, as the index deliveries_lane has it.
const waits = `status IN ('pending', 'failed')`

func (d deliveries) Waiting(ctx context.Context, webhook string, passed map[string]int64) (n int64, err error) {
	err = d.s.r.read(ctx, "count waiting deliveries", func(c *conn) error {
		return c.query(func(r *row) error {
			session, seq, replay := r.text(), r.int64(), r.bool()
			if upTo, asked := passed[session]; asked && (replay || seq <= upTo) {
				n++
			}
			return nil
		}, `SELECT session, seq, replay FROM deliveries WHERE webhook = ? AND `+waits, webhook)
	})
	return n, err
}

const ofLane = `webhook = ? AND session = ? AND chat = ? AND replay = ? AND ` + waits

func laneArgs(l store.DeliveryLane) []any { return []any{l.Webhook, l.Session, l.Chat, l.Replay} }

func (d deliveries) Lane(ctx context.Context, lane store.DeliveryLane, limit int) (list []store.Delivery, err error) {
	err = d.s.r.read(ctx, "list a lane of deliveries", func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, scanDelivery(r))
			return nil
		}, `SELECT `+deliveryColumns+` FROM deliveries WHERE `+ofLane+` ORDER BY seq, id LIMIT ?`, append(laneArgs(lane), limit)...)
	})
	return list, err
}

func (d deliveries) CountLane(ctx context.Context, lane store.DeliveryLane) (n int64, err error) {
	err = d.s.r.read(ctx, "count a lane of deliveries", func(c *conn) error {
		n, _, err = c.number(`SELECT count(*) FROM deliveries WHERE `+ofLane, laneArgs(lane)...)
		return err
	})
	return n, err
}

func (d deliveries) Prune(ctx context.Context, webhook, status, before string, keep int) (total int, err error) {
	err = d.s.r.read(ctx, "prune deliveries", func(c *conn) error {
		_, err := c.one(func(r *row) { before = max(before, r.text()) },
			`SELECT id FROM deliveries WHERE webhook = ? AND status = ? ORDER BY id DESC LIMIT 1 OFFSET ?`, webhook, status, max(keep, 1)-1)
		return err
	})
	if err != nil {
		return 0, err
	}
	err = d.s.inBatches(ctx, "prune deliveries", func(c *conn) (int, error) {
		n, err := c.exec(`DELETE FROM deliveries WHERE rowid IN (SELECT rowid FROM deliveries WHERE webhook = ? AND status = ? AND id < ? LIMIT ?)`,
			webhook, status, before, deleteBatch)
		total += n
		return n, err
	})
	return total, err
}
