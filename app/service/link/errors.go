package link

import "errors"

// Errors of the rules. The API gives each a status and a stable code.
var (
	// ErrSessionTaken says that another session has this id.
	ErrSessionTaken = errors.New("session id is taken")
	// ErrTooManySessions says that the user has as many sessions as one may have.
	ErrTooManySessions = errors.New("too many sessions")
)
