package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/store"
)

// What a session still has to do stands in the store, written in the unit that made it necessary.
// While the session is connected a worker of each trade takes what is due, kind by kind; what fails
// is tried again later and later, what can never be done is struck off and told in the log.

// errNever says that a task can never be done.
var errNever = errors.New("task can never be done")

// chore does a task. What it returns adds the outcome to the unit that strikes the task off, with
// nothing else being made of what is stored meanwhile; nil: there is none.
type chore func(c *conn, ctx context.Context, t store.Task) (outcome, error)

type outcome func(ctx context.Context, d *draft) error

// trade is what one worker does, so that what takes long keeps nothing waiting that does not.
type trade struct {
	kinds map[string]chore
	time  time.Duration // for one try
}

// trades are what the workers of a session do.
var trades = []trade{
	{map[string]chore{taskIdentity: (*conn).askIdentity, taskAct: (*conn).actAtLast, taskDelete: (*conn).deleteNow, taskDeed: (*conn).deed}, time.Minute},
	{map[string]chore{taskHistory: (*conn).readHistory}, 10 * time.Minute},
}

const (
	taskPage     = 16
	taskBackoff  = 10 * time.Second
	taskLongest  = time.Hour // between tries
	taskAttempts = 20        // about half a day
)

// bells wake the workers, each its own.
func newBells() []chan struct{} {
	bells := make([]chan struct{}, len(trades))
	for i := range bells {
		bells[i] = make(chan struct{}, 1)
	}
	return bells
}

// newChores wakes the workers.
func (s *Session) newChores() {
	for _, bell := range s.bells {
		select {
		case bell <- struct{}{}:
		default: // it looks again anyway
		}
	}
}

// employ has the session's tasks worked off from a login on, as long as the conn lives.
func (c *conn) employ() {
	c.fresh.Store(true)
	if !c.working.Swap(true) {
		for i, tr := range trades {
			c.work.Go(func() { c.workOff(tr, c.s.bells[i]) })
		}
	}
	c.s.newChores()
}

// workOff does what is due while the conn is usable, and again when there is something new, when
// something falls due, and after a login.
func (c *conn) workOff(tr trade, bell <-chan struct{}) {
	_, quick := tr.kinds[taskAct]
	for c.ctx.Err() == nil {
		next := taskLongest
		if c.usable() {
			if quick && c.fresh.Swap(false) {
				c.refetch(c.ctx)
				c.dropSecrets(c.ctx)
				c.loadWaiting(c.ctx)
			}
			next = c.doDue(tr)
			if quick {
				next = min(next, c.settleAppState(c.ctx))
			}
		}
		wait := time.NewTimer(max(next, 0))
		select {
		case <-bell:
		case <-wait.C:
		case <-c.ctx.Done():
		}
		wait.Stop()
	}
}

// doDue does all that is due, and says how long it is until the next task is.
func (c *conn) doDue(tr trade) time.Duration {
	next := taskLongest
	for kind, do := range tr.kinds {
		for {
			list, err := c.dueNext(kind)
			if err != nil {
				c.s.log.Warn("tasks not read", zap.String("kind", kind), zap.Error(err))
				return taskBackoff
			}
			if len(list) == 0 {
				break
			}
			if left := time.Until(list[0].Due); left > 0 {
				next = min(next, left)
				break
			}
			for _, t := range list {
				if time.Now().Before(t.Due) {
					break
				}
				if !c.usable() {
					return taskBackoff
				}
				if err := c.do(t, do, tr.time); err != nil {
					c.s.log.Warn("outcome of a task not kept", zap.String("kind", kind), zap.Error(err))
					return taskBackoff
				}
			}
		}
	}
	return next
}

// dueNext reads the first tasks of a kind, those in units that are still in line too.
func (c *conn) dueNext(kind string) ([]store.Task, error) {
	if err := c.dev.Settled(c.ctx); err != nil {
		return nil, err
	}
	return c.s.m.cfg.Store.Tasks().List(c.ctx, c.s.id, kind, taskPage)
}

// do tries a task once and keeps what came of it.
func (c *conn) do(t store.Task, do chore, most time.Duration) error {
	ctx, cancel := context.WithTimeout(c.ctx, most)
	defer cancel()
	add, err := do(c, ctx, t)
	if c.ctx.Err() != nil {
		return nil // it stands where it was
	}
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	if err == nil && add != nil {
		err = add(ctx, d)
	}
	change := store.TaskChange{Task: store.Task{ID: t.ID}, Done: true}
	if err != nil {
		t.Attempt++
		d = c.draft()
		switch {
		case errors.Is(err, errNotYet):
			t.Due = now().Add(actEvery)
			change = store.TaskChange{Task: t}
		case errors.Is(err, errNever) || t.Attempt >= taskAttempts:
			c.s.log.Error("task given up", zap.String("kind", t.Kind), zap.Int("attempt", t.Attempt), zap.Error(err))
		default:
			c.s.log.Info("task not done yet", zap.String("kind", t.Kind), zap.Int("attempt", t.Attempt), zap.Error(err))
			t.Due = now().Add(min(taskBackoff<<min(t.Attempt, 10), taskLongest))
			change = store.TaskChange{Task: t}
		}
	}
	d.unit.Tasks = append(d.unit.Tasks, change)
	if err := d.commit(c.ctx); err != nil {
		return fmt.Errorf("keep outcome: %w", err)
	}
	return nil
}
