package store

import (
	"context"
	"time"
)

// States of a delivery.
const (
	DeliveryPending   = "pending" // waits for its first attempt, behind another of its chat
	DeliveryDelivered = "delivered"
	DeliveryFailed    = "failed" // tried, and to be tried again
	DeliveryDead      = "dead"   // given up
)

// Delivery is what became of one event at one webhook.
type Delivery struct {
	ID             string // sorts by the time it was made
	WebhookID      string
	SessionID      string
	EventID        string
	Seq            int64  // of the event
	Event          string // its name
	Chat           string // what it is in order with
	Replay         bool   // asked for by somebody; the event may have been sent before
	Attempt        int    // made so far
	Done           int    // of several requests that the event makes: those that were taken
	Status         string
	ResponseStatus int    // of the last attempt; 0: no answer
	Error          string // of the last attempt; empty: none
	Duration       time.Duration
	At             time.Time // of the last attempt; of its making while there is none
	NextAttemptAt  time.Time // zero: none, or not known yet
	Since          time.Time // of the first attempt; zero while there is none
}

// DeliveryLane is what goes to a webhook in order.
type DeliveryLane struct {
	Webhook string
	Session string
	Chat    string
	Replay  bool
}

// WebhookCursor says how far a webhook has got in the events of a session, or, with Replay,
// in a part of them that is sent again. (WebhookID, SessionID, Replay) is its key.
type WebhookCursor struct {
	WebhookID string
	SessionID string
	Replay    string // id of the replay; empty: the cursor of new events
	Seq       int64  // events up to this one are delivered, or are deliveries in the store
	Until     int64  // of a replay: its last event
	From      time.Time
	To        time.Time // of a replay: only events from From up to To; zero: no limit
	Failed    bool      // of a replay: only events whose delivery failed
}

// DeliveryProgress is what came of some deliveries, of any webhooks.
type DeliveryProgress struct {
	// By is the duty of who delivers: once another process has it, nothing of this is kept. Nil is for who asks
	// for deliveries: the holder is told of it, see Changes.
	By *Duty

	Deliveries []Delivery      // new or changed, by id
	Cursors    []WebhookCursor // new or changed, by their key
	Ended      []WebhookCursor // of replays that are over; only the key counts
}

// DeliveryQuery selects deliveries of one webhook.
type DeliveryQuery struct {
	Webhook string
	Status  string // empty: all
	Oldest  bool   // the oldest first, else the newest
	Page    Page
}

// Deliveries keeps what became of events at webhooks. It is safe for concurrent use.
type Deliveries interface {
	// Keep writes progress. Deliveries are kept before the cursors that stand on them: after a crash
	// in the middle no event is missing. What belongs to a webhook or session that is gone is left out.
	// ErrFenced: another process has the duty.
	Keep(ctx context.Context, p DeliveryProgress) error
	// Claim makes sure that nothing of a webhook's cursors, and of its deliveries that wait, is changed by who
	// held the duty before, not even by a write that is under way. ErrFenced.
	Claim(ctx context.Context, webhook string, d *Duty) error
	// Replays lists the cursors of all replays of all webhooks, in any order.
	Replays(ctx context.Context) ([]WebhookCursor, error)
	// Cursors lists all of a webhook's, by session and replay.
	Cursors(ctx context.Context, webhook string) ([]WebhookCursor, error)
	Get(ctx context.Context, webhook, id string) (Delivery, error)
	List(ctx context.Context, q DeliveryQuery) ([]Delivery, string, error) // by id
	// Waiting counts the deliveries of a webhook that are pending or failed, of the sessions in passed:
	// replays, and those whose Seq is not greater than what passed has.
	Waiting(ctx context.Context, webhook string, passed map[string]int64) (int64, error)
	// Lane lists the pending and failed deliveries of a lane, by Seq, then by id; at most limit.
	Lane(ctx context.Context, lane DeliveryLane, limit int) ([]Delivery, error)
	// CountLane says how many those are.
	CountLane(ctx context.Context, lane DeliveryLane) (int64, error)
	// Prune deletes deliveries of a webhook with this status: those with an id less than before, and
	// all but the newest keep (1 or more). It says how many.
	Prune(ctx context.Context, webhook, status, before string, keep int) (int, error)
}
