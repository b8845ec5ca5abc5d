package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/store"
)

// Failed logins that are let through at once, and how long it takes to get one back.
const (
	accountTries, accountEvery = 5, 30 * time.Second
	addressTries, addressEvery = 20, 3 * time.Second
)

// Login lets users in. Only failures count against the limits, per account and per address,
// and the answer to a wrong password and to an unknown user is the same and takes the same time.
type Login struct {
	accounts  *Accounts
	byAccount *limiter
	byAddress *limiter
}

// NewLogin makes the rules of logging in.
func NewLogin(a *Accounts) *Login {
	return &Login{accounts: a, byAccount: newLimiter(accountTries, accountEvery), byAddress: newLimiter(addressTries, addressEvery)}
}

// Grant is an access token with what belongs to it.
type Grant struct {
	Token     string
	ExpiresAt time.Time
	User      store.User
}

// Do checks email and password and gives out a token. ErrWrongLogin, TooMany.
func (l *Login) Do(ctx context.Context, email, password, address string) (Grant, error) {
	email = NormalEmail(email)
	if wait := max(l.byAccount.wait(email), l.byAddress.wait(address)); wait > 0 {
		return Grant{}, TooMany{After: wait}
	}
	// The try is paid for before it is known to fail, so that many at once cannot slip through.
	l.byAccount.spend(email)
	l.byAddress.spend(address)
	u, err := l.accounts.Users.ByEmail(ctx, email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Grant{}, fmt.Errorf("log in: %w", err)
	}
	hash := u.PasswordHash
	if err != nil || !u.Active {
		hash = nobody
	}
	if len(password) > MaxPassword {
		password = password[:MaxPassword]
		hash = nobody
	}
	good, err := l.accounts.hasher.matches(ctx, password, hash)
	if err != nil {
		return Grant{}, fmt.Errorf("check password: %w", err)
	}
	if !good {
		l.accounts.Log.Info("login failed", zap.String("address", address))
		return Grant{}, ErrWrongLogin
	}
	l.byAccount.refill(email)
	if u, err = l.accounts.touchLogin(ctx, u.ID, now()); err != nil {
		return Grant{}, fmt.Errorf("log in: %w", err)
	}
	token, expires, err := l.accounts.Tokens.Issue(ctx, u)
	if err != nil {
		return Grant{}, err
	}
	return Grant{Token: token, ExpiresAt: expires, User: u}, nil
}
