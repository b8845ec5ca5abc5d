package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"whatsapp-api/store"
)

type files struct{ s *Store }

const fileColumns = `id, owner, session, state, kind, sha256, media, failure, handle, created, updated, needed`

func scanFile(r *row) (store.File, error) {
	f := store.File{ID: r.text(), OwnerID: r.text(), SessionID: r.text(), State: r.text(), Kind: r.text()}
	sum := r.blob()
	var err error
	for _, field := range []any{&f.Media, &f.Failure, &f.Handle} {
		if text := r.text(); text != "" {
			if e := json.Unmarshal([]byte(text), field); e != nil {
				err = fmt.Errorf("file %s: %w", f.ID, e)
			}
		}
	}
	f.Media.SHA256 = store.Some(sum)
	f.CreatedAt, f.UpdatedAt, f.NeededAt = r.time(), r.time(), r.time()
	return f, err
}

// fileValues are the values of fileColumns.
func fileValues(f store.File) []any {
	var failure, handle, sum any
	if f.Failure != nil {
		failure = asJSON(f.Failure)
	}
	if f.Handle != nil {
		handle = asJSON(f.Handle)
	}
	if len(f.Media.SHA256) > 0 {
		sum = f.Media.SHA256
	}
	f.Media.SHA256 = nil // which has a column
	return []any{
		f.ID, f.OwnerID, f.SessionID, f.State, f.Kind, sum, asJSON(f.Media), failure, handle, f.CreatedAt, f.UpdatedAt, f.NeededAt,
	}
}

func (f files) Create(ctx context.Context, file store.File) error {
	return f.s.w.write(ctx, "create file", func(c *conn) error {
		for sql, id := range map[string]string{
			`SELECT 1 FROM users WHERE id = ?`: file.OwnerID, `SELECT 1 FROM sessions WHERE id = ? AND deleting = 0`: file.SessionID,
		} {
			if id == "" {
				continue
			}
			if _, there, err := c.number(sql, id); err != nil || !there {
				return orNotFound(err)
			}
		}
		n, err := c.exec(`INSERT INTO files (`+fileColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`, fileValues(file)...)
		if err == nil && n == 0 {
			err = store.ErrExists
		}
		return err
	})
}

func orNotFound(err error) error {
	if err == nil {
		err = store.ErrNotFound
	}
	return err
}

func (f files) Get(ctx context.Context, id string) (file store.File, err error) {
	err = f.s.r.read(ctx, "get file", func(c *conn) error {
		file, err = getFile(c, id)
		return err
	})
	return file, err
}

func getFile(c *conn, id string) (file store.File, err error) {
	var malformed error
	found, err := c.one(func(r *row) { file, malformed = scanFile(r) }, `SELECT `+fileColumns+` FROM files WHERE id = ?`, id)
	if err != nil || !found {
		return file, orNotFound(err)
	}
	return file, malformed
}

// listFiles is the rest of a list's statement, and its arguments.
func listFiles(q store.FileQuery, before string) (string, []any) {
	where, args := ``, []any{}
	add := func(cond, arg string) {
		if arg != "" {
			where, args = where+cond+` AND `, append(args, arg)
		}
	}
	add(`owner = ?`, q.Owner)
	add(`session = ?`, q.Session)
	add(`kind = ?`, q.Kind)
	if q.Page.Cursor != "" {
		where, args = where+`id < ? AND `, append(args, before)
	}
	return where + `1 ORDER BY id DESC LIMIT ?`, append(args, store.OnePast(q.Page))
}

func (f files) List(ctx context.Context, q store.FileQuery) (list []store.File, next string, err error) {
	before, err := store.AfterID(q.Page.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list files: %w", err)
	}
	where, args := listFiles(q, before)
	err = f.s.r.read(ctx, "list files", func(c *conn) error {
		return c.query(func(r *row) error {
			file, err := scanFile(r)
			list = append(list, file)
			return err
		}, `SELECT `+fileColumns+` FROM files WHERE `+where, args...)
	})
	list, next = store.Cut(list, q.Page, func(f store.File) any { return store.IDKey{ID: []byte(f.ID)} })
	return list, next, err
}

func (f files) Update(ctx context.Context, id string, change func(*store.File) error) (file store.File, err error) {
	err = f.s.w.write(ctx, "update file", func(c *conn) error {
		if file, err = getFile(c, id); err != nil {
			return err
		}
		if err := change(&file); err != nil {
			return err
		}
		file.ID = id
		_, err := c.exec(`UPDATE files SET id=?, owner=?, session=?, state=?, kind=?, sha256=?, media=?, failure=?, handle=?,
			created=?, updated=?, needed=? WHERE id=?`, append(fileValues(file), id)...)
		if err == nil {
			file, err = getFile(c, id)
		}
		return err
	})
	if err != nil {
		return store.File{}, err
	}
	return file, nil
}

func (f files) Delete(ctx context.Context, id string) error {
	return f.s.w.write(ctx, "delete file", func(c *conn) error {
		n, err := c.exec(`DELETE FROM files WHERE id = ?`, id)
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

func (f files) DeleteBefore(ctx context.Context, before time.Time) (n int, err error) {
	err = f.s.inBatches(ctx, "delete old files", func(c *conn) (int, error) {
		batch, err := c.exec(`DELETE FROM files WHERE rowid IN (SELECT rowid FROM files WHERE needed < ? LIMIT ?)`, before, deleteBatch)
		n += batch
		return batch, err
	})
	return n, err
}

const fileOfSum = `SELECT 1 FROM files WHERE sha256 = ? LIMIT 1`

func (f files) Needed(ctx context.Context, sums [][]byte) (needed []bool, err error) {
	needed = make([]bool, len(sums))
	err = f.s.r.read(ctx, "look for files", func(c *conn) error {
		for i, sum := range sums {
			if _, needed[i], err = c.number(fileOfSum, sum); err != nil {
				return err
			}
		}
		return nil
	})
	return needed, err
}
