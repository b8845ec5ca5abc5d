package account

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"whatsapp-api/app/service"
)

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
	keys, err := lru.New[string, *tries](service.LimitedKeys)
	if err != nil { // only for a size below one
		panic(err)
	}
	return &failures{burst: burst, every: every, keys: keys}
}

// begin begins a try, whose end must be told. service.TooMany; or ctx ended while others were under way.
func (f *failures) begin(ctx context.Context, key string) (end func(failed bool), err error) {
	for {
		f.mu.Lock()
		t := f.now(key)
		if over := t.failed + 1 - float64(f.burst); over > 0 {
			f.mu.Unlock()
			return nil, service.TooMany{After: time.Duration(over * float64(f.every))}
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
