package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp"
)

// ScopeSend is what a key needs to send.
const ScopeSend = "messages:send"

// Sending holds the rules of what goes out. Whoever sends (REST, a bot, a schedule, another façade) does it here:
// who may, that a call with a key happens once, and what a draft may be. That the session is online, the
// recipient's address, and the queue are whatsapp.Session's, which every draft goes through.
type Sending struct {
	Once    *Idempotency
	Observe func(err error, took time.Duration) // told of each try that a draft was given; it must not wait. nil: nobody is told
}

// Draft is something to be sent, of one kind.
type Draft interface {
	// Kind names the kind as idempotency keys have it: a key is good for one kind, and the name is for ever.
	Kind() string
	// Check says which fields are wrong, by their names in requests; none: nothing is.
	Check() service.Invalid
	// Identity is what must be the same when a key is used again. Of a file its digest is enough.
	Identity() ([]byte, error)
	// Send sends the draft under a message id; under an empty one it makes its own.
	Send(ctx context.Context, on *whatsapp.Session, id string) (Sent, error)
}

// Sent is what became of a draft.
type Sent struct {
	ID     string // of the message
	Shape  any    // the message, or what else the kind makes, as clients see it
	Queued bool   // it is kept, and has not gone out
}

// Result is the answer to a send.
type Result struct {
	MessageID string          // also of a send that failed, where it is known
	Body      json.RawMessage // Sent.Shape as it was at the first answer
	Replayed  bool            // the key had been used: nothing was sent now
	Status    int             // of the answer: 201, or 202 for what is only kept so far
}

// Send sends a draft in a session that the caller may act on, once for each key; an empty key is none. Besides what the draft
// itself returns: service.ErrScope, service.Invalid, ErrIdempotencyReused, ErrIdempotencyRunning.
func (s *Sending) Send(ctx context.Context, on service.Target, key string, d Draft) (Result, error) {
	if err := on.Caller.Require(ScopeSend); err != nil {
		return Result{}, err
	}
	if wrong := d.Check(); len(wrong) > 0 {
		return Result{}, wrong
	}
	var id string
	try := func(messageID string) (Answer, error) {
		id = messageID
		began := time.Now()
		sent, err := d.Send(ctx, on.Session, messageID)
		if s.Observe != nil {
			s.Observe(err, time.Since(began))
		}
		if err != nil {
			return Answer{}, err
		}
		id = sent.ID
		raw, err := json.Marshal(sent.Shape)
		status := http.StatusCreated
		if sent.Queued {
			status = http.StatusAccepted
		}
		return Answer{Status: status, Body: raw, MessageID: id}, err
	}
	if key == "" {
		a, err := try("")
		return Result{MessageID: id, Body: a.Body, Status: a.Status}, err
	}
	identity, err := d.Identity()
	if err != nil {
		return Result{}, fmt.Errorf("identity of a draft: %w", err)
	}
	scope := on.Caller.User.ID + "/" + on.Session.ID() + "/" + d.Kind() + "/" + key
	a, err := s.Once.Do(ctx, scope, identity, whatsapp.NewMessageID(), try)
	if a.MessageID != "" {
		id = a.MessageID
	}
	return Result{MessageID: id, Body: a.Body, Replayed: a.Replayed, Status: a.Status}, err
}
