package consumer

import (
	"context"
	"time"

	"whatsapp-api/store"
)

// Spec is what a consumer is.
type Spec struct {
	ID       string        // under which the store keeps its cursors and deliveries
	Sessions []string      // whose events it gets
	RetryFor time.Duration // how long one delivery is tried
	Failing  bool          // it did not take events well when it was last told of
	Changed  time.Time     // when somebody changed it last: what had failed before is tried at once

	// Want says whether an event is wanted, and with what it is in order: the first of the keys, or
	// that of the others under which something of the same chat waits already. An error stops reading for a
	// moment.
	Want func(ctx context.Context, e store.Event) (keys []string, wanted bool, err error)
	// Deliver tries an event once. It ends soon after ctx does.
	Deliver func(ctx context.Context, i Item) Outcome
	// Tell keeps how the consumer is. It may be called again for the same when it fails.
	Tell func(ctx context.Context, h Health) error
}

// Item is an event that is to be delivered.
type Item struct {
	Event   store.Event
	Attempt int  // 1, 2 …
	Done    int  // what Outcome.Done was at the attempt before
	Replay  bool // somebody asked for it
}

// Verdict is what came of an attempt.
type Verdict int

// Verdicts.
const (
	Taken   Verdict = iota // it is delivered
	Failed                 // it is to be tried again
	Refused                // it is to be tried again, but what did not take this event may take others
	Dead                   // it is given up
	Skipped                // there is nothing to be delivered; nobody is told of it
	Later                  // it could not be tried; that is nobody's fault
)

// Outcome is what came of an attempt, with what the record of the delivery says of it.
type Outcome struct {
	Verdict    Verdict
	At         time.Time
	Took       time.Duration
	Status     int           // an answer's; 0: none
	Fault      string        // why it was not taken
	RetryAfter time.Duration // the consumer asks for a rest of all its deliveries; 0: it does not
	Done       int           // how much of it was taken, where it is in parts
	Stop       string        // not empty: the consumer is to be stopped, for this reason
}

// Health is how well a consumer takes its events.
type Health struct {
	Failing bool // one attempt at a time is made, now and then
	Stopped bool // none is made
	Reason  string
}
