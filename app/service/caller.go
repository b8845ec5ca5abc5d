package service

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"whatsapp-api/store"
)

// ScopeLogin is needed by what only a person who has logged in may do: manage keys, users and
// passwords. No key can have it.
const ScopeLogin = "login"

// Caller is who makes a call.
type Caller struct {
	User      store.User
	Key       *store.APIKey // nil: logged in with a password
	TokenID   string        // of the access token, or of the key
	ExpiresAt time.Time     // zero: never
}

// Admin says whether the caller sees everything.
func (c Caller) Admin() bool { return c.User.Role == store.RoleAdmin }

// May says whether the caller's key allows what needs this scope. Whoever has logged in may all
// that his role allows.
func (c Caller) May(scope string) bool {
	return c.Key == nil || slices.ContainsFunc(c.Key.Scopes, func(granted string) bool { return Covers(granted, scope) })
}

// Require is May as an error that names what is missing. ErrScope.
func (c Caller) Require(scope string) error {
	switch {
	case c.May(scope):
		return nil
	case scope == ScopeLogin:
		return fmt.Errorf("%w: no key may do this, log in instead", ErrScope)
	}
	return fmt.Errorf("%w: it needs %s", ErrScope, scope)
}

// MaySession says whether the caller's key allows this session; whose it is, is not asked here.
func (c Caller) MaySession(id string) bool {
	return c.Key == nil || c.Key.Sessions == nil || slices.Contains(c.Key.Sessions, id)
}

// MayFrom says whether the caller's key may be used from this address; an empty one is not known,
// and in no list.
func (c Caller) MayFrom(address string) bool {
	if c.Key == nil || c.Key.Addresses == nil {
		return true
	}
	ip, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(c.Key.Addresses, func(network string) bool {
		p, err := netip.ParsePrefix(network)
		return err == nil && p.Contains(ip.Unmap())
	})
}

// Covers says whether a granted scope includes a needed one.
func Covers(granted, needed string) bool {
	if needed == ScopeLogin {
		return false
	}
	group, _, _ := strings.Cut(needed, ":")
	return granted == "*" || granted == needed || granted == group+":*"
}
