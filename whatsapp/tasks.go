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
// While the session is connected one worker takes what is due, kind by kind; what fails is tried
// again later and later, what can never be done is struck off and told in the log.

// errNever says that a task can never be done.
var errNever = errors.New("task can never be done")

// chore does a task. What it returns adds the outcome to the unit that strikes the task off, with
// nothing else being made of what is stored meanwhile; nil: there is none.
type chore func(c *conn, ctx context.Context, t store.Task) (outcome, error)

type outcome func(ctx context.Context, d *draft) error

// chores are the kinds of tasks that a worker does.
var chores = map[string]chore{
	taskIdentity: (*conn).askIdentity,
	taskAct:      (*conn).actAtLast,
}

const (
	taskPage     = 16
	taskTime     = time.Minute // for one try
	taskBackoff  = 10 * time.Second
	taskLongest  = time.Hour // between tries
	taskAttempts = 20        // about half a day
)

// newChores wakes the worker.
func (s *Session) newChores() {
	select {
	case s.chores <- struct{}{}:
	default: // it looks again anyway
	}
}

// workOff does what is due until the conn is closed or no longer usable, and again when there is
// something new or something falls due.
func (c *conn) workOff() {
	c.refetch(c.ctx)
	for c.usable() {
		next := time.Now().Add(taskBackoff)
		if err := c.loadWaiting(c.ctx); err != nil {
			c.s.log.Warn("waiting acts not read", zap.Error(err))
		} else {
			next = c.doDue()
		}
		if state := time.Now().Add(c.settleAppState(c.ctx)); state.Before(next) {
			next = state
		}
		wait := time.NewTimer(max(min(time.Until(next), taskLongest), 0))
		select {
		case <-c.s.chores:
		case <-wait.C:
		case <-c.ctx.Done():
		}
		wait.Stop()
		if c.ctx.Err() != nil {
			return
		}
	}
}

// doDue does all that is due, and says when the next task is.
func (c *conn) doDue() (next time.Time) {
	next = time.Now().Add(taskLongest)
	for kind, do := range chores {
		for c.usable() {
			if err := c.dev.Settled(c.ctx); err != nil { // what is in line may bring some
				return time.Now().Add(taskBackoff)
			}
			list, err := c.s.m.cfg.Store.Tasks().List(c.ctx, c.s.id, kind, taskPage)
			if err != nil {
				c.s.log.Warn("tasks not read", zap.String("kind", kind), zap.Error(err))
				return time.Now().Add(taskBackoff)
			}
			if len(list) == 0 {
				break
			}
			if due := list[0].Due; due.After(time.Now()) {
				if due.Before(next) {
					next = due
				}
				break
			}
			for _, t := range list {
				if !t.Due.After(time.Now()) && c.usable() {
					if err := c.do(t, do); err != nil {
						c.s.log.Warn("outcome of a task not kept", zap.String("kind", kind), zap.Error(err))
						return time.Now().Add(taskBackoff)
					}
				}
			}
		}
	}
	return next
}

// do tries a task once and keeps what came of it.
func (c *conn) do(t store.Task, do chore) error {
	ctx, cancel := context.WithTimeout(c.ctx, taskTime)
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
