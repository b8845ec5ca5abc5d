package sandbox

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.mau.fi/libsignal/serialize"
	"go.mau.fi/whatsmeow/types"
)

// Phone is the primary device of an account, with a person who can be told
// what to do. It holds the account's private keys, reads everything that is
// sent to the account and answers as a phone does on its own.
type Phone struct {
	server  *Server
	account *account
	wake    chan struct{}
	power   gate          // closed while the phone is off
	stop    func()        // ends its work; set when that begins
	ended   chan struct{} // closed when its work has ended

	mu       sync.Mutex // keys and sessions; held while something is encrypted or decrypted
	signal   *signalStore
	format   *serialize.Serializer
	sent     map[string]*sentMessage // what it sent, to send it again on request
	sentIDs  recent
	peerSent map[string][]byte // the same for what it sent to its own companions
	known    recent            // messages received, by sending device and id
	asked    map[string]int
	box      mailbox
	record   phoneRecord
}

// phoneRecord is what is kept of a phone besides sessions and prekeys.
type phoneRecord struct {
	Registration uint32   `json:"registration"`
	Identity     [32]byte `json:"identity"` // private
	Signed       [32]byte `json:"signed"`   // private
	SignedID     uint32   `json:"signedId"`
	NextPreKey   uint32   `json:"nextPreKey"`
	AppKeyID     []byte   `json:"appKeyId"` // of the app state
	AppKey       []byte   `json:"appKey"`
	AppKeyTime   int64    `json:"appKeyTime"`
	RawID        uint32   `json:"rawId"` // of the account, in what it vouches for
	NameWritten  string   `json:"nameWritten"`
	Off          bool     `json:"off,omitempty"`
}

// Received is a message that the phone got and could read.
type Received struct {
	N         int       `json:"n" doc:"Counts from 1"`
	ID        string    `json:"id"`
	From      string    `json:"from" doc:"Phone number of the account that wrote it"`
	FromLID   string    `json:"fromLid" doc:"The same account by its hidden identity"`
	Device    int       `json:"device" doc:"Of the account that wrote it; 0 is the phone"`
	Chat      string    `json:"chat" doc:"Phone number of the other end, or address of the group"`
	FromMe    bool      `json:"fromMe" doc:"By a companion of this phone"`
	Type      string    `json:"type" doc:"Such as text, reaction, edit, revoke, image, …"`
	Text      string    `json:"text"`
	TargetID  string    `json:"targetId,omitempty" doc:"Of the message that is reacted to, edited or revoked"`
	Address   string    `json:"addressing" enum:"lid,pn" doc:"How it was sent"`
	Timestamp time.Time `json:"timestamp"`
	Raw       []byte    `json:"-"` // the encoded Message
}

// Receipt is what a phone learned about messages it sent.
type Receipt struct {
	N         int       `json:"n"`
	IDs       []string  `json:"ids"`
	From      string    `json:"from"`
	Device    int       `json:"device"`
	Type      string    `json:"type" doc:"Such as delivered, inactive, read, played, retry, …"`
	Timestamp time.Time `json:"timestamp"`
}

// Typing is what somebody is doing in a chat with the phone.
type Typing struct {
	N     int    `json:"n"`
	From  string `json:"from"`
	Chat  string `json:"chat" doc:"Phone number of the other end, or address of the group"`
	State string `json:"state" enum:"composing,recording,paused"`
}

// mailbox is what the person sees. It has a lock of its own, so that looking
// never waits for encryption.
type mailbox struct {
	mu       sync.Mutex
	messages []Received
	receipts []Receipt
	typing   []Typing
	sent     []Sent
	changed  chan struct{}
	received int // numbers given, also to what is not yet shown
	noticed  int
	sentLast int
}

func (b *mailbox) tell() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// Number is the phone number, with +.
func (p *Phone) Number() string { return "+" + p.account.pn }

// LID is the hidden identity of the account, as an address.
func (p *Phone) LID() string { return p.account.lidJID(0).String() }

// Name is the push name that others see.
func (p *Phone) Name() string { return p.account.pushName() }

// Devices is the numbers of the linked companions.
func (p *Phone) Devices() []int {
	list := []int{}
	for _, d := range p.account.companions() {
		list = append(list, d.number)
	}
	return list
}

// Waiting is how many stanzas the companions have not yet acknowledged.
func (p *Phone) Waiting() int {
	waiting := 0
	for _, d := range p.account.companions() {
		waiting += d.queue.len()
	}
	return waiting
}

// Phone finds a phone by its number.
func (s *Server) Phone(phone string) (*Phone, error) {
	a, err := s.accountOf(phone)
	if err != nil {
		return nil, err
	}
	return a.phone, nil
}

// Phones is all phones, by number.
func (s *Server) Phones() []*Phone {
	var list []*Phone
	for _, a := range s.accounts() {
		if a.phone != nil {
			list = append(list, a.phone)
		}
	}
	return list
}

func (s *Server) accountOf(phone string) (*account, error) {
	digits, err := parsePhone(phone)
	if err != nil {
		return nil, err
	}
	a := s.find(types.NewJID(digits, types.DefaultUserServer))
	if a == nil || a.phone == nil {
		return nil, fmt.Errorf("%w: +%s", ErrNoPhone, digits)
	}
	return a, nil
}

// LogoutDevice unlinks a companion, as a person does on the phone's list of
// linked devices.
func (p *Phone) LogoutDevice(number int) error {
	d := p.account.device(number)
	if d == nil || number == 0 {
		return fmt.Errorf("%w: %d", ErrNoDevice, number)
	}
	c := p.server.change()
	p.server.removeDevice(c, d)
	c.then(func() {
		if online := d.online(); online != nil {
			online.deviceRemoved()
		}
	})
	return c.commit().wait(p.server.ctx)
}

// Messages is what the phone received after the one with that number.
func (p *Phone) Messages(after int) []Received {
	p.box.mu.Lock()
	defer p.box.mu.Unlock()
	return tail(p.box.messages, after)
}

// Receipts is what the phone learned about its messages after that number.
func (p *Phone) Receipts(after int) []Receipt {
	p.box.mu.Lock()
	defer p.box.mu.Unlock()
	return tail(p.box.receipts, after)
}

// Typing is what others did in their chats with the phone after that number.
// It is not kept on disk.
func (p *Phone) Typing(after int) []Typing {
	p.box.mu.Lock()
	defer p.box.mu.Unlock()
	return tail(p.box.typing, after)
}

func tail[T any](list []T, after int) []T {
	after = max(0, min(after, len(list)))
	return append([]T{}, list[after:]...)
}

// WaitMessages waits until at least so many messages have come after that
// number, and returns all that have.
func (p *Phone) WaitMessages(ctx context.Context, after, atLeast int) ([]Received, error) {
	return waitFor(ctx, &p.box, func() []Received { return tail(p.box.messages, after) }, atLeast)
}

// WaitReceipts is WaitMessages for receipts.
func (p *Phone) WaitReceipts(ctx context.Context, after, atLeast int) ([]Receipt, error) {
	return waitFor(ctx, &p.box, func() []Receipt { return tail(p.box.receipts, after) }, atLeast)
}

// WaitTyping is WaitMessages for typing.
func (p *Phone) WaitTyping(ctx context.Context, after, atLeast int) ([]Typing, error) {
	return waitFor(ctx, &p.box, func() []Typing { return tail(p.box.typing, after) }, atLeast)
}

func waitFor[T any](ctx context.Context, b *mailbox, read func() []T, atLeast int) ([]T, error) {
	for {
		b.mu.Lock()
		list := read()
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		if len(list) >= atLeast {
			return list, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return list, fmt.Errorf("%d of %d came: %w", len(list), atLeast, context.Cause(ctx))
		}
	}
}

// show puts a message before the person, once the change is kept. The caller
// holds p.mu.
func (p *Phone) show(c *change, m Received) {
	p.box.received++
	m.N = p.box.received
	c.put(p.path("received")+fmt.Sprintf("%08x", m.N), receivedRecord{m, m.Raw})
	c.then(func() {
		p.box.mu.Lock()
		p.box.messages = append(p.box.messages, m)
		p.box.tell()
		p.box.mu.Unlock()
		p.server.happened(MessageGot, p.account, func() any { return m })
	})
}

// receivedRecord adds to a message what its JSON leaves out.
type receivedRecord struct {
	Received
	Raw []byte `json:"raw"`
}

func (p *Phone) showReceipt(c *change, r Receipt) {
	p.box.noticed++
	r.N = p.box.noticed
	c.put(p.path("receipt")+fmt.Sprintf("%08x", r.N), r)
	c.then(func() {
		p.box.mu.Lock()
		p.box.receipts = append(p.box.receipts, r)
		p.box.tell()
		p.box.mu.Unlock()
		p.server.happened(ReceiptGot, p.account, func() any { return r })
	})
}

// noteTyping shows what somebody does in a chat.
func (p *Phone) noteTyping(from *account, in chat, what node) {
	state := what.Tag
	if attrString(&what, "media") == "audio" {
		state = "recording"
	}
	p.box.mu.Lock()
	seen := Typing{N: len(p.box.typing) + 1, From: "+" + from.pn, Chat: in.name(), State: state}
	p.box.typing = append(p.box.typing, seen)
	p.box.tell()
	p.box.mu.Unlock()
	p.server.happened(TypingSeen, p.account, func() any { return seen })
}

// path is the beginning of the phone's keys on disk for one kind of record.
func (p *Phone) path(kind string) string { return kind + "/" + p.account.pn + "/" }

// device is the phone itself among the account's devices.
func (p *Phone) device() *device { return p.account.device(0) }
