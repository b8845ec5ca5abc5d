package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"whatsapp-api/store"
)

// maxWaiting is how many units KeepReceived lets wait.
const maxWaiting = 64

// entry is a unit on its way to the store, with the key changes that it takes along.
type entry struct {
	unit    store.Unit
	known   store.Unit                     // takes its place when a message in it is known
	instead func(error) (store.Unit, bool) // asked for what takes its place when it is never kept
	keys    overlay                        // guarded by d.mu
	flush   bool                           // without a unit: no commit when there are no keys
	was     *write                         // a buffered event before keys made it a handled one

	before overlay // what was pending before a unit with ForgetKeys, and is again if that fails

	then     func(error) // told what became of it
	received bool        // of KeepReceived: nothing received overtakes it
	firm     bool        // what came behind it may stand on it: when it is not kept, that is not kept either
	done     chan struct{}
	kept     store.Kept
	err      error
}

// submit puts a unit in line, with all key changes that are pending.
func (d *Device) submit(e *entry, at time.Time) error {
	if len(e.unit.Keys) > 0 || e.unit.ForgetKeys {
		return errors.New("keys: the unit has keys of its own")
	}
	d.mu.Lock()
	closed, broken := d.closed, d.broken
	d.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case broken != nil && (e.received || !at.IsZero()):
		return broken
	}
	d.enqueue(e, at)
	return nil
}

func (d *Device) enqueue(e *entry, at time.Time) {
	e.done = make(chan struct{})
	d.mu.Lock()
	defer d.mu.Unlock()
	now, was := d.settles(at)
	e.keys, d.pending = d.pending, overlay{}
	if now != nil {
		e.was = was
		e.keys.set(now.cell, now.value)
	}
	d.queue, d.last = append(d.queue, e), e
}

// await returns when e is kept or failed. Whoever finds nobody at it keeps what is in line.
func (d *Device) await(ctx context.Context, e *entry) (store.Kept, error) {
	for {
		select {
		case <-e.done: // rather than to be the next who keeps
			return e.kept, e.err
		default:
		}
		select {
		case <-e.done:
			return e.kept, e.err
		case d.committing <- struct{}{}:
			d.drain(ctx, e)
			<-d.committing
		case <-ctx.Done():
			d.mu.Lock()
			d.arm()
			d.mu.Unlock()
			return store.Kept{}, fmt.Errorf("keep unit of %s: %w", d.session, context.Cause(ctx))
		}
	}
}

// enter waits until no commit is in flight; leave lets others in.
func (d *Device) enter(ctx context.Context) error {
	select {
	case d.committing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("keep keys: %w", context.Cause(ctx))
	}
}

func (d *Device) leave() { <-d.committing }

// drain keeps what is in line, in order, as far as e. What is behind it has somebody of its own
// who waits and goes on with it: else whoever came first in a burst would have to keep all of it.
// The caller has entered. It goes on when ctx ends: others wait for it too.
func (d *Device) drain(ctx context.Context, e *entry) {
	ctx = context.WithoutCancel(ctx)
	alone := 0 // so many are kept one by one
	for {
		select {
		case <-e.done:
			return
		default:
		}
		d.mu.Lock()
		batch := d.batch()
		d.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		if alone > 0 {
			batch = batch[:1]
		}
		kept, err := d.keep(ctx, batch)
		if err != nil && !commonFault(err) {
			if len(batch) > 1 {
				alone = len(batch) // one of them is to blame
				continue
			}
			if d.replace(batch[0], err) {
				continue
			}
		}
		alone = max(alone-d.end(batch, kept, err), 0)
	}
}

// batch is what is kept next: the first in line, and those behind it that go with it.
// The caller holds d.mu.
func (d *Device) batch() []*entry {
	n, bytes := 0, 0
	for _, e := range d.queue {
		bytes += e.keys.bytes
		if n > 0 && (e.unit.Alone() || n == store.MaxTogether || bytes > store.TogetherSize) {
			break
		}
		n++
		if e.unit.Alone() {
			break
		}
	}
	return d.queue[:n:n]
}

// keep commits entries as one unit. What one of them changes twice is changed in order, as
// every kind of change is.
func (d *Device) keep(ctx context.Context, batch []*entry) (store.Kept, error) {
	var keys overlay
	d.mu.Lock()
	for _, e := range batch {
		keys.merge(&e.keys)
	}
	d.mu.Unlock()
	u := batch[0].unit
	for _, e := range batch[1:] {
		u, _ = u.Then(e.unit) // the batch is of units that go together
	}
	u.Session, u.Keys = d.session, keys.changes()
	if u.Empty() && !slices.ContainsFunc(batch, func(e *entry) bool { return !e.flush }) {
		return store.Kept{}, nil
	}
	kept, err := d.log.Commit(ctx, u)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = fmt.Errorf("keep unit of %s, which was deleted: %w: %w", d.session, ErrClosed, err)
	case err != nil:
		err = fmt.Errorf("keep unit of %s: %w", d.session, err)
	}
	return kept, err
}

// commonFault says whether a commit failed for a reason that has nothing to do with its unit.
func commonFault(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrFenced) || errors.Is(err, ErrClosed)
}

// replace gives an entry that failed for good another unit, with which it stays in line and
// keeps its keys: a message that is known needs nothing but what it taught of people, and for one
// that the store never takes its caller says what can be kept of it. False when there is none.
func (d *Device) replace(e *entry, err error) bool {
	if !e.received {
		return false
	}
	if errors.Is(err, store.ErrExists) && len(e.unit.Messages) > 0 {
		e.unit, e.flush = e.known, true
		return true
	}
	if e.instead == nil {
		return false
	}
	u, ok := e.instead(err)
	if ok {
		e.unit, e.flush = u, true
	}
	return ok
}

// end tells the entries at the head of the line what became of them, and returns how many
// left the line. Where something failed that nothing may overtake, it is all of them.
func (d *Device) end(batch []*entry, kept store.Kept, err error) int {
	d.mu.Lock()
	switch {
	case err == nil:
		d.commits++
		for _, e := range batch {
			if e.unit.ForgetKeys {
				d.cache.purge()
			}
			d.cache.kept(&e.keys)
			d.noteKept(&e.keys)
		}
	case slices.ContainsFunc(batch, func(e *entry) bool { return e.firm }):
		batch, d.broken = d.queue, err
	}
	if d.queue = d.queue[len(batch):]; len(d.queue) == 0 {
		d.queue = nil
	}
	if err != nil {
		d.restore(batch)
	}
	d.mu.Unlock()
	seq := kept.LastSeq - int64(len(kept.Events))
	for _, e := range batch {
		if e.err = err; err == nil {
			e.kept, seq = shareOf(&kept, e.unit, seq)
		}
		if e.then != nil {
			e.then(err)
		}
		if e.received {
			<-d.room
		}
		close(e.done)
	}
	return len(batch)
}

// shareOf cuts off what a commit of several units kept of the first of them, after which
// the log is at seq.
func shareOf(all *store.Kept, u store.Unit, before int64) (kept store.Kept, seq int64) {
	if len(all.Events) < len(u.Events) || len(all.Pos) < len(u.Messages) { // nothing was committed
		return store.Kept{}, before
	}
	kept.Events, all.Events = all.Events[:len(u.Events):len(u.Events)], all.Events[len(u.Events):]
	kept.Pos, all.Pos = all.Pos[:len(u.Messages):len(u.Messages)], all.Pos[len(u.Messages):]
	kept.LastSeq = before + int64(len(u.Events))
	return kept, kept.LastSeq
}

// restore puts what was not kept back under what was written since. The caller holds d.mu.
func (d *Device) restore(failed []*entry) {
	var older overlay
	for _, e := range failed {
		if e.was != nil {
			e.keys.set(e.was.cell, e.was.value)
		}
		if e.unit.ForgetKeys {
			e.keys = e.before
		}
		older.merge(&e.keys)
	}
	under := &d.pending
	if len(d.queue) > 0 {
		under = &d.queue[0].keys
	}
	older.merge(under)
	*under = older
	d.arm()
}
