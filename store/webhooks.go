package store

import (
	"context"
	"time"
)

// States of a webhook.
const (
	WebhookActive  = "active"
	WebhookPaused  = "paused"
	WebhookFailing = "failing" // its endpoint does not answer well; it is tried now and then
)

// What becomes of an event that a webhook's endpoint refuses, by a status that says that it would
// again.
const (
	RefusalRetry = "retry" // it is tried as long as any other
	RefusalDead  = "dead"  // it is given up at once
)

// Webhook is an endpoint to which events are sent.
type Webhook struct {
	ID        string
	OwnerID   string   // User.ID
	SessionID string   // empty: all sessions of its owner, those made later too
	URL       string   // http or https
	Events    []string // names; nil: all
	Filters   WebhookFilters
	Headers   map[string]string // sent along; nil and empty are the same
	Format    string            // of the body, see the service
	State     string
	Reason    string // why it is in this state; empty: nothing to say
	Secrets   []WebhookSecret
	RetryFor  time.Duration // how long one delivery is tried; whole milliseconds
	Timeout   time.Duration // of one attempt; whole milliseconds
	OnRefusal string        // what becomes of an event that its endpoint refuses; empty is RefusalRetry
	CreatedAt time.Time
	UpdatedAt time.Time
}

// WebhookFilters selects among the events that have what they ask for. Nil selects all.
type WebhookFilters struct {
	Chats   []string // any id of a chat
	Senders []string // any id of a message's sender
	Types   []string // of messages
	FromMe  *bool
	Groups  *bool // only chats that are groups, or only others
}

// WebhookSecret signs what is sent. The first of a webhook's secrets is the current one.
type WebhookSecret struct {
	Value string
	Until time.Time // zero: for ever
}

// WebhookQuery selects webhooks. Empty fields select all.
type WebhookQuery struct {
	Owner   string
	Session string
	Page    Page
}

// Webhooks keeps webhooks. Every method is atomic and safe for concurrent use. A webhook
// goes with its owner; one of a single session goes with the session.
type Webhooks interface {
	// Create keeps w and where it begins. ErrExists.
	Create(ctx context.Context, w Webhook, begin []WebhookCursor) error
	Get(ctx context.Context, id string) (Webhook, error)
	List(ctx context.Context, q WebhookQuery) ([]Webhook, string, error) // by id
	// Update: as Users.Update.
	Update(ctx context.Context, id string, change func(*Webhook) error) (Webhook, error)
	// Delete removes the webhook with its cursors and deliveries. ErrNotFound.
	Delete(ctx context.Context, id string) error
}
