package keys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"whatsapp-api/store"
)

const (
	lazyDelay   = time.Second      // how long a deferred change may stay pending
	lazyRetry   = 10 * time.Second // after a lazy flush that failed
	lazyTimeout = 30 * time.Second // of a lazy flush
)

// Commit keeps u and, in the same unit, all key changes that are not kept yet. It sets
// u.Session; u.Keys and u.ForgetKeys must be empty, they are the device's own.
//
// Errors are those of [store.Log.Commit], wrapped. When it fails, the key changes stay
// pending, in order and visible to reads. After [store.ErrExists], the answer to a message
// that is known, nothing was kept: call Flush, or CommitReceived with an empty unit.
func (d *Device) Commit(ctx context.Context, u store.Unit) (store.Kept, error) {
	return d.commitUnit(ctx, u, time.Time{})
}

// CommitReceived is Commit for the unit that the event handler makes of the message which
// whatsmeow has just decrypted, called on the goroutine that handles it. at is the event's
// Info.Timestamp.
//
// The unit then settles the ciphertext: its plaintext, buffered against a crash, is not
// stored, and a redelivery is answered as already processed. Until a commit has succeeded
// the buffer still answers a redelivery with the plaintext. When at is not the time of the
// message that was decrypted last (a newsletter, a message resent by the phone), it does no
// more than Commit.
func (d *Device) CommitReceived(ctx context.Context, u store.Unit, at time.Time) (store.Kept, error) {
	return d.commitUnit(ctx, u, at)
}

func (d *Device) commitUnit(ctx context.Context, u store.Unit, at time.Time) (store.Kept, error) {
	if len(u.Keys) > 0 || u.ForgetKeys {
		return store.Kept{}, errors.New("keys: the unit has keys of its own")
	}
	if err := d.enter(ctx); err != nil {
		return store.Kept{}, err
	}
	defer d.leave()
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed {
		return store.Kept{}, ErrClosed
	}
	return d.commit(ctx, u, at)
}

// Flush keeps what is pending. It is cheap when there is nothing.
func (d *Device) Flush(ctx context.Context) error {
	d.mu.Lock()
	idle, seq := d.pending.len() == 0 && d.inflight == nil, d.seq
	d.mu.Unlock()
	if idle {
		return nil
	}
	return d.keep(ctx, seq)
}

// Pending says whether there are key changes that are not kept yet.
func (d *Device) Pending() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pending.len() > 0 || d.inflight != nil
}

// enter waits until no commit is in flight.
func (d *Device) enter(ctx context.Context) error {
	select {
	case d.committing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("keep keys: %w", context.Cause(ctx))
	}
}

func (d *Device) leave() { <-d.committing }

// keep returns when everything up to seq is kept. Callers that wait for a commit in
// flight share the one after it, and its error.
func (d *Device) keep(ctx context.Context, seq uint64) error {
	d.mu.Lock()
	tries := d.tries
	d.mu.Unlock()
	if err := d.enter(ctx); err != nil {
		return err
	}
	defer d.leave()
	d.mu.Lock()
	kept, failed := d.keptSeq >= seq, d.tries != tries && d.failedSeq >= seq
	err := d.failedErr
	d.mu.Unlock()
	switch {
	case kept:
		return nil
	case failed:
		return err
	}
	_, err = d.commit(ctx, store.Unit{}, time.Time{})
	return err
}

// commit keeps u with all that is pending. The caller has entered.
func (d *Device) commit(ctx context.Context, u store.Unit, at time.Time) (store.Kept, error) {
	u.Session = d.session
	d.mu.Lock()
	taken := d.pending
	d.pending, d.inflight = overlay{}, &taken
	seq := d.seq
	d.tries++
	settle := d.settles(at)
	u.Keys = taken.changes()
	if settle != nil {
		u.Keys = settleIn(u.Keys, *settle)
	}
	d.mu.Unlock()

	kept, err := d.log.Commit(ctx, u)
	if err != nil {
		err = fmt.Errorf("keep unit of %s: %w", d.session, err)
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	d.inflight = nil
	if err != nil {
		d.restore(&taken)
		if ctx.Err() == nil && commonFault(err) {
			d.failedSeq, d.failedErr = seq, err
		}
		return kept, err
	}
	d.keptSeq = seq
	d.commits++
	if settle != nil {
		taken.set(settle.cell, settle.value)
	}
	if u.ForgetKeys {
		d.cache.purge()
	}
	d.cache.kept(&taken)
	return kept, nil
}

// commonFault says whether a commit failed for a reason that has nothing to do with its unit.
func commonFault(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrNotFound)
}

// restore puts what was not kept back under what was written since. The caller holds d.mu.
func (d *Device) restore(taken *overlay) {
	newer := d.pending
	d.pending = *taken
	d.pending.merge(&newer)
	d.arm()
}

// settleIn replaces or adds the change of a settled buffer entry.
func settleIn(changes []store.KeyChange, w write) []store.KeyChange {
	for i := range changes {
		if changes[i].Table == w.table && changes[i].Key == w.key {
			changes[i].Value = w.value
			return changes
		}
	}
	return append(changes, store.KeyChange{Table: w.table, Key: w.key, Value: w.value})
}

// arm sees to it that pending changes are flushed after a while. The caller holds d.mu.
func (d *Device) arm() {
	if d.armed || d.closed || d.lost || d.pending.len() == 0 {
		return
	}
	d.armed = true
	delay := lazyDelay
	if d.lazyFailed {
		delay = lazyRetry
	}
	d.lazy.Add(1)
	d.timer = time.AfterFunc(delay, d.lazyFlush)
}

// lazyFlush runs on the timer's goroutine.
func (d *Device) lazyFlush() {
	defer d.lazy.Done()
	ctx, cancel := context.WithTimeout(context.Background(), lazyTimeout)
	defer cancel()
	err := d.Flush(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed = false
	d.lazyFailed = err != nil
	if errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrNotFound) {
		d.lost = true // the session is no longer ours; what is pending is of no use
	}
	if err != nil {
		d.logger.Warnf("Pending keys not kept: %v", err)
	}
	d.arm()
}
