package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"whatsapp-api/store"
)

type apiKeys struct{ s *Store }

const keyColumns = `id, owner, name, prefix, hash, scopes, sessions, addresses, expires, last_used, created`

// scanKey reads a key; its lists are JSON, null for nil.
func scanKey(r *row) (store.APIKey, error) {
	k := store.APIKey{ID: r.text(), OwnerID: r.text(), Name: r.text(), Prefix: r.text(), Hash: r.blob()}
	var err error
	for _, list := range []*[]string{&k.Scopes, &k.Sessions, &k.Addresses} {
		if e := json.Unmarshal([]byte(r.text()), list); e != nil {
			err = e
		}
	}
	k.ExpiresAt, k.LastUsedAt, k.CreatedAt = r.time(), r.time(), r.time()
	return k, err
}

// listJSON is a list as it is kept.
func listJSON(list []string) string {
	raw, err := json.Marshal(list)
	if err != nil { // strings
		panic(err)
	}
	return string(raw)
}

func (a apiKeys) Create(ctx context.Context, k store.APIKey) error {
	return a.s.w.write(ctx, "create key", func(c *conn) error {
		n, err := c.exec(`INSERT INTO api_keys (`+keyColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
			k.ID, k.OwnerID, k.Name, k.Prefix, k.Hash, listJSON(k.Scopes), listJSON(k.Sessions), listJSON(k.Addresses),
			k.ExpiresAt, k.LastUsedAt, k.CreatedAt)
		if err == nil && n == 0 {
			err = store.ErrExists
		}
		return err
	})
}

func (a apiKeys) Get(ctx context.Context, id string) (store.APIKey, error) {
	return a.get(ctx, "get key", `id = ?`, id)
}

func (a apiKeys) ByHash(ctx context.Context, hash []byte) (store.APIKey, error) {
	return a.get(ctx, "get key by hash", `hash = ?`, hash)
}

func (a apiKeys) get(ctx context.Context, doing, where string, arg any) (k store.APIKey, err error) {
	err = a.s.r.read(ctx, doing, func(c *conn) error {
		k, err = getKey(c, where, arg)
		return err
	})
	return k, err
}

func getKey(c *conn, where string, arg any) (k store.APIKey, err error) {
	var malformed error
	found, err := c.one(func(r *row) { k, malformed = scanKey(r) }, `SELECT `+keyColumns+` FROM api_keys WHERE `+where, arg)
	switch {
	case err != nil:
		return k, err
	case !found:
		return k, store.ErrNotFound
	}
	return k, malformed
}

func (a apiKeys) List(ctx context.Context, owner string, p store.Page) (list []store.APIKey, next string, err error) {
	after, err := store.AfterID(p.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list keys: %w", err)
	}
	where, args := `id > ?`, []any{after}
	if owner != "" {
		where, args = `owner = ? AND id > ?`, []any{owner, after}
	}
	err = a.s.r.read(ctx, "list keys", func(c *conn) error {
		return c.query(func(r *row) error {
			k, err := scanKey(r)
			list = append(list, k)
			return err
		}, `SELECT `+keyColumns+` FROM api_keys WHERE `+where+` ORDER BY id LIMIT ?`, append(args, store.OnePast(p))...)
	})
	list, next = store.Cut(list, p, func(k store.APIKey) any { return store.IDKey{ID: []byte(k.ID)} })
	return list, next, err
}

func (a apiKeys) Update(ctx context.Context, id string, change func(*store.APIKey) error) (k store.APIKey, err error) {
	err = a.s.w.write(ctx, "update key", func(c *conn) error {
		if k, err = getKey(c, `id = ?`, id); err != nil {
			return err
		}
		if err = change(&k); err != nil {
			return err
		}
		n, err := c.exec(`UPDATE OR IGNORE api_keys SET owner=?, name=?, prefix=?, hash=?, scopes=?, sessions=?, addresses=?, expires=?, created=? WHERE id=?`,
			k.OwnerID, k.Name, k.Prefix, k.Hash, listJSON(k.Scopes), listJSON(k.Sessions), listJSON(k.Addresses), k.ExpiresAt, k.CreatedAt, id)
		if err == nil && n == 0 {
			err = store.ErrExists
		}
		if err == nil {
			k, err = getKey(c, `id = ?`, id)
		}
		return err
	})
	if err != nil {
		return store.APIKey{}, err
	}
	return k, nil
}

func (a apiKeys) Used(ctx context.Context, at map[string]time.Time) error {
	return a.s.w.write(ctx, "note use of keys", func(c *conn) error {
		for id, t := range at {
			if _, err := c.exec(`UPDATE api_keys SET last_used = max(last_used, ?) WHERE id = ?`, t, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a apiKeys) Delete(ctx context.Context, id string) error {
	return a.s.w.write(ctx, "delete key", func(c *conn) error {
		n, err := c.exec(`DELETE FROM api_keys WHERE id = ?`, id)
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

func (a apiKeys) DeleteOf(ctx context.Context, owner string) error {
	return a.s.w.write(ctx, "delete user's keys", func(c *conn) error {
		_, err := c.exec(`DELETE FROM api_keys WHERE owner = ?`, owner)
		return err
	})
}
