package chat

import "errors"

// Errors of the rules. The API gives each a status and a stable code.
var (
	// ErrIdempotencyReused says that the key was used for another request.
	ErrIdempotencyReused = errors.New("idempotency key was used for another request")
	// ErrIdempotencyRunning says that the first request with this key has not ended.
	ErrIdempotencyRunning = errors.New("request with this idempotency key is still running")
)
