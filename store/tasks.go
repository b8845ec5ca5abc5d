package store

import (
	"context"
	"time"
)

// Task is something that a session still has to do, written in the unit that made it necessary
// and struck off in the one that says it is done: so a crash forgets none.
type Task struct {
	ID      string    `bson:"id"`   // unique in the session; the same need never makes two
	Kind    string    `bson:"kind"` // which worker it is for
	Payload []byte    `bson:"payload"`
	Due     time.Time `bson:"due"`     // not before
	Attempt int       `bson:"attempt"` // made so far
}

// TaskChange keeps a task, in place of the one with its ID, or strikes it off.
type TaskChange struct {
	Task Task `bson:"task"` // only its ID counts when it is done
	Done bool `bson:"done"`
}

// Tasks reads what is to be done. They are written through Log.Commit.
type Tasks interface {
	// List returns the first tasks of a kind by (Due, ID), those that are not due yet too.
	List(ctx context.Context, session, kind string, limit int) ([]Task, error)
	// Get returns those of the tasks that are there.
	Get(ctx context.Context, session string, ids []string) (map[string]Task, error)
}
