package deliver

import "errors"

// Errors of the rules. The API gives each a status and a stable code.
var (
	// ErrTooManyWebhooks says that the owner has as many webhooks as anybody may have.
	ErrTooManyWebhooks = errors.New("too many webhooks")
	// ErrReplayRunning says that the webhook is being replayed already.
	ErrReplayRunning = errors.New("a replay is running")
)
