package store

import "context"

// Topic is a kind of records whose change other processes are to know of soon.
type Topic string

// Topics of changes.
const (
	TopicAccess     Topic = "access"     // users, tokens and API keys: changed or gone
	TopicSessions   Topic = "sessions"   // made, renamed or deleted
	TopicOwners     Topic = "owners"     // of sessions: one was given to another user
	TopicWebhooks   Topic = "webhooks"   // made, changed or deleted
	TopicDeliveries Topic = "deliveries" // one that somebody asks for, by Deliveries.Keep without a duty
)

// Changes tell of what other processes have written. A back end counts the changes itself, with
// each write, so that no caller can forget to.
type Changes interface {
	// Watch calls fn with each topic that another process has changed, within half a second of its write, until
	// ctx ends. It may call without need. What a process wrote in the moment when it was killed may be told of
	// by nobody.
	Watch(ctx context.Context, fn func(Topic))
	// Mark is a number that rises with all changes of webhooks and of sessions' owners: who reads them after it has
	// them as they are at this mark, or newer.
	Mark(ctx context.Context) (int64, error)
	// TakenIn says that the holder of a duty does now as the webhooks of this mark want it. ErrFenced.
	TakenIn(ctx context.Context, d *Duty, mark int64) error
	// Await waits until the holder of a duty has taken in what this mark says, for as long as ctx lasts; not
	// for this process itself, and not where nobody holds it.
	Await(ctx context.Context, duty string, mark int64) error
}
