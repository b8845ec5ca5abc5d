package sqlite

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ncruces/go-sqlite3"
	"go.uber.org/zap"
)

const (
	maxBatch        = 256 // writes that share one sync
	pageBytes       = 4096
	checkpointBytes = 16 << 20 // of the WAL in use
	checkpointEvery = time.Minute
	checkpointRest  = time.Second            // after one that readers have hindered
	checkpointWait  = 100 * time.Millisecond // for readers to let the WAL begin anew
)

// States of a job.
const (
	jobQueued int32 = iota
	jobRunning
	jobGivenUp
)

// job is one write that waits for its commit.
type job struct {
	fn    func(*conn) error
	state atomic.Int32
	done  chan struct{}
	err   error
	panic any // what fn panicked with; goes on in the caller
}

// writer is the one goroutine that writes.
type writer struct {
	c     *conn
	log   *zap.Logger
	jobs  chan *job
	quit  chan struct{}
	ended chan struct{}

	mu     sync.RWMutex // held for reading while a job is being queued
	closed bool

	checked  time.Time // when the WAL was last taken over into the file
	used     int       // bytes of the WAL in use
	hindered bool      // by readers, the last time
}

func newWriter(c *conn, log *zap.Logger) *writer {
	w := &writer{
		c: c, log: log, checked: time.Now(),
		jobs: make(chan *job, maxBatch), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	c.db.WALHook(func(_ *sqlite3.Conn, _ string, pages int) error {
		w.used = pages * pageBytes
		return nil
	})
	go w.run()
	return w
}

// write runs fn in a transaction and returns once that is synced to disk. Calls are
// taken in the order in which they come. A call that is given up before it began does
// nothing; once begun it is waited for, so the answer is always the truth.
func (w *writer) write(ctx context.Context, doing string, fn func(*conn) error) error {
	j := &job{fn: fn, done: make(chan struct{})}
	if err := w.queue(ctx, j); err != nil {
		return fault(doing, err)
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(jobQueued, jobGivenUp) {
			return fault(doing, ctx.Err())
		}
		<-j.done
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return fault(doing, j.err)
}

func (w *writer) queue(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	select {
	case w.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close lets what is queued be written and frees the connection.
func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	w.mu.Unlock()
	close(w.quit)
	<-w.ended
	return w.c.close()
}

func (w *writer) run() {
	defer close(w.ended)
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	batch := make([]*job, 0, maxBatch)
	for {
		select {
		case j := <-w.jobs:
			batch = w.collect(append(batch[:0], j))
			w.commit(batch)
			w.checkpoint()
		case <-tick.C:
			w.checkpoint()
		case <-w.quit:
			for {
				if batch = w.collect(batch[:0]); len(batch) == 0 {
					return
				}
				w.commit(batch)
			}
		}
	}
}

// collect adds what is queued, leaving out what was given up.
func (w *writer) collect(batch []*job) []*job {
	for len(batch) < maxBatch {
		select {
		case j := <-w.jobs:
			batch = append(batch, j)
		default:
			return started(batch)
		}
	}
	return started(batch)
}

func started(batch []*job) []*job {
	kept := batch[:0]
	for _, j := range batch {
		if j.state.CompareAndSwap(jobQueued, jobRunning) {
			kept = append(kept, j)
		}
	}
	return kept
}

// commit runs the jobs in one transaction and answers them after the sync.
func (w *writer) commit(batch []*job) {
	if len(batch) == 0 {
		return
	}
	err := w.transact(batch)
	for _, j := range batch {
		if err != nil && j.panic == nil {
			j.err = err // nothing of the batch was kept, whatever the job's own answer
		}
		close(j.done)
	}
}

// transact runs the jobs in one transaction. There are no savepoints: each would have the
// full-text index written out. A job that fails before it changed anything, as nearly all
// failures do, leaves nothing to undo; after any other the transaction begins anew
// without it.
func (w *writer) transact(batch []*job) error {
	todo := batch
	for len(todo) > 0 {
		harmful, err := w.attempt(todo)
		if harmful < 0 || err != nil {
			return err
		}
		todo = append(append([]*job{}, todo[:harmful]...), todo[harmful+1:]...)
	}
	return nil
}

// attempt runs the jobs and commits. harmful is the index of a job that failed and had
// changed something: then nothing was committed. It is -1 without such a job.
func (w *writer) attempt(batch []*job) (harmful int, err error) {
	if _, err := w.c.exec("BEGIN IMMEDIATE"); err != nil {
		return -1, err
	}
	before, begun := w.c.db.TotalChanges(), w.c.db.TotalChanges()
	for i, j := range batch {
		j.call(w.c)
		if w.c.db.GetAutocommit() { // SQLite itself gave the whole transaction up
			return -1, errors.Join(errLostBatch, j.err)
		}
		changed := w.c.db.TotalChanges()
		if (j.err != nil || j.panic != nil) && changed != before {
			_, err := w.c.exec("ROLLBACK")
			return i, err
		}
		before = changed
	}
	end := "COMMIT"
	if before == begun {
		end = "ROLLBACK" // nothing to keep
	}
	if _, err := w.c.exec(end); err != nil {
		if !w.c.db.GetAutocommit() {
			_, _ = w.c.exec("ROLLBACK") // the answer is err already
		}
		return -1, errors.Join(errLostBatch, err)
	}
	return -1, nil
}

// call may be made again: it leaves nothing of a former call in the job.
func (j *job) call(c *conn) {
	j.err = nil
	defer func() { j.panic = recover() }()
	j.err = j.fn(c)
}

// checkpoint takes the WAL over into the file when much of it is in use or a minute has
// passed, so that it begins anew. It keeps its size: a commit that writes over what is
// there is synced in half the time of one that lets a file grow. It does not wait long for
// readers: the next one gets further.
func (w *writer) checkpoint() {
	if w.used == 0 {
		return
	}
	since := time.Since(w.checked)
	if since < checkpointEvery && (w.used < checkpointBytes || w.hindered && since < checkpointRest) {
		return
	}
	w.checked = time.Now()
	err := w.c.db.BusyTimeout(checkpointWait)
	if err == nil {
		_, _, err = w.c.db.WALCheckpoint("main", sqlite3.CHECKPOINT_RESTART)
	}
	if berr := w.c.db.BusyTimeout(busyTimeout); err == nil {
		err = berr
	}
	w.hindered = errors.Is(err, sqlite3.BUSY)
	switch {
	case err == nil:
		w.used = 0
	case !w.hindered:
		w.log.Warn("checkpoint failed", zap.Error(err))
	}
}
