package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// Failed logins that are let through at once, and how long it takes to get one back: of one account
// from one address, of one account from anywhere, and of one address for any account. What one
// address may fail at an account is less than what the account bears, so that one stranger alone
// cannot use that up.
const (
	pairTries, pairEvery       = 5, time.Minute
	accountTries, accountEvery = 100, 36 * time.Second
	addressTries, addressEvery = 20, 3 * time.Second
)

// knownAddressFor is how long an address is known from which a user has logged in. It is known
// until the server stops.
const knownAddressFor = 30 * 24 * time.Hour

// Login lets users in. Only failures count against the limits. Where a user has logged in lately his
// account's failures elsewhere do not count, so that strangers cannot lock him out; the addresses of an
// IPv6 network of 64 bits count as one. The answer to a wrong password and to an unknown user is
// the same and takes the same time.
type Login struct {
	accounts  *Accounts
	byPair    *failures
	byAccount *failures
	byAddress *failures
	known     *lru.Cache[string, time.Time] // pairs by their last good login

	Observe func(outcome string) // told of each login, as ok, wrong or limited; it must not wait
}

// NewLogin makes the rules of logging in.
func NewLogin(a *Accounts) *Login {
	known, err := lru.New[string, time.Time](service.LimitedKeys)
	if err != nil { // only for a size below one
		panic(err)
	}
	return &Login{
		accounts: a, known: known, Observe: func(string) {},
		byPair: newFailures(pairTries, pairEvery), byAccount: newFailures(accountTries, accountEvery), byAddress: newFailures(addressTries, addressEvery),
	}
}

// Grant is an access token with what belongs to it.
type Grant struct {
	Token     string
	ExpiresAt time.Time
	User      store.User
}

// Do checks email and password and gives out a token. ErrWrongLogin, service.TooMany.
func (l *Login) Do(ctx context.Context, email, password, address string) (Grant, error) {
	email = NormalEmail(email)
	pair := email + "\x00" + service.Neighbourhood(address)
	end, err := l.begin(ctx, email, pair, service.Neighbourhood(address))
	if err != nil {
		if errors.As(err, new(service.TooMany)) {
			l.Observe("limited")
		}
		return Grant{}, err
	}
	failed := false
	defer func() { end(failed) }()
	u, err := l.check(ctx, email, password)
	if failed = errors.Is(err, ErrWrongLogin); failed {
		l.Observe("wrong")
		l.accounts.Log.Info("login failed", zap.String("address", address))
	}
	if err != nil {
		return Grant{}, err
	}
	l.known.Add(pair, time.Now())
	if u, err = l.accounts.touchLogin(ctx, u.ID, service.Now()); err != nil {
		return Grant{}, fmt.Errorf("log in: %w", err)
	}
	token, expires, err := l.accounts.Tokens.Issue(ctx, u)
	if err != nil {
		return Grant{}, err
	}
	l.Observe("ok")
	return Grant{Token: token, ExpiresAt: expires, User: u}, nil
}

// begin takes a place under each limit that holds for the pair.
func (l *Login) begin(ctx context.Context, email, pair, network string) (end func(failed bool), err error) {
	limits := []struct {
		of  *failures
		key string
	}{{l.byPair, pair}, {l.byAccount, email}, {l.byAddress, network}}
	if last, ok := l.known.Get(pair); ok && time.Since(last) < knownAddressFor {
		limits = limits[:1]
	}
	var ends []func(bool)
	end = func(failed bool) {
		for _, e := range ends {
			e(failed)
		}
	}
	for _, limit := range limits {
		e, err := limit.of.begin(ctx, limit.key)
		if err != nil {
			end(false)
			return nil, err
		}
		ends = append(ends, e)
	}
	return end, nil
}

// check finds the user whom email and password belong to. ErrWrongLogin.
func (l *Login) check(ctx context.Context, email, password string) (store.User, error) {
	u, err := l.accounts.Users.ByEmail(ctx, email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.User{}, fmt.Errorf("log in: %w", err)
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
		return store.User{}, fmt.Errorf("check password: %w", err)
	}
	if !good {
		return store.User{}, ErrWrongLogin
	}
	return u, nil
}
