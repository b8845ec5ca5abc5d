package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"whatsapp-api/store"
)

var errClosed = fmt.Errorf("%w: closed", store.ErrUnavailable)

// readers is the pool of connections that only read.
type readers struct {
	idle chan *conn
	all  []*conn
	done chan struct{} // closed when the store closes
}

func openReaders(path string, n int) (*readers, error) {
	r := &readers{idle: make(chan *conn, n), done: make(chan struct{})}
	for range n {
		c, err := openConn(path, "query_only=1", "cache_size=-16384", "foreign_keys=1")
		if err != nil {
			return nil, errors.Join(err, r.close())
		}
		r.all = append(r.all, c)
		r.idle <- c
	}
	return r, nil
}

// read runs fn on one state of the database. All that was answered before is in it.
func (r *readers) read(ctx context.Context, doing string, fn func(*conn) error) error {
	select {
	case <-r.done:
		return fault(doing, errClosed)
	default:
	}
	var c *conn
	select {
	case c = <-r.idle:
	case <-ctx.Done():
		return fault(doing, ctx.Err())
	case <-r.done:
		return fault(doing, errClosed)
	}
	defer func() { r.idle <- c }()
	c.db.SetInterrupt(ctx)
	err := inRead(c, fn)
	c.db.SetInterrupt(context.Background())
	if err != nil && errors.Is(err, sqlite3.INTERRUPT) && ctx.Err() != nil {
		err = ctx.Err()
	}
	return fault(doing, err)
}

func inRead(c *conn, fn func(*conn) error) error {
	if _, err := c.exec("BEGIN"); err != nil {
		return err
	}
	// An interrupted connection must leave its transaction all the same, or it would
	// read the same old state for ever.
	defer func() {
		c.db.SetInterrupt(context.Background())
		if !c.db.GetAutocommit() {
			_, _ = c.exec("ROLLBACK")
		}
	}()
	return fn(c)
}

// close waits for those who read.
func (r *readers) close() error {
	close(r.done)
	var errs []error
	for range r.all {
		c := <-r.idle
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}
