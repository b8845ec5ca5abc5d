package service

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Errors of the rules. The API gives each a status and a stable code.
var (
	// ErrUnauthorized says that there is no token, or none that is still good.
	ErrUnauthorized = errors.New("not logged in")
	// ErrWrongLogin says that email and password do not belong together; it does not say which is wrong.
	ErrWrongLogin = errors.New("wrong email or password")
	// ErrForbidden says that the caller may not do this.
	ErrForbidden = errors.New("not allowed")
	// ErrScope says that the API key was not given what this call needs.
	ErrScope = errors.New("this is not in the scopes of the API key")
	// ErrKeySession says that the API key was not given the session that it would make.
	ErrKeySession = errors.New("the API key is for other sessions only")
	// ErrAddress says that the API key may not be used from this address.
	ErrAddress = errors.New("api key may not be used from this address")
	// ErrEmailTaken says that another user has this email.
	ErrEmailTaken = errors.New("email is taken")
	// ErrSessionTaken says that another session has this id.
	ErrSessionTaken = errors.New("session id is taken")
	// ErrTooManySessions says that the user has as many sessions as one may have.
	ErrTooManySessions = errors.New("too many sessions")
	// ErrTooManyWebhooks says that the owner has as many webhooks as anybody may have.
	ErrTooManyWebhooks = errors.New("too many webhooks")
	// ErrReplayRunning says that the webhook is being replayed already.
	ErrReplayRunning = errors.New("a replay is running")
	// ErrIdempotencyReused says that the key was used for another request.
	ErrIdempotencyReused = errors.New("idempotency key was used for another request")
	// ErrIdempotencyRunning says that the first request with this key has not ended.
	ErrIdempotencyRunning = errors.New("request with this idempotency key is still running")
)

// Invalid says which fields are wrong and why.
type Invalid map[string]string

// Error lists the fields.
func (i Invalid) Error() string {
	var parts []string
	for _, field := range slices.Sorted(maps.Keys(i)) {
		parts = append(parts, field+" "+i[field])
	}
	return strings.Join(parts, "; ")
}

// TooMany says that the caller has to slow down.
type TooMany struct{ After time.Duration }

// Error says how long to wait.
func (t TooMany) Error() string { return fmt.Sprintf("too many attempts; wait %s", t.After) }
