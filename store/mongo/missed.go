package mongo

import (
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"

	"whatsapp-api/store"
)

// missedMost bounds how many messages a line remembers, of each kind.
const missedMost = 256

// missed is what is known not to be there, so that the unit that makes it need not look: messages
// that were looked up, and receipts of messages that this process has just made, but for those that
// came since. As long as nobody else writes the session that stays true, and once somebody does, this
// process's next unit is refused.
type missed struct {
	mu    sync.Mutex
	times int64                             // rises whenever what a look-up found may have changed
	ids   *lru.LRU[string, struct{}]        // nil in an idle session
	born  *lru.LRU[string, map[string]bool] // messages made new, with the receipts that they have; nil in one that sends nothing
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
	if len(u.Messages)+len(u.Receipts) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(u.Messages) > 0 {
		m.times++
	}
	for _, one := range u.Messages {
		id := messageID(u.Session, one.MessageKey)
		if m.ids != nil {
			m.ids.Remove(id)
		}
		if one.New {
			m.bears(id)
		}
	}
	for _, r := range u.Receipts {
		if has, ok := m.of(u.Session, r); ok {
			has[receiptID(u.Session, r)] = true
		}
	}
}

// bears needs mu. It says that a message was made that has no receipts.
func (m *missed) bears(id string) {
	if m.born == nil {
		m.born, _ = lru.NewLRU[string, map[string]bool](missedMost, nil) // fails for a size below one only
	}
	m.born.Add(id, map[string]bool{})
}

// of needs mu. It returns the receipts of a receipt's message, if all of them are known.
func (m *missed) of(session string, r store.Receipt) (has map[string]bool, ok bool) {
	if m.born == nil {
		return nil, false
	}
	return m.born.Get(messageID(session, r.Key))
}

// unsure returns the ids of those receipts that may be there for all that is known. there says that
// one of them is.
func (m *missed) unsure(session string, receipts []store.Receipt) (ids []string, there bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range receipts {
		id := receiptID(session, r)
		if has, ok := m.of(session, r); !ok {
			ids = append(ids, id)
		} else if has[id] {
			return nil, true
		}
	}
	return ids, false
}

// forget is for when somebody else may have written.
func (m *missed) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.times++
	m.ids, m.born = nil, nil
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
