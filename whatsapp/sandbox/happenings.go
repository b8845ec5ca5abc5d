package sandbox

import (
	"sync"
	"sync/atomic"
	"time"
)

// Kinds of happenings, with what their data is.
const (
	PhoneCreated   = "phone_created"   // name
	PhoneDeleted   = "phone_deleted"   // nothing
	PhoneChanged   = "phone_changed"   // what changed: name, on or readReceipts
	DeviceLinked   = "device_linked"   // device
	DeviceUnlinked = "device_unlinked" // device
	DeviceOnline   = "device_online"   // device: a client has logged in
	DeviceOffline  = "device_offline"  // device
	MessageGot     = "message_received"
	MessageSent    = "message_sent"
	ReceiptGot     = "receipt_received"
	TypingSeen     = "typing"
	GroupCreated   = "group_created" // the group, of the phone that made it
	GroupChanged   = "group_changed" // the group now, of the phone that changed it
)

// Happening is something that happened in the sandbox, once it is kept.
type Happening struct {
	N     uint64    `json:"n"` // counts those that somebody followed
	Kind  string    `json:"kind"`
	Phone string    `json:"phone"` // number of whose it is
	At    time.Time `json:"at"`
	Data  any       `json:"data,omitempty"` // Received, Sent, Receipt, Typing, Group or Detail, by kind
}

// Detail is the data of what happens to a phone itself; only what the kind is about is there.
type Detail struct {
	Device       int    `json:"device,omitempty"`
	Name         string `json:"name,omitempty"`
	On           *bool  `json:"on,omitempty"`
	ReadReceipts *bool  `json:"readReceipts,omitempty"`
}

// followed is how many happenings may wait for one who follows them.
const followed = 4096

// happenings tells all that happens to those who follow it.
type happenings struct {
	count atomic.Int32
	mu    sync.Mutex
	last  uint64
	all   map[chan Happening]struct{}
}

// Follow gives all that happens from now on, until stop is called, which must be. Nobody waits for
// who follows: a channel that is full is closed, and its reader has missed something.
func (s *Server) Follow() (list <-chan Happening, stop func()) {
	h := &s.happenings
	ch := make(chan Happening, followed)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = make(map[chan Happening]struct{})
	}
	h.all[ch] = struct{}{}
	h.count.Add(1)
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.leave(ch)
	}
}

// leave ends following; the caller holds h.mu.
func (h *happenings) leave(ch chan Happening) {
	if _, ok := h.all[ch]; ok {
		delete(h.all, ch)
		h.count.Add(-1)
		close(ch)
	}
}

// happened tells that something happened to an account. It never waits. data is asked for only if
// somebody follows, without any lock of this function's own.
func (s *Server) happened(kind string, a *account, data func() any) {
	h := &s.happenings
	if h.count.Load() == 0 {
		return
	}
	what := Happening{Kind: kind, Phone: "+" + a.pn, At: s.now().UTC()}
	if data != nil {
		what.Data = data()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	what.N = h.last
	for ch := range h.all {
		select {
		case ch <- what:
		default:
			h.leave(ch)
		}
	}
}

// detail is data that is there already.
func detail(d Detail) func() any { return func() any { return d } }
