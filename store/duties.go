package store

import (
	"context"
	"sync"
	"time"
)

// DutyWebhooks is to deliver to webhooks.
const DutyWebhooks = "webhooks"

// DutyCleaning is to delete what is no longer needed.
const DutyCleaning = "cleaning"

// Duties say which process does what one of all that use a store does for the rest. Like the lease of a
// session, see Leases, a duty is renewed by itself, and may be taken over from a process that has said
// nothing for 15 seconds. A process that cannot renew it in time holds it no longer, whether
// another takes it or not.
type Duties interface {
	// Take makes this process the holder of a duty, if nobody is; for one that it holds the answer is the
	// same again. OwnedElsewhere names the holder.
	Take(ctx context.Context, name string) (*Duty, error)
	// GiveBack ends the duty for this process, so that another can take it at once.
	GiveBack(ctx context.Context, d *Duty) error
}

// Duty is one that a process has taken. It is safe for concurrent use.
type Duty struct {
	Name  string
	Epoch int64 // rises with every change of the holder

	lost chan struct{}

	mu    sync.Mutex
	over  bool
	until time.Time   // by this process's clock; zero: for ever
	timer *time.Timer // ends it then
}

// NewDuty is for back ends: a duty that is held until a time, or with a zero one for ever.
func NewDuty(name string, epoch int64, until time.Time) *Duty {
	d := &Duty{Name: name, Epoch: epoch, lost: make(chan struct{})}
	d.Extend(until)
	return d
}

// Held says whether the duty is still this process's. It goes by the clock, so that it is right at once
// after the process, or its machine, was paused: never true where another may have taken it over.
func (d *Duty) Held() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.over && d.inTime()
}

// inTime needs mu. The monotonic clock stands still while a machine sleeps, and that of the wall may be set back;
// so both count.
func (d *Duty) inTime() bool {
	now := time.Now()
	return d.until.IsZero() || now.Before(d.until) && now.Round(0).Before(d.until.Round(0))
}

// Lost is closed when this process holds the duty no longer.
func (d *Duty) Lost() <-chan struct{} { return d.lost }

// Extend is for back ends: the duty was renewed, and is held until a later time.
func (d *Duty) Extend(until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until = until
	switch {
	case d.over || until.IsZero():
	case d.timer == nil:
		d.timer = time.AfterFunc(time.Until(until), d.runOut)
	default:
		d.timer.Reset(time.Until(until))
	}
}

// runOut ends the duty if its time is over; it may have been extended at this moment.
func (d *Duty) runOut() {
	d.mu.Lock()
	inTime := d.inTime()
	d.mu.Unlock()
	if !inTime {
		d.End()
	}
}

// End is for back ends: another process has the duty, or it was given back.
func (d *Duty) End() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return
	}
	d.over = true
	if d.timer != nil {
		d.timer.Stop()
	}
	close(d.lost)
}
