package service

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// limiter bounds how often something may happen per key (an account, an address). It
// remembers a bounded number of keys and forgets those that were idle longest.
type limiter struct {
	mu    sync.Mutex
	every time.Duration
	burst int
	keys  *lru.Cache[string, *rate.Limiter]
}

func newLimiter(burst int, every time.Duration) *limiter {
	const most = 100_000
	keys, err := lru.New[string, *rate.Limiter](most)
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

// spend takes one try from key.
func (l *limiter) spend(key string) { l.of(key).Allow() }

// refill gives key all its tries back.
func (l *limiter) refill(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys.Remove(key)
}
