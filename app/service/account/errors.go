package account

import "errors"

// Errors of the rules. The API gives each a status and a stable code.
var (
	// ErrWrongLogin says that email and password do not belong together; it does not say which is wrong.
	ErrWrongLogin = errors.New("wrong email or password")
	// ErrEmailTaken says that another user has this email.
	ErrEmailTaken = errors.New("email is taken")
)
