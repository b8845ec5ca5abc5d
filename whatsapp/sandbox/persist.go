package sandbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"sync"

	_ "github.com/ncruces/go-sqlite3/driver" // the database/sql driver "sqlite3"
	"go.uber.org/zap"
)

// change collects everything that one happening alters, so that it is kept as
// a whole. What the outside may see of it (a stanza released, an answer given)
// belongs into then: it happens once the change is on disk, in the order of
// the commits, and so a killed server has forgotten nothing that it showed.
//
// Without a disk, nothing is encoded and then happens at once.
type change struct {
	disk *disk
	sets []setting
	post []func()
	adds []addition
	held []*sync.Mutex
	done chan struct{}
	err  error
}

// addition is a stanza that joins a device's queue once it is kept.
type addition struct {
	device *device
	queued *queued
}

type setting struct {
	key   string
	value []byte // nil deletes
	all   bool   // deletes all that begins with key
}

func (s *Server) change() *change { return &change{disk: s.disk} }

// put keeps a value; it is encoded now, if there is a disk at all.
func (c *change) put(key string, value any) {
	if c.disk == nil {
		return
	}
	raw, ok := value.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(value); err != nil {
			c.err = errors.Join(c.err, fmt.Errorf("encode %s: %w", key, err))
			return
		}
	}
	if raw == nil {
		raw = []byte{}
	}
	c.sets = append(c.sets, setting{key: key, value: raw})
}

func (c *change) del(key string) {
	if c.disk != nil {
		c.sets = append(c.sets, setting{key: key})
	}
}

// delAll deletes all keys that begin with a prefix.
func (c *change) delAll(prefix string) {
	if c.disk != nil {
		c.sets = append(c.sets, setting{key: prefix, all: true})
	}
}

// hold keeps a lock until the change is committed, so that changes of what it protects are committed
// in the order in which they are made. Who holds one must see to it that the change is committed,
// whatever comes of it. Of several, a group's comes before an account's.
func (c *change) hold(mu *sync.Mutex) {
	if !slices.Contains(c.held, mu) {
		mu.Lock()
		c.held = append(c.held, mu)
	}
}

// then adds what happens after the change was kept. f runs on the writer: it
// must neither block nor commit.
func (c *change) then(f func()) { c.post = append(c.post, f) }

// commit hands the change over. Order of commits is order of effects, so it is
// called under the lock that protects what the change describes. It never
// blocks.
func (c *change) commit() *change {
	defer func() {
		for _, mu := range c.held {
			mu.Unlock()
		}
		c.held = nil
	}()
	if c.disk == nil {
		c.effects()
		return c
	}
	c.done = make(chan struct{})
	c.disk.submit(c)
	return c
}

// wait returns when the change is on disk, or could not be kept.
func (c *change) wait(ctx context.Context) error {
	if c.disk == nil {
		return nil
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// maxPending is how many changes may wait for the disk before those who make
// them are held back.
const maxPending = 4096

// disk is one SQLite file of keys and values, written by one goroutine that
// gathers whatever is waiting into one transaction.
type disk struct {
	db      *sql.DB
	log     *zap.Logger
	mu      sync.Mutex
	room    *sync.Cond
	pending []*change
	failed  error
	closing bool
	wake    chan struct{}
	ended   chan struct{}
}

func openDisk(dir string, log *zap.Logger) (*disk, error) {
	path := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.Join(dir, dataFile)}).EscapedPath()}).String()
	db, err := sql.Open("sqlite3", path+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(normal)")
	if err != nil {
		return nil, fmt.Errorf("open sandbox data: %w", err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE IF NOT EXISTS kv (k TEXT PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID`); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare data: %w", damaged(err)), db.Close())
	}
	d := &disk{db: db, log: log, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	if err := damaged(d.upgrade()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	d.room = sync.NewCond(&d.mu)
	go d.run()
	return d, nil
}

func (d *disk) submit(c *change) {
	d.mu.Lock()
	if d.failed != nil || d.closing {
		c.err = errors.Join(c.err, d.failed, ErrClosed)
		close(c.done)
		d.mu.Unlock()
		return
	}
	d.pending = append(d.pending, c)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// waitRoom holds the caller back while the disk is behind. It must be called
// without any lock that a change's effects could need.
func (d *disk) waitRoom() {
	if d == nil {
		return
	}
	d.mu.Lock()
	for len(d.pending) > maxPending && d.failed == nil && !d.closing {
		d.room.Wait()
	}
	d.mu.Unlock()
}

func (d *disk) run() {
	defer close(d.ended)
	for range d.wake {
		for {
			d.mu.Lock()
			batch := d.pending
			d.pending = nil
			failed, closing := d.failed, d.closing
			d.room.Broadcast()
			d.mu.Unlock()
			if len(batch) == 0 {
				if closing {
					return
				}
				break
			}
			if failed == nil {
				if failed = d.write(batch); failed != nil {
					d.log.Error("sandbox data cannot be written; nothing is delivered any more", zap.Error(failed))
					d.mu.Lock()
					d.failed = failed
					d.mu.Unlock()
				}
			}
			for _, c := range batch {
				c.finish(failed)
			}
		}
	}
}

func (c *change) finish(failed error) {
	c.err = errors.Join(c.err, failed)
	if c.err == nil {
		c.effects()
	}
	close(c.done)
}

// effects lets the outside see the change: answers first, then what it queued.
func (c *change) effects() {
	for _, f := range c.post {
		f()
	}
	for from := 0; from < len(c.adds); {
		to := from
		var list []*queued
		for ; to < len(c.adds) && c.adds[to].device == c.adds[from].device; to++ {
			list = append(list, c.adds[to].queued)
		}
		c.adds[from].device.queue.add(list...)
		from = to
	}
}

func (d *disk) write(batch []*change) error {
	tx, err := d.db.Begin()
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	put, err := tx.Prepare(`INSERT INTO kv (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v`)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer put.Close()
	del, err := tx.Prepare(`DELETE FROM kv WHERE k = ?`)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer del.Close()
	for _, c := range batch {
		for _, s := range c.sets {
			switch {
			case s.all:
				_, err = tx.Exec(`DELETE FROM kv WHERE k >= ? AND k < ?`, s.key, s.key+"\x7f")
			case s.value == nil:
				_, err = del.Exec(s.key)
			default:
				_, err = put.Exec(s.key, s.value)
			}
			if err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// each reads all values whose key begins with prefix, in order of the keys.
// They are read before f is called, so f may read on. What f cannot read is ErrData.
func (d *disk) each(prefix string, f func(rest string, value []byte) error) error {
	type pair struct {
		key   string
		value []byte
	}
	var list []pair
	rows, err := d.db.Query(`SELECT k, v FROM kv WHERE k >= ? AND k < ? ORDER BY k`, prefix, prefix+"\x7f")
	if err != nil {
		return fmt.Errorf("read %s: %w", prefix, damaged(err))
	}
	defer rows.Close()
	for rows.Next() {
		var p pair
		if err := rows.Scan(&p.key, &p.value); err != nil {
			return fmt.Errorf("read %s: %w", prefix, damaged(err))
		}
		list = append(list, p)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("read %s: %w", prefix, damaged(err))
	}
	for _, p := range list {
		err := f(p.key[len(prefix):], p.value)
		switch {
		case errors.Is(err, ErrData): // a value led on to others
			return err
		case err != nil:
			return fmt.Errorf("%w: read %s: %w", ErrData, p.key, err)
		}
	}
	return nil
}

// close writes what is pending and ends the writer.
func (d *disk) close() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	d.closing = true
	failed := d.failed
	d.room.Broadcast()
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
	<-d.ended
	return errors.Join(failed, d.db.Close())
}
