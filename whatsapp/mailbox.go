package whatsapp

import "sync"

// mailbox carries signals from whatsmeow's goroutines to a session's loop. Posting never
// waits and nothing is dropped.
type mailbox struct {
	mu   sync.Mutex
	all  []any
	wake chan struct{}
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

func (m *mailbox) post(signal any) {
	m.mu.Lock()
	m.all = append(m.all, signal)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default: // it is awake already
	}
}

// next takes the oldest signal; nil when there is none.
func (m *mailbox) next() any {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.all) == 0 {
		return nil
	}
	first := m.all[0]
	m.all = m.all[1:]
	if len(m.all) > 0 {
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
	return first
}
