package mongo

import (
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"

	"whatsapp-api/store"
)

// missedMost bounds how many messages a line remembers not to be there.
const missedMost = 256

// missed are messages that were looked up and are not there, so that the unit that makes
// them need not look again. As long as nobody else writes the session that stays true, and
// once somebody does, this process's next unit is refused.
type missed struct {
	mu    sync.Mutex
	times int64                      // rises whenever what a look-up found may have changed
	ids   *lru.LRU[string, struct{}] // nil in an idle session
}

// now is to be given to add by who is about to look something up.
func (m *missed) now() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.times
}

// add says that these messages were looked up and are not there.
func (m *missed) add(since int64, ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.times != since {
		return
	}
	if m.ids == nil {
		m.ids, _ = lru.NewLRU[string, struct{}](missedMost, nil) // fails for a size below one only
	}
	for _, id := range ids {
		m.ids.Add(id, struct{}{})
	}
}

// made takes out what a unit made.
func (m *missed) made(u store.Unit) {
	if len(u.Messages) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.times++
	if m.ids == nil {
		return
	}
	for _, one := range u.Messages {
		m.ids.Remove(messageID(u.Session, one.MessageKey))
	}
}

// forget is for when somebody else may have written.
func (m *missed) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.times++
	m.ids = nil
}

// without leaves out those that are known not to be there.
func (m *missed) without(ids []string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ids == nil {
		return ids
	}
	return slices.DeleteFunc(slices.Clone(ids), m.ids.Contains)
}
