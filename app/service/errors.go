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
	// ErrForbidden says that the caller may not do this.
	ErrForbidden = errors.New("not allowed")
	// ErrScope says that the API key was not given what this call needs.
	ErrScope = errors.New("this is not in the scopes of the API key")
	// ErrKeySession says that the API key was not given the session that it would make.
	ErrKeySession = errors.New("the API key is for other sessions only")
	// ErrAddress says that the API key may not be used from this address.
	ErrAddress = errors.New("api key may not be used from this address")
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
