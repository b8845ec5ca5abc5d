package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
)

const (
	busyTimeout   = 10 * time.Second // how long to wait for another process's write
	maxStatements = 300              // prepared and kept, per connection
)

// conn is one connection with its prepared statements. One goroutine at a time.
type conn struct {
	db    *sqlite3.Conn
	stmts map[string]*sqlite3.Stmt
}

// openConn opens path. The pragmas come one by one: busy_timeout must stand before
// the first of them that takes a lock.
func openConn(path string, pragmas ...string) (*conn, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db, err := sqlite3.OpenFlags(abs, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE)
	if err != nil {
		return nil, err
	}
	c := &conn{db: db, stmts: map[string]*sqlite3.Stmt{}}
	if err := c.setUp(pragmas); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *conn) setUp(pragmas []string) error {
	if err := c.db.BusyTimeout(busyTimeout); err != nil {
		return err
	}
	if err := fts5.Register(c.db); err != nil {
		return fmt.Errorf("register fts5: %w", err)
	}
	for _, p := range pragmas {
		if err := c.db.Exec("PRAGMA " + p); err != nil {
			return fmt.Errorf("pragma %s: %w", p, err)
		}
	}
	return nil
}

func (c *conn) close() error {
	c.dropStatements()
	return c.db.Close()
}

// prepare returns a statement that nobody is using, ready to be bound.
func (c *conn) prepare(sql string) (*sqlite3.Stmt, error) {
	if s := c.stmts[sql]; s != nil {
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		c.dropStatements()
	}
	s, _, err := c.db.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", sql, err)
	}
	c.stmts[sql] = s
	return s, nil
}

// dropStatements forgets all that are not in use; those in use stay in the map.
func (c *conn) dropStatements() {
	for sql, s := range c.stmts {
		if !s.Busy() {
			_ = s.Close() // repeats the error of the last step
			delete(c.stmts, sql)
		}
	}
}

func bind(s *sqlite3.Stmt, args []any) error {
	for i, arg := range args {
		var err error
		switch v := arg.(type) {
		case string:
			err = s.BindText(i+1, v)
		case int64:
			err = s.BindInt64(i+1, v)
		case int:
			err = s.BindInt64(i+1, int64(v))
		case bool:
			err = s.BindBool(i+1, v)
		case []byte:
			err = s.BindBlob(i+1, v)
		case time.Time:
			err = s.BindInt64(i+1, v.UnixMilli())
		case nil:
			err = s.BindNull(i + 1)
		default:
			err = fmt.Errorf("bind %T: no such kind of column", arg)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// exec runs a statement that returns no rows and says how many rows it changed.
func (c *conn) exec(sql string, args ...any) (int, error) {
	s, err := c.prepare(sql)
	if err != nil {
		return 0, err
	}
	if err := bind(s, args); err != nil {
		return 0, err
	}
	if err := s.Exec(); err != nil {
		return 0, err
	}
	return int(c.db.Changes()), nil
}

// query calls scan for every row. scan must not run the same statement again.
func (c *conn) query(scan func(*row) error, sql string, args ...any) (err error) {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	if err := bind(s, args); err != nil {
		return err
	}
	defer func() {
		if rerr := s.Reset(); err == nil {
			err = rerr
		}
	}()
	r := row{s: s}
	for s.Step() {
		r.col = 0
		if err := scan(&r); err != nil {
			return err
		}
	}
	return s.Err()
}

// one is query for at most one row; found says whether it was there.
func (c *conn) one(scan func(*row), sql string, args ...any) (found bool, err error) {
	err = c.query(func(r *row) error {
		if !found {
			found = true
			scan(r)
		}
		return nil
	}, sql, args...)
	return found, err
}

// number is one for a statement that returns one whole number.
func (c *conn) number(sql string, args ...any) (n int64, found bool, err error) {
	found, err = c.one(func(r *row) { n = r.int64() }, sql, args...)
	return n, found, err
}

// row hands out the columns of one row from left to right.
type row struct {
	s   *sqlite3.Stmt
	col int
}

func (r *row) next() int {
	r.col++
	return r.col - 1
}

func (r *row) text() string    { return r.s.ColumnText(r.next()) }
func (r *row) int64() int64    { return r.s.ColumnInt64(r.next()) }
func (r *row) int() int        { return int(r.int64()) }
func (r *row) bool() bool      { return r.int64() != 0 }
func (r *row) time() time.Time { return time.UnixMilli(r.int64()).UTC() }

// blob returns nil for NULL and an empty slice for an empty value.
func (r *row) blob() []byte {
	col := r.next()
	if r.s.ColumnType(col) == sqlite3.NULL {
		return nil
	}
	return append([]byte{}, r.s.ColumnRawBlob(col)...)
}
