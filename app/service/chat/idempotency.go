package chat

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// idempotencyFor is how long a key is remembered.
const idempotencyFor = 24 * time.Hour

// Idempotency makes a call with the same key happen once: the first answer is given again.
type Idempotency struct {
	Calls store.Idempotency
	Log   *zap.Logger

	mu      sync.Mutex
	running map[string]bool // keys of calls that run in this process
}

// NewIdempotency makes the rules of idempotent calls.
func NewIdempotency(calls store.Idempotency, log *zap.Logger) *Idempotency {
	return &Idempotency{Calls: calls, Log: log, running: map[string]bool{}}
}

// Answer is what a call answered.
type Answer struct {
	Status    int
	Body      []byte
	MessageID string // that it was sent with
	Replayed  bool
}

// Do runs call unless the key has an answer already. request is what must be the same when
// the key is used again; messageID is the id to send with at the first try, and call gets the
// one to use: a call whose outcome is not known, or whose process died, is run again under
// the id that it had, for as long as it takes: what a later try says is about that try, and the
// message of an earlier one may still be on its way. A call whose only try failed for certain
// is forgotten.
// ErrIdempotencyReused, ErrIdempotencyRunning.
func (i *Idempotency) Do(ctx context.Context, key string, request []byte, messageID string, call func(messageID string) (Answer, error)) (Answer, error) {
	sum := sha256.Sum256(request)
	c, fresh, err := i.Calls.Begin(ctx, store.IdempotentCall{
		Key: key, BodyHash: sum[:], Holder: service.NewID("run_"), MessageID: messageID, CreatedAt: service.Now(), ExpiresAt: service.Now().Add(idempotencyFor),
	})
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("begin idempotent call: %w", err)
	case !bytes.Equal(c.BodyHash, sum[:]):
		return Answer{}, ErrIdempotencyReused
	case !fresh && c.Done:
		return Answer{Status: c.Status, Body: c.Body, MessageID: c.MessageID, Replayed: true}, nil
	case !fresh || !i.enter(key):
		return Answer{}, ErrIdempotencyRunning
	}
	defer i.leave(key)
	a, err := call(c.MessageID)
	ctx = context.WithoutCancel(ctx) // the call has happened, whoever has left meanwhile
	switch {
	case err == nil:
		if err := i.Calls.Finish(ctx, key, a.Status, a.Body); err != nil {
			// The answer is right; a repetition finds the message by its id.
			i.Log.Warn("idempotent answer not kept", zap.Error(err))
		}
	case !unsure(err) && c.MessageID == messageID:
		if err := i.Calls.Release(ctx, key); err != nil {
			i.Log.Warn("idempotency key not released", zap.Error(err))
		}
	}
	return a, err
}

// unsure says that the message may have reached WhatsApp all the same.
func unsure(err error) bool {
	return errors.Is(err, whatsapp.ErrUnconfirmed) || errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.Canceled)
}

func (i *Idempotency) enter(key string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.running[key] {
		return false
	}
	i.running[key] = true
	return true
}

func (i *Idempotency) leave(key string) {
	i.mu.Lock()
	delete(i.running, key)
	i.mu.Unlock()
}
