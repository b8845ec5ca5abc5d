package whatsapp

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"whatsapp-api/store"
)

// recentSends bounds the messages whose status a session remembers in memory.
const recentSends = 256

// recent remembers the status of messages that were sent a moment ago, so that their
// receipts, which come at once, need not be looked up in the store. A status here is never
// behind the store's: a message is remembered from when it is queued, and only then, its status is
// raised before the unit that raises it there is kept, and all is forgotten when one could not be
// kept. Were it begun later, as when it was sent, a receipt that came before would be unknown.
type recent struct {
	mu       sync.Mutex
	statuses *lru.Cache[store.MessageKey, string]
}

func newRecent() *recent {
	statuses, err := lru.New[store.MessageKey, string](recentSends)
	if err != nil { // only for a size below one
		panic(err)
	}
	return &recent{statuses: statuses}
}

// status is what is remembered of a message.
func (r *recent) status(k store.MessageKey) (string, bool) { return r.statuses.Get(k) }

// begin remembers a message that is queued and was not known before.
func (r *recent) begin(k store.MessageKey) { r.statuses.Add(k, store.StatusQueued) }

// raise remembers the status of a message that is remembered, unless a higher one is known.
func (r *recent) raise(k store.MessageKey, status string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now, ok := r.statuses.Peek(k); ok && store.StatusRises(now, status) {
		r.statuses.Add(k, status)
	}
}

// drop forgets a message.
func (r *recent) drop(k store.MessageKey) { r.statuses.Remove(k) }

// forget is for when something was not kept.
func (r *recent) forget() { r.statuses.Purge() }
