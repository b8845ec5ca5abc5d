package service

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// limiter bounds how often something may happen per key (a caller, an address). It
// remembers a bounded number of keys and forgets those that were idle longest.
type limiter struct {
	mu    sync.Mutex
	every time.Duration
	burst int
	keys  *lru.Cache[string, *rate.Limiter]
}

// limitedKeys bounds how many keys each limit remembers.
const limitedKeys = 100_000

func newLimiter(burst int, every time.Duration) *limiter {
	keys, err := lru.New[string, *rate.Limiter](limitedKeys)
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

// failures bounds how often something may fail per key: burst times at once, then once in a while.
// A try that is under way may fail yet, so it takes a place until it ends; who finds none left but
// such waits for one to end. What succeeds counts for nothing.
type failures struct {
	burst int
	every time.Duration

	mu   sync.Mutex
	keys *lru.Cache[string, *tries]
}

// tries is what is known of a key.
type tries struct {
	failed float64 // that count still; one less for each time.Duration every that passes
	at     time.Time
	flying int
	ended  chan struct{} // closed and replaced when a try ends
}

func newFailures(burst int, every time.Duration) *failures {
	keys, err := lru.New[string, *tries](limitedKeys)
	if err != nil { // only for a size below one
		panic(err)
	}
	return &failures{burst: burst, every: every, keys: keys}
}

// begin begins a try, whose end must be told. TooMany; or ctx ended while others were under way.
func (f *failures) begin(ctx context.Context, key string) (end func(failed bool), err error) {
	for {
		f.mu.Lock()
		t := f.now(key)
		if over := t.failed + 1 - float64(f.burst); over > 0 {
			f.mu.Unlock()
			return nil, TooMany{After: time.Duration(over * float64(f.every))}
		}
		if t.failed+float64(t.flying)+1 <= float64(f.burst) {
			t.flying++
			f.mu.Unlock()
			return func(failed bool) { f.end(t, failed) }, nil
		}
		ended := t.ended
		f.mu.Unlock()
		select {
		case <-ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// now needs mu. It is what counts at this moment.
func (f *failures) now(key string) *tries {
	t, ok := f.keys.Get(key)
	if !ok {
		t = &tries{at: time.Now(), ended: make(chan struct{})}
		f.keys.Add(key, t)
	}
	f.forget(t)
	return t
}

// forget needs mu.
func (f *failures) forget(t *tries) {
	at := time.Now()
	t.failed, t.at = max(0, t.failed-float64(at.Sub(t.at))/float64(f.every)), at
}

func (f *failures) end(t *tries, failed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(t)
	t.flying--
	if failed {
		t.failed++
	}
	close(t.ended)
	t.ended = make(chan struct{})
}
