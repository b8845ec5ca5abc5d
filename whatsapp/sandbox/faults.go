package sandbox

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Kinds of faults. Those of the first group happen at once, to whoever is
// connected; those of the second wait for their occasion.
const (
	FaultCut      = "cut"          // close connections without a word
	FaultFreeze   = "freeze"       // stop reading and writing; TCP stays open
	FaultUnfreeze = "unfreeze"     // go on
	FaultStream   = "stream_error" // code, or conflict: replaced or device_removed
	FaultPreKeys  = "exhaust_prekeys"
	FaultAckDelay = "ack_delay" // acknowledge messages after delayMs
	FaultAckLost  = "ack_lost"  // take messages and never acknowledge them
	FaultAckCut   = "ack_cut"   // take the message, and close before acknowledging
	FaultAckError = "ack_error" // refuse messages with code
	FaultLogin    = "login_failure"
	FaultHello    = "hello_unanswered" // freeze connections that begin, before their handshake is answered
	FaultRepeat   = "repeat"           // deliver messages twice
	FaultReorder  = "reorder"          // hold messages and deliver them in reverse
	FaultCorrupt  = "corrupt"          // deliver messages that cannot be decrypted
)

// Fault is something that goes wrong on request. Its JSON is the body of POST /sandbox/faults. Of
// login failures, 413 and 414 make whatsmeow clients panic and take their process with them.
type Fault struct {
	Kind string `json:"kind" enum:"cut,freeze,unfreeze,stream_error,exhaust_prekeys,ack_delay,ack_lost,ack_cut,ack_error,login_failure,hello_unanswered,repeat,reorder,corrupt"`
	// Phone and Device say whom it concerns; without them it is everybody.
	Phone  string `json:"phone,omitempty" doc:"Whom it concerns; everybody if it is left out"`
	Device int    `json:"device,omitempty" doc:"Which of the phone's clients; all if it is left out"`
	// Count is how often it happens before it is over.
	Count   int `json:"count,omitempty" doc:"How often it happens; 0 is once for a fault with an occasion, -1 is until the faults are cleared"`
	DelayMs int `json:"delayMs,omitempty" doc:"Of ack_delay"`
	Code    int `json:"code,omitempty" doc:"Of ack_error (463, 479, …), stream_error (515, 503, …) and login_failure (401, 402, 403, 405, 503, …)"`
	// Conflict makes a stream_error one of these. The link itself stays; LogoutDevice removes it.
	Conflict   string `json:"conflict,omitempty" enum:"replaced,device_removed" doc:"Makes a stream_error one of these; the link itself stays"`
	Text       string `json:"text,omitempty" doc:"Of login_failure 402, a temporary ban: the reason given"`
	AllowCrash bool   `json:"allowCrash,omitempty" doc:"Must be set for login failures 413 and 414, which end the process of whatsmeow clients"`
}

func (f *Fault) delay() time.Duration { return time.Duration(f.DelayMs) * time.Millisecond }

// faults is those that wait for their occasion.
type faults struct {
	active atomic.Int64
	mu     sync.Mutex
	list   []*waitingFault
}

type waitingFault struct {
	Fault
	account *account // nil is everybody
	left    int      // -1 is without end
}

func (f *faults) any() bool { return f.active.Load() > 0 }

// take uses up one occasion of a fault for this device.
func (f *faults) take(kind string, d *device) (Fault, bool) {
	if !f.any() {
		return Fault{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, w := range f.list {
		if !w.concerns(kind, d) {
			continue
		}
		if w.left > 0 {
			w.left--
		}
		if w.left == 0 {
			f.list = append(f.list[:i:i], f.list[i+1:]...)
			f.active.Store(int64(len(f.list)))
		}
		return w.Fault, true
	}
	return Fault{}, false
}

func (f *faults) pending(kind string, d *device) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.list {
		if w.concerns(kind, d) {
			return true
		}
	}
	return false
}

func (w *waitingFault) concerns(kind string, d *device) bool {
	return w.Kind == kind && (w.account == nil || w.account == d.account) && (w.Device == 0 || w.Device == d.number)
}

func (f *Fault) check() error {
	needsCode := false
	switch f.Kind {
	case FaultCut, FaultFreeze, FaultUnfreeze, FaultPreKeys, FaultAckLost, FaultAckCut, FaultRepeat, FaultReorder, FaultCorrupt:
	case FaultAckDelay:
		if f.DelayMs <= 0 {
			return fmt.Errorf("%w: delayMs is missing", ErrInvalid)
		}
	case FaultStream:
		needsCode = f.Conflict == ""
		if f.Conflict != "" && f.Conflict != "replaced" && f.Conflict != "device_removed" {
			return fmt.Errorf("%w: conflict is replaced or device_removed", ErrInvalid)
		}
	case FaultAckError, FaultLogin:
		needsCode = true
	case FaultHello:
		if f.Phone != "" {
			return fmt.Errorf("%w: a hello does not say of which phone it is", ErrInvalid)
		}
	default:
		return fmt.Errorf("%w: there is no fault of kind %q", ErrInvalid, f.Kind)
	}
	switch {
	case needsCode && (f.Code < 100 || f.Code > 999):
		return fmt.Errorf("%w: code is not between 100 and 999", ErrInvalid)
	case f.Kind == FaultLogin && (f.Code == 413 || f.Code == 414) && !f.AllowCrash:
		return fmt.Errorf("%w: login failure %d ends the process of whatsmeow clients; set allowCrash to have it all the same", ErrInvalid, f.Code)
	case f.Count < -1:
		return fmt.Errorf("%w: count is -1, or more", ErrInvalid)
	case f.Device != 0 && f.Phone == "":
		return fmt.Errorf("%w: a device needs its phone", ErrInvalid)
	}
	return nil
}

// AddFaults lets things go wrong. Either all of them are taken or none.
func (s *Server) AddFaults(list ...Fault) error {
	accounts := make([]*account, len(list))
	for i := range list {
		if err := list[i].check(); err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
		if list[i].Phone == "" {
			continue
		}
		a, err := s.accountOf(list[i].Phone)
		if err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
		if n := list[i].Device; n != 0 && a.device(n) == nil {
			return fmt.Errorf("fault %d: %w: %d", i+1, ErrNoDevice, n)
		}
		accounts[i] = a
	}
	for i, f := range list {
		if err := s.addFault(f, accounts[i]); err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	return nil
}

func (s *Server) addFault(f Fault, a *account) error {
	switch f.Kind {
	case FaultCut:
		s.eachConn(f, a, (*conn).cancelNow)
	case FaultFreeze:
		s.eachConn(f, a, func(c *conn) { c.gate.close() })
	case FaultUnfreeze:
		s.eachConn(f, a, func(c *conn) { c.gate.open() })
	case FaultStream:
		n := el("stream:error", attrs{"code": fmt.Sprint(f.Code)})
		if f.Conflict != "" {
			n = el("stream:error", nil, el("conflict", attrs{"type": f.Conflict}))
			if f.Conflict == "device_removed" {
				n.Attrs = attrs{"code": "401"}
			}
		}
		s.eachConn(f, a, func(c *conn) { c.sendLast(n) })
	case FaultPreKeys:
		return s.exhaust(f, a)
	default:
		w := &waitingFault{Fault: f, account: a, left: f.Count}
		if w.left == 0 {
			w.left = 1
		}
		s.faults.mu.Lock()
		s.faults.list = append(s.faults.list, w)
		s.faults.active.Store(int64(len(s.faults.list)))
		s.faults.mu.Unlock()
	}
	return nil
}

func (c *conn) cancelNow() { c.cancel() }

// eachConn is for the connections that a fault concerns.
func (s *Server) eachConn(f Fault, a *account, do func(*conn)) {
	s.mu.RLock()
	list := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		list = append(list, c)
	}
	s.mu.RUnlock()
	for _, c := range list {
		d := c.linked()
		if a == nil || (d != nil && d.account == a && (f.Device == 0 || f.Device == d.number)) {
			do(c)
		}
	}
}

func (s *Server) exhaust(f Fault, a *account) error {
	c := s.change()
	for _, p := range s.Phones() {
		if a != nil && p.account != a {
			continue
		}
		for _, d := range p.account.companions() {
			if f.Device == 0 || f.Device == d.number {
				d.exhaust(c)
			}
		}
	}
	return c.commit().wait(s.ctx)
}

// Faults is those that still wait for their occasion.
func (s *Server) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	list := []Fault{}
	for _, w := range s.faults.list {
		f := w.Fault
		f.Count = w.left
		list = append(list, f)
	}
	return list
}

// ClearFaults ends all faults; frozen connections go on and held messages are
// delivered.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	s.faults.list = nil
	s.faults.active.Store(0)
	s.faults.mu.Unlock()
	s.eachConn(Fault{}, nil, func(c *conn) {
		c.gate.open()
		c.nudge()
	})
}
