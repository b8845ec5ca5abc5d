package account

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"
)

// cost of a password hash, as OWASP recommends for argon2id: 19 MiB, two passes, one lane.
var cost = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Limits of a password. The upper one bounds the work that a stranger can ask for.
const (
	MinPassword = 10
	MaxPassword = 1024 // bytes
)

// hasher hashes passwords, a few at a time, since each takes 19 MiB and a core.
type hasher struct{ slots chan struct{} }

func newHasher() *hasher { return &hasher{slots: make(chan struct{}, 2)} }

func (h *hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hash makes a PHC string.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer func() { <-h.slots }()
	return argon2id.CreateHash(password, cost)
}

// nobody is a hash that no password matches; checking against it takes as long as against
// a real one.
var nobody = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, cost.Memory, cost.Iterations, cost.Parallelism,
	base64.RawStdEncoding.EncodeToString(make([]byte, cost.SaltLength)), base64.RawStdEncoding.EncodeToString(make([]byte, cost.KeyLength)))

// matches says whether the password belongs to the PHC string.
func (h *hasher) matches(ctx context.Context, password, phc string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer func() { <-h.slots }()
	good, err := argon2id.ComparePasswordAndHash(password, phc)
	if err != nil {
		return false, fmt.Errorf("stored password hash: %w", err)
	}
	return good, nil
}

// checkPassword says what is wrong with a new password, or "".
func checkPassword(p string) string {
	switch {
	case len([]rune(p)) < MinPassword:
		return fmt.Sprintf("needs %d characters or more", MinPassword)
	case len(p) > MaxPassword:
		return fmt.Sprintf("may have %d bytes at most", MaxPassword)
	}
	return ""
}
