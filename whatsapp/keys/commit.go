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

// Commit keeps u and, in the same unit or before it, all key changes that are not kept
// yet. It sets u.Session; u.Keys and u.ForgetKeys must be empty, they are the device's own.
//
// Errors are those of [store.Log.Commit], wrapped. When it fails, the key changes stay
// pending, in order and visible to reads. After [store.ErrExists], the answer to a message
// that is known, nothing was kept: call Flush, or CommitReceived with an empty unit. When
// ctx ends before the commit began, the unit may be kept all the same.
func (d *Device) Commit(ctx context.Context, u store.Unit) (store.Kept, error) {
	return d.CommitReceived(ctx, u, time.Time{})
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
	e := &entry{unit: u}
	if err := d.submit(e, at); err != nil {
		return store.Kept{}, err
	}
	return d.await(ctx, e)
}

// Received is a message that came, as it is to be kept.
type Received struct {
	Unit  store.Unit
	Known store.Unit // kept in place of Unit when a message in it is known; it has no messages
	// Instead is asked for what to keep in place of a unit that the store will never take, and is
	// told why, as often as that happens; false when there is nothing left. It must not call the
	// device. Nil is false.
	Instead func(err error) (store.Unit, bool)
	At      time.Time // the event's Info.Timestamp
}

// KeepReceived is CommitReceived that does not wait: it returns once the unit has its place
// in the order, and calls then when it is kept or could not be. Units that wait are kept
// together in one commit. A message that is known is no error: its keys are kept, and what r has
// in place of the unit. Nor is one that the store never takes, as long as r has something else.
// After one of which nothing could be kept, nothing received is kept by this device: open it anew.
//
// Reads of the device see the unit's keys at once; the rest of it is not in the store yet.
// Nobody may be told of it, and WhatsApp neither, before then was called. KeepReceived
// itself waits while very many units do. An error means that then is not called.
func (d *Device) KeepReceived(ctx context.Context, r Received, then func(error)) error {
	select {
	case d.room <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("keep unit of %s: %w", d.session, context.Cause(ctx))
	}
	e := &entry{unit: r.Unit, known: r.Known, instead: r.Instead, then: then, received: true, firm: true}
	if err := d.submit(e, r.At); err != nil {
		<-d.room
		return err
	}
	d.later.Go(func() { _, _ = d.await(context.Background(), e) }) // then gets the answer
	return nil
}

// Handed is a unit that has its place in the order.
type Handed struct {
	d *Device
	e *entry
}

// Hand gives a unit its place in the order without having it kept: the next commit takes it
// along, such as that of the keys which whatsmeow makes before it sends. The caller calls
// Wait. then, if it is not nil, is told when the unit is kept or could not be, before Wait
// returns. Reads of the device see the unit's keys at once; the rest is not in the store yet. When it
// could not be kept, neither is what is in line behind it, nor anything received: open the device anew.
func (d *Device) Hand(u store.Unit, then func(error)) (*Handed, error) {
	e := &entry{unit: u, then: then, firm: true}
	if err := d.submit(e, time.Time{}); err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.arm()
	d.mu.Unlock()
	return &Handed{d, e}, nil
}

// Wait has the unit kept unless it is, and returns what Commit would have.
func (h *Handed) Wait(ctx context.Context) (store.Kept, error) { return h.d.await(ctx, h.e) }

// Settled has all that was handed over before kept, and returns when it is or failed.
func (d *Device) Settled(ctx context.Context) error {
	d.mu.Lock()
	last := d.last
	d.mu.Unlock()
	if last == nil {
		return nil
	}
	if _, err := d.await(ctx, last); err != nil && ctx.Err() != nil {
		return err
	}
	return nil
}

// Flush keeps what is pending. It is cheap when there is nothing.
func (d *Device) Flush(ctx context.Context) error {
	d.mu.Lock()
	idle := d.pending.len() == 0 && len(d.queue) == 0
	d.mu.Unlock()
	if idle {
		return nil
	}
	e := &entry{flush: true}
	d.enqueue(e, time.Time{})
	_, err := d.await(ctx, e)
	return err
}

// Pending says whether there are key changes that are not kept yet.
func (d *Device) Pending() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pending.len() > 0 || len(d.queue) > 0
}

// KeepWithin has what was handed over, and what is pending, kept in so long at the latest, without
// waiting for it: a commit before takes it along.
func (d *Device) KeepWithin(delay time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armFor(time.Now().Add(delay))
}

// arm sees to it that pending changes are flushed after a while. The caller holds d.mu.
func (d *Device) arm() {
	delay := lazyDelay
	if d.lazyFailed {
		delay = lazyRetry
	}
	d.armFor(time.Now().Add(delay))
}

// armFor sees to it that pending changes are flushed by then. The caller holds d.mu.
func (d *Device) armFor(due time.Time) {
	if d.closed || d.lost || d.pending.len() == 0 && len(d.queue) == 0 || d.armed && !due.Before(d.due) {
		return
	}
	d.due = due
	if d.armed {
		if d.timer.Stop() {
			d.timer.Reset(time.Until(due))
		}
		return // what runs already looks at due when it ends
	}
	d.armed = true
	d.lazy.Add(1)
	d.timer = time.AfterFunc(time.Until(due), d.lazyFlush)
}

// lazyFlush runs on the timer's goroutine.
func (d *Device) lazyFlush() {
	defer d.lazy.Done()
	ctx, cancel := context.WithTimeout(context.Background(), lazyTimeout)
	defer cancel()
	d.mu.Lock()
	d.due = time.Now().Add(lazyDelay) // what comes from now on may not be part of this flush
	d.mu.Unlock()
	err := d.Flush(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed = false
	d.lazyFailed = err != nil
	if errors.Is(err, store.ErrFenced) || errors.Is(err, ErrClosed) {
		d.lost = true // the session is no longer ours, or deleted; what is pending is of no use
	}
	if err != nil {
		d.logger.Warnf("Pending keys not kept: %v", err)
		d.arm()
		return
	}
	d.armFor(d.due)
}
