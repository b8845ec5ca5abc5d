package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"whatsapp-api/store"
)

type sessions struct{ s *Store }

const sessionColumns = `id, name, owner, desired, state, reason, since, phone, lid, push_name, settings, created, updated`

func scanSession(r *row) (store.Session, error) {
	s := store.Session{
		ID: r.text(), Name: r.text(), OwnerID: r.text(), Desired: r.text(), State: r.text(), Reason: r.text(),
		Since: r.time(), Phone: r.text(), LID: r.text(), PushName: r.text(),
	}
	if err := json.Unmarshal([]byte(r.text()), &s.Settings); err != nil {
		return s, fmt.Errorf("settings: %w", err)
	}
	s.CreatedAt, s.UpdatedAt, s.LastSeq = r.time(), r.time(), r.int64()
	return s, nil
}

func settings(m map[string]string) string {
	if len(m) == 0 {
		return "null"
	}
	raw, _ := json.Marshal(m) // strings always marshal
	return string(raw)
}

// findSession returns the number of a session that is there and not being deleted.
func findSession(c *conn, id string) (num int64, found bool, err error) {
	return c.number(`SELECT num FROM sessions WHERE id = ? AND deleting = 0`, id)
}

func (s sessions) Create(ctx context.Context, session store.Session) error {
	return s.s.w.write(ctx, "create session", func(c *conn) error {
		n, err := c.exec(`INSERT INTO sessions (`+sessionColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
			session.ID, session.Name, session.OwnerID, session.Desired, session.State, session.Reason, session.Since,
			session.Phone, session.LID, session.PushName, settings(session.Settings), session.CreatedAt, session.UpdatedAt)
		if err == nil && n == 0 {
			err = store.ErrExists
		}
		return err
	})
}

func (s sessions) Get(ctx context.Context, id string) (session store.Session, err error) {
	err = s.s.r.read(ctx, "get session", func(c *conn) error {
		session, err = getSession(c, id)
		return err
	})
	return session, err
}

func getSession(c *conn, id string) (session store.Session, err error) {
	found := false
	err = c.query(func(r *row) (err error) {
		found = true
		session, err = scanSession(r)
		return err
	}, `SELECT `+sessionColumns+`, last_seq FROM sessions WHERE id = ? AND deleting = 0`, id)
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return session, err
}

func (s sessions) List(ctx context.Context, owner string, p store.Page) (list []store.Session, next string, err error) {
	after, err := store.AfterID(p.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list sessions: %w", err)
	}
	sql, args := `SELECT `+sessionColumns+`, last_seq FROM sessions WHERE id > ? AND deleting = 0`, []any{after}
	if owner != "" {
		sql += ` AND owner = ?`
		args = append(args, owner)
	}
	err = s.s.r.read(ctx, "list sessions", func(c *conn) error {
		return c.query(func(r *row) error {
			session, err := scanSession(r)
			list = append(list, session)
			return err
		}, sql+` ORDER BY id LIMIT ?`, append(args, store.OnePast(p))...)
	})
	list, next = store.Cut(list, p, func(s store.Session) any { return store.IDKey{ID: []byte(s.ID)} })
	return list, next, err
}

func (s sessions) Count(ctx context.Context, owner string) (count int, err error) {
	err = s.s.r.read(ctx, "count sessions", func(c *conn) error {
		n, _, err := c.number(`SELECT COUNT(*) FROM sessions WHERE owner = ? AND deleting = 0`, owner)
		count = int(n)
		return err
	})
	return count, err
}

func (s sessions) States(ctx context.Context) (map[string]string, error) {
	states := map[string]string{}
	err := s.s.r.read(ctx, "list states of sessions", func(c *conn) error {
		return c.query(func(r *row) error {
			states[r.text()] = r.text()
			return nil
		}, `SELECT id, state FROM sessions WHERE deleting = 0`)
	})
	return states, err
}

func (s sessions) Update(ctx context.Context, id string, change func(*store.Session) error) (session store.Session, err error) {
	err = s.s.w.write(ctx, "update session", func(c *conn) error {
		session, err = getSession(c, id)
		if err != nil {
			return err
		}
		if err := change(&session); err != nil {
			return err
		}
		_, err := c.exec(`UPDATE sessions SET name=?, owner=?, desired=?, state=?, reason=?, since=?, phone=?, lid=?,
			push_name=?, settings=?, created=?, updated=? WHERE id=?`,
			session.Name, session.OwnerID, session.Desired, session.State, session.Reason, session.Since,
			session.Phone, session.LID, session.PushName, settings(session.Settings),
			session.CreatedAt, session.UpdatedAt, id)
		if err == nil {
			session, err = getSession(c, id)
		}
		return err
	})
	if err != nil {
		return store.Session{}, err
	}
	return session, nil
}

// putState writes what a unit changes in its session.
func putState(c *conn, num int64, u *store.SessionUpdate) error {
	if u == nil {
		return nil
	}
	_, err := c.exec(`UPDATE sessions SET state=ifnull(?,state), reason=ifnull(?,reason), since=ifnull(?,since),
		phone=ifnull(?,phone), lid=ifnull(?,lid), push_name=ifnull(?,push_name) WHERE num=?`,
		orNull(u.State), orNull(u.Reason), orNull(u.Since), orNull(u.Phone), orNull(u.LID), orNull(u.PushName), num)
	return err
}

// deleteBatch is how many rows of a deleted session go at once, so that other writes
// get in between.
const deleteBatch = 500

func (s sessions) Delete(ctx context.Context, id string) error {
	var num int64
	err := s.s.w.write(ctx, "delete session", func(c *conn) (err error) {
		var found bool
		num, found, err = c.number(`SELECT num FROM sessions WHERE id = ?`, id)
		if err == nil && !found {
			err = store.ErrNotFound
		}
		if err == nil {
			_, err = c.exec(`UPDATE sessions SET deleting = 1 WHERE num = ?`, num)
		}
		return err
	})
	if err != nil {
		return err
	}
	s.s.owned.set(id, false)
	return s.s.purge(ctx, num)
}

// purge removes all rows of a session that is marked as being deleted, then itself.
func (s *Store) purge(ctx context.Context, num int64) error {
	for _, sql := range []string{
		`DELETE FROM keys WHERE rowid IN (SELECT rowid FROM keys WHERE session = ? LIMIT ?)`, // what is most secret, first
		`DELETE FROM events WHERE rowid IN (SELECT rowid FROM events WHERE session = ? LIMIT ?)`,
		`DELETE FROM receipts WHERE rowid IN (SELECT rowid FROM receipts WHERE session = ? LIMIT ?)`,
		`DELETE FROM chats WHERE rowid IN (SELECT rowid FROM chats WHERE session = ? LIMIT ?)`,
		`DELETE FROM tasks WHERE rowid IN (SELECT rowid FROM tasks WHERE session = ? LIMIT ?)`,
		`DELETE FROM aliases WHERE rowid IN (SELECT rowid FROM aliases WHERE session = ? LIMIT ?)`,
		`DELETE FROM contacts WHERE rowid IN (SELECT rowid FROM contacts WHERE session = ? LIMIT ?)`,
	} {
		err := s.inBatches(ctx, "delete session", func(c *conn) (int, error) { return c.exec(sql, num, deleteBatch) })
		if err != nil {
			return err
		}
	}
	if err := s.dropSession(ctx, num); err != nil {
		return err
	}
	err := s.inBatches(ctx, "delete session", func(c *conn) (int, error) {
		return deleteMessages(c, `SELECT num FROM messages WHERE session = ? LIMIT ?`, num, deleteBatch)
	})
	if err != nil {
		return err
	}
	return s.w.write(ctx, "delete session", func(c *conn) error {
		_, err := c.exec(`DELETE FROM sessions WHERE num = ?`, num)
		return err
	})
}

// inBatches writes again and again until nothing was changed.
func (s *Store) inBatches(ctx context.Context, doing string, fn func(*conn) (int, error)) error {
	for n := 1; n > 0; {
		err := s.w.write(ctx, doing, func(c *conn) (err error) {
			n, err = fn(c)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// finishDeletes goes on with deletes that a crash cut short.
func (s *Store) finishDeletes(ctx context.Context) {
	var nums []int64
	err := s.r.read(ctx, "find deleted sessions", func(c *conn) error {
		return c.query(func(r *row) error {
			nums = append(nums, r.int64())
			return nil
		}, `SELECT num FROM sessions WHERE deleting = 1`)
	})
	for _, num := range nums {
		err = errors.Join(err, s.purge(ctx, num))
	}
	err = errors.Join(err, s.dropOrphans(ctx))
	if err != nil && ctx.Err() == nil {
		s.log.Warn("could not finish deleting sessions; the next start tries again", zap.Error(err))
	}
}
