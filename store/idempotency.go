package store

import (
	"context"
	"time"
)

// IdempotentCall is a call that was made with an idempotency key.
type IdempotentCall struct {
	Key       string // scope and client's key, at most 512 bytes
	BodyHash  []byte // of the request
	Holder    string // the process that runs it; another process may take it over
	MessageID string // the message id that this call sends with, the same at every try
	CreatedAt time.Time
	ExpiresAt time.Time
	Done      bool
	Status    int    // of the answer
	Body      []byte // of the answer
}

// Idempotency keeps calls by their key until they expire.
type Idempotency interface {
	// Begin keeps c when there is no unexpired call with its key (at c.CreatedAt) and returns it with
	// fresh=true; else it returns the call that is there. A call that is not done and whose
	// Holder differs from c.Holder is taken over when its BodyHash is the same: its Holder becomes
	// c.Holder, its MessageID stays, and it is returned with fresh=true.
	Begin(ctx context.Context, c IdempotentCall) (call IdempotentCall, fresh bool, err error)
	// Finish keeps the answer. ErrNotFound.
	Finish(ctx context.Context, key string, status int, body []byte) error
	// Release forgets a call that failed in a way that makes a new try worthwhile.
	Release(ctx context.Context, key string) error
	DeleteExpired(ctx context.Context, now time.Time) (int, error)
}
