package sqlite

import (
	"bytes"
	"context"
	"time"

	"whatsapp-api/store"
)

type idempotency struct{ s *Store }

const callColumns = `key, body_hash, holder, message, created, expires, done, status, body`

func scanCall(r *row) store.IdempotentCall {
	return store.IdempotentCall{
		Key: r.text(), BodyHash: r.blob(), Holder: r.text(), MessageID: r.text(),
		CreatedAt: r.time(), ExpiresAt: r.time(), Done: r.bool(), Status: r.int(), Body: r.blob(),
	}
}

func (i idempotency) Begin(ctx context.Context, call store.IdempotentCall) (kept store.IdempotentCall, fresh bool, err error) {
	err = i.s.w.write(ctx, "begin call", func(c *conn) error {
		kept, fresh, err = begin(c, call)
		return err
	})
	return kept, fresh, err
}

func begin(c *conn, call store.IdempotentCall) (kept store.IdempotentCall, fresh bool, err error) {
	get := func() (bool, error) {
		return c.one(func(r *row) { kept = scanCall(r) }, `SELECT `+callColumns+` FROM calls WHERE key = ?`, call.Key)
	}
	found, err := get()
	if err != nil {
		return kept, false, err
	}
	if !found || kept.ExpiresAt.UnixMilli() <= call.CreatedAt.UnixMilli() {
		_, err := c.exec(`INSERT OR REPLACE INTO calls (`+callColumns+`) VALUES (?,?,?,?,?,?,?,?,?)`,
			call.Key, store.Some(call.BodyHash), call.Holder, call.MessageID,
			call.CreatedAt, call.ExpiresAt, call.Done, call.Status, store.Some(call.Body))
		if err == nil {
			_, err = get()
		}
		return kept, err == nil, err
	}
	if kept.Done || kept.Holder == call.Holder || !bytes.Equal(kept.BodyHash, call.BodyHash) {
		return kept, false, nil
	}
	kept.Holder = call.Holder
	_, err = c.exec(`UPDATE calls SET holder = ? WHERE key = ?`, call.Holder, call.Key)
	return kept, err == nil, err
}

func (i idempotency) Finish(ctx context.Context, key string, status int, body []byte) error {
	return i.s.w.write(ctx, "finish call", func(c *conn) error {
		n, err := c.exec(`UPDATE calls SET done = 1, status = ?, body = ? WHERE key = ?`, status, store.Some(body), key)
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

func (i idempotency) Release(ctx context.Context, key string) error {
	return i.s.w.write(ctx, "release call", func(c *conn) error {
		_, err := c.exec(`DELETE FROM calls WHERE key = ?`, key)
		return err
	})
}

func (i idempotency) DeleteExpired(ctx context.Context, now time.Time) (n int, err error) {
	err = i.s.w.write(ctx, "delete expired calls", func(c *conn) error {
		n, err = c.exec(`DELETE FROM calls WHERE expires <= ?`, now)
		return err
	})
	return n, err
}
