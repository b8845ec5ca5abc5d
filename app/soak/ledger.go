package main

import (
	"fmt"
	"slices"
	"sync"
)

// ledger holds what was sent, on both sides.
type ledger struct {
	mu       sync.Mutex
	chats    map[chatKey]*chat
	byID     map[inKey]*inbound
	shuffled map[string]bool // sessions to which the wire is not in order now
	epoch    int
	cuts     []span // in which deliveries were cut off
	wakes    []wake
	wrong    []string // what happened that must not, beside losses
}

// chatKey names a chat of a session with a contact, by the contact's number, or with a group, by
// its address.
type chatKey struct{ session, contact string }

// inKey names a message that comes to a session. One that is written in a group comes to several.
type inKey struct{ session, id string }

// chat is what was sent in it, each direction in its order.
type chat struct {
	in  []*inbound
	out []*outbound

	tail int // so many of in have to be seen until the wire is in order again
}

// inbound is a message of a contact, which the sandbox has taken.
type inbound struct {
	id    string
	chat  chatKey
	text  string // how it begins
	loose bool   // may have been out of order on the wire already
	seen  bool   // by the WebSocket client
	epoch int    // in which it was sent
}

// outbound is a message to a contact, which REST has answered for.
type outbound struct{ id, text string }

func newLedger() *ledger {
	return &ledger{chats: map[chatKey]*chat{}, byID: map[inKey]*inbound{}, shuffled: map[string]bool{}}
}

// chat needs mu.
func (l *ledger) chat(k chatKey) *chat {
	c := l.chats[k]
	if c == nil {
		c = &chat{}
		l.chats[k] = c
	}
	return c
}

// writing is called before a contact writes a text that begins so, which comes to these chats. What
// it returns notes the messages after.
func (l *ledger) writing(text string, to ...chatKey) (wrote func(ids []string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	loose, epoch := map[chatKey]bool{}, l.epoch
	for _, k := range to {
		l.chat(k)
		loose[k] = l.loose(k)
	}
	return func(ids []string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, k := range to {
			c := l.chat(k)
			for _, id := range ids {
				m := &inbound{id: id, chat: k, text: text, loose: loose[k] || l.loose(k), epoch: epoch}
				c.in = append(c.in, m)
				l.byID[inKey{k.session, id}] = m
			}
		}
	}
}

// chatOf is the chat in which a message has come; false while it is not noted.
func (l *ledger) chatOf(m inKey) (chatKey, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in := l.byID[m]
	if in == nil {
		return chatKey{}, false
	}
	return in.chat, true
}

// known lists chats in which something came, and ids of messages, of a session.
func (l *ledger) known(session string) (chats, ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, c := range l.chats {
		if k.session != session {
			continue
		}
		if len(c.in) > 0 {
			chats = append(chats, k.contact)
			ids = append(ids, c.in[len(c.in)-1].id)
		}
		for _, m := range c.out {
			ids = append(ids, m.id)
		}
	}
	slices.Sort(chats)
	slices.Sort(ids)
	return chats, ids
}

func (l *ledger) sent(k chatKey, m outbound) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.chat(k)
	c.out = append(c.out, &m)
}

// loose needs mu. It says whether what is sent now may overtake, or be overtaken, on the wire.
func (l *ledger) loose(k chatKey) bool {
	c := l.chats[k]
	return l.shuffled[k.session] || slices.ContainsFunc(c.in[:c.tail], func(m *inbound) bool { return !m.seen })
}

// shuffle says that from now on the wire to a session is out of order. What was not seen
// by now may be concerned too.
func (l *ledger) shuffle(session string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shuffled[session] = true
	for k, c := range l.chats {
		if k.session == session {
			for _, m := range c.in {
				m.loose = m.loose || !m.seen
			}
		}
	}
}

// ordered says that the wire is in order again, once all that was sent by now has come.
func (l *ledger) ordered(session string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shuffled[session] = false
	for k, c := range l.chats {
		if k.session == session {
			c.tail = len(c.in)
		}
	}
}

// saw notes that a message has come out.
func (l *ledger) saw(session, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.byID[inKey{session, id}]; m != nil {
		m.seen = true
	}
}

// unseen counts the messages that have not come out yet.
func (l *ledger) unseen() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.byID {
		if !m.seen {
			n++
		}
	}
	return n
}

// newEpoch begins a time in which nothing can be kept. since lists what was sent in it.
func (l *ledger) newEpoch() (epoch int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++
	return l.epoch
}

func (l *ledger) since(epoch int) map[inKey]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := map[inKey]bool{}
	for id, m := range l.byID {
		if m.epoch >= epoch {
			ids[id] = true
		}
	}
	return ids
}

// violation notes something that must not happen.
func (l *ledger) violation(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	progress("VIOLATION: %s", text)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, text)
}

// totals counts the messages in both directions.
func (l *ledger) totals() (in, out int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.chats {
		in, out = in+len(c.in), out+len(c.out)
	}
	return in, out
}
