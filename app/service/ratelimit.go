package service

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Rates bounds how many calls one user, key and address may make per second.
type Rates struct {
	callers   *limiter
	addresses *limiter
}

// addressShare is how many callers' worth of calls may come from one address, which many
// callers can share.
const addressShare = 4

// NewRates makes the limits; perSecond 0 is without limit. A burst of two seconds' calls is let
// through.
func NewRates(perSecond int) *Rates {
	if perSecond <= 0 {
		return nil
	}
	every := time.Second / time.Duration(perSecond)
	return &Rates{
		callers: newLimiter(2*perSecond, every), addresses: newLimiter(2*addressShare*perSecond, every/addressShare),
	}
}

// Quota is what is left to a caller.
type Quota struct {
	Limit     int           // calls in a burst
	Remaining int           // of them now
	Reset     time.Duration // until all are back
}

// TakeAddress takes one call of an address, of IPv6 of its /64. TooMany.
func (r *Rates) TakeAddress(address string) error {
	address = Neighbourhood(address)
	if r == nil || r.addresses.of(address).Allow() {
		return nil
	}
	return TooMany{After: max(r.addresses.wait(address), time.Second)}
}

// TakeCaller takes one call of a user or key. TooMany. Without limit the quota is zero.
func (r *Rates) TakeCaller(id string) (Quota, error) {
	if r == nil {
		return Quota{}, nil
	}
	l := r.callers.of(id)
	ok := l.Allow()
	left := max(int(l.Tokens()), 0)
	q := Quota{Limit: r.callers.burst, Remaining: left, Reset: time.Duration(r.callers.burst-left) * r.callers.every}
	if !ok {
		return q, TooMany{After: max(r.callers.wait(id), time.Second)}
	}
	return q, nil
}

// limiter bounds how often something may happen per key (a caller, an address). It
// remembers a bounded number of keys and forgets those that were idle longest.
type limiter struct {
	mu    sync.Mutex
	every time.Duration
	burst int
	keys  *lru.Cache[string, *rate.Limiter]
}

// LimitedKeys bounds how many keys (callers, addresses) each limit remembers.
const LimitedKeys = 100_000

func newLimiter(burst int, every time.Duration) *limiter {
	keys, err := lru.New[string, *rate.Limiter](LimitedKeys)
	if err != nil { // only for a size below one
		panic(err)
	}
	return &limiter{every: every, burst: burst, keys: keys}
}

func (l *limiter) of(key string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.keys.Get(key)
	if !ok {
		r = rate.NewLimiter(rate.Every(l.every), l.burst)
		l.keys.Add(key, r)
	}
	return r
}

// wait says how long key has to wait before it may try; zero when it may now. It takes nothing.
func (l *limiter) wait(key string) time.Duration {
	r := l.of(key)
	if missing := 1 - r.Tokens(); missing > 0 {
		return time.Duration(missing * float64(l.every))
	}
	return 0
}
