package sqlite

import (
	"context"
	"time"

	"whatsapp-api/store"
)

type tokens struct{ s *Store }

func (t tokens) Create(ctx context.Context, token store.Token) error {
	return t.s.w.write(ctx, "create token", func(c *conn) error {
		n, err := c.exec(`INSERT INTO tokens (id, user, created, expires) VALUES (?,?,?,?) ON CONFLICT DO NOTHING`,
			token.ID, token.UserID, token.CreatedAt, token.ExpiresAt)
		if err == nil && n == 0 {
			err = store.ErrExists
		}
		return err
	})
}

func (t tokens) Get(ctx context.Context, id string) (token store.Token, err error) {
	err = t.s.r.read(ctx, "get token", func(c *conn) error {
		found, err := c.one(func(r *row) {
			token = store.Token{ID: r.text(), UserID: r.text(), CreatedAt: r.time(), ExpiresAt: r.time()}
		}, `SELECT id, user, created, expires FROM tokens WHERE id = ?`, id)
		if err == nil && !found {
			err = store.ErrNotFound
		}
		return err
	})
	return token, err
}

func (t tokens) Delete(ctx context.Context, id string) error {
	return t.s.w.write(ctx, "delete token", func(c *conn) error {
		n, err := c.exec(`DELETE FROM tokens WHERE id = ?`, id)
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

func (t tokens) DeleteOf(ctx context.Context, userID, except string) error {
	return t.s.w.write(ctx, "delete user's tokens", func(c *conn) error {
		_, err := c.exec(`DELETE FROM tokens WHERE user = ? AND id <> ?`, userID, except)
		return err
	})
}

func (t tokens) DeleteExpired(ctx context.Context, now time.Time) (n int, err error) {
	err = t.s.w.write(ctx, "delete expired tokens", func(c *conn) error {
		n, err = c.exec(`DELETE FROM tokens WHERE expires <= ?`, now)
		return err
	})
	return n, err
}
