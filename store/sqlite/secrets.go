package sqlite

import (
	"context"

	"whatsapp-api/store"
)

type secrets struct{ s *Store }

func (s secrets) GetOrCreate(ctx context.Context, name string, fresh []byte) (value []byte, err error) {
	if fresh == nil {
		fresh = []byte{}
	}
	read := func(c *conn) error {
		found, err := c.one(func(r *row) { value = r.blob() }, `SELECT value FROM secrets WHERE name = ?`, name)
		if err == nil && !found {
			err = store.ErrNotFound
		}
		return err
	}
	if err := s.s.r.read(ctx, "get secret", read); err == nil {
		return value, nil // the usual case needs no write
	}
	err = s.s.w.write(ctx, "create secret", func(c *conn) error {
		if _, err := c.exec(`INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, name, fresh); err != nil {
			return err
		}
		return read(c)
	})
	return value, err
}
