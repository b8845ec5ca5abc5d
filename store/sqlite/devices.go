package sqlite

import (
	"context"

	"whatsapp-api/store"
)

type devices struct{ s *Store }

// sessionNum finds a session's number; it is NULL, and so finds nothing, for a session
// that is not there or is being deleted.
const sessionNum = `(SELECT num FROM sessions WHERE id = ? AND deleting = 0)`

func (d devices) Get(ctx context.Context, session, table string, keys []string) (map[string][]byte, error) {
	values := make(map[string][]byte, len(keys))
	err := d.s.r.read(ctx, "get device keys", func(c *conn) error {
		num, found, err := findSession(c, session)
		if err != nil || !found {
			return err
		}
		for _, key := range keys {
			_, err := c.one(func(r *row) { values[key] = r.blob() },
				`SELECT value FROM keys WHERE session = ? AND tbl = ? AND key = ?`, num, table, keyBytes(key))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

func (d devices) List(ctx context.Context, session, table, prefix, after string, limit int) (list []store.KeyValue, err error) {
	if limit <= 0 {
		return nil, nil
	}
	sql := `SELECT key, value FROM keys WHERE session = ` + sessionNum + ` AND tbl = ? AND key >= ? AND key > ?`
	args := []any{session, table, keyBytes(prefix), keyBytes(after)}
	if end, bounded := store.PrefixEnd(prefix); bounded {
		sql += ` AND key < ?`
		args = append(args, keyBytes(end))
	}
	err = d.s.r.read(ctx, "list device keys", func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, store.KeyValue{Key: string(r.blob()), Value: r.blob()})
			return nil
		}, sql+` ORDER BY key LIMIT ?`, append(args, limit)...)
	})
	return list, err
}

// keyBytes binds a key as a blob: it may be any bytes.
func keyBytes(key string) []byte { return append([]byte{}, key...) }

// putKeys applies the changes in order.
func putKeys(c *conn, num int64, forget bool, changes []store.KeyChange) error {
	if forget {
		if _, err := c.exec(`DELETE FROM keys WHERE session = ?`, num); err != nil {
			return err
		}
	}
	for _, k := range changes {
		var err error
		if k.Value == nil {
			_, err = c.exec(`DELETE FROM keys WHERE session = ? AND tbl = ? AND key = ?`, num, k.Table, keyBytes(k.Key))
		} else {
			_, err = c.exec(`INSERT INTO keys (session, tbl, key, value) VALUES (?,?,?,?)
				ON CONFLICT (session, tbl, key) DO UPDATE SET value = excluded.value`, num, k.Table, keyBytes(k.Key), k.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
