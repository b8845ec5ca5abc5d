package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// Tokens gives out access tokens and checks them: JWT (RFC 7519) signed with HS256 and no
// other algorithm, each with an expiry and an id whose record can be taken away.
type Tokens struct {
	records store.Tokens
	users   store.Users
	key     []byte
	ttl     time.Duration
	now     func() time.Time
	keys    *Keys // nil: API keys are not accepted

	// known spares the store a look-up for each call. What this process revokes ends at once, what another
	// does when the store tells of it; an entry lives shortly, for when it cannot.
	known *lru.Cache[string, knownToken]

	mu    sync.Mutex
	ended chan struct{} // closed and replaced when a token was revoked or a user changed
}

type knownToken struct {
	caller service.Caller
	until  time.Time
}

// knownFor is how long a checked token is trusted without a look at the store.
const knownFor = 5 * time.Second

// NewTokens makes the rules of tokens, signed with key and good for ttl.
func NewTokens(records store.Tokens, users store.Users, key []byte, ttl time.Duration) *Tokens {
	known, err := lru.New[string, knownToken](10_000)
	if err != nil { // only for a size below one
		panic(err)
	}
	return &Tokens{records: records, users: users, key: key, ttl: ttl, now: time.Now, known: known, ended: make(chan struct{})}
}

// WithKeys makes Check accept API keys too, and tells open streams when one changes.
func (t *Tokens) WithKeys(k *Keys) *Tokens {
	t.keys, k.changed = k, t.tell
	return t
}

// Issue makes a token for a user.
func (t *Tokens) Issue(ctx context.Context, u store.User) (token string, expires time.Time, err error) {
	at := t.now().UTC().Truncate(time.Second)
	r := store.Token{ID: service.NewID("tok_"), UserID: u.ID, CreatedAt: at, ExpiresAt: at.Add(t.ttl)}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject: u.ID, ID: r.ID, IssuedAt: jwt.NewNumericDate(at), ExpiresAt: jwt.NewNumericDate(r.ExpiresAt),
	}).SignedString(t.key)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign token: %w", err)
	}
	if err := t.records.Create(ctx, r); err != nil {
		return "", time.Time{}, fmt.Errorf("keep token: %w", err)
	}
	return signed, r.ExpiresAt, nil
}

// Check says whose token or API key it is. service.ErrUnauthorized: it is not good, or no longer.
func (t *Tokens) Check(ctx context.Context, token string) (service.Caller, error) {
	if t.keys != nil && strings.HasPrefix(token, keyMark) {
		return t.keys.Check(ctx, token)
	}
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return t.key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(t.now))
	if err != nil || claims.ID == "" || claims.Subject == "" {
		return service.Caller{}, service.ErrUnauthorized
	}
	if k, ok := t.known.Get(claims.ID); ok && t.now().Before(k.until) && k.caller.User.ID == claims.Subject {
		return k.caller, nil
	}
	r, err := t.records.Get(ctx, claims.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.UserID != claims.Subject {
		return service.Caller{}, service.ErrUnauthorized
	}
	if err != nil {
		return service.Caller{}, fmt.Errorf("check token: %w", err)
	}
	u, err := t.users.Get(ctx, r.UserID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !u.Active {
		return service.Caller{}, service.ErrUnauthorized
	}
	if err != nil {
		return service.Caller{}, fmt.Errorf("check token: %w", err)
	}
	c := service.Caller{User: u, TokenID: r.ID, ExpiresAt: r.ExpiresAt}
	t.known.Add(claims.ID, knownToken{c, t.now().Add(knownFor)})
	return c, nil
}

// RevokeAll ends all tokens of a user but the one with id except (may be empty).
func (t *Tokens) RevokeAll(ctx context.Context, userID, except string) error {
	if err := t.records.DeleteOf(ctx, userID, except); err != nil {
		return fmt.Errorf("revoke tokens: %w", err)
	}
	t.Changed(userID)
	return nil
}

// Changed forgets what is remembered of a user's tokens, and lets open streams look again.
func (t *Tokens) Changed(userID string) {
	for _, id := range t.known.Keys() {
		if k, ok := t.known.Peek(id); ok && k.caller.User.ID == userID {
			t.known.Remove(id)
		}
	}
	if t.keys != nil {
		t.keys.Changed()
	}
	t.tell()
}

// ChangedElsewhere forgets all that is remembered of tokens, keys and users, since another process has changed
// some, and lets open streams look again.
func (t *Tokens) ChangedElsewhere() {
	t.known.Purge()
	if t.keys != nil {
		t.keys.Changed()
	}
	t.tell()
}

// tell lets open streams look again.
func (t *Tokens) tell() {
	t.mu.Lock()
	close(t.ended)
	t.ended = make(chan struct{})
	t.mu.Unlock()
}

// Revoke ends one token: a log-out. One that has ended already is no error.
func (t *Tokens) Revoke(ctx context.Context, who service.Caller) error {
	if err := t.records.Delete(ctx, who.TokenID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("revoke token: %w", err)
	}
	t.Changed(who.User.ID)
	return nil
}

// Ended is closed when some token was revoked or some user changed: whoever holds a stream
// open checks his token again.
func (t *Tokens) Ended() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended
}
