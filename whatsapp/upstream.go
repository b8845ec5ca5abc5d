package whatsapp

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow"
)

// Upstream is the WhatsApp server to talk to when it is not the real one.
type Upstream struct {
	Transport *http.Transport // leads every connection to that server
	CertKey   [32]byte        // public key of the root that signs its certificates
}

// trusted is the root that this process trusts in place of WhatsApp's. It stands for
// whatsmeow.WACertPubKey, which is one variable for the process and is read without a lock
// at every handshake: so it is set once, before the first connection.
var trusted struct {
	sync.Mutex
	key *[32]byte
}

// trust makes whatsmeow trust the upstream's root. A second, different upstream in the same
// process is refused with ErrMixed.
func (u *Upstream) trust() error {
	trusted.Lock()
	defer trusted.Unlock()
	if trusted.key == nil {
		whatsmeow.WACertPubKey = u.CertKey
		trusted.key = &u.CertKey
	}
	if *trusted.key != u.CertKey {
		return ErrMixed
	}
	return nil
}

// dialTimeout bounds how long reaching WhatsApp may take, the WebSocket's opening included.
const dialTimeout = 20 * time.Second

// pulse stands for a session's connections: it remembers when the last bytes came, the one
// fact that shows whether the other side is there, and can end them.
type pulse struct {
	at    atomic.Int64
	mu    sync.Mutex
	conns map[*pulsing]bool
	over  bool // no bytes come in any more, from new connections neither
}

func (p *pulse) beat() { p.at.Store(time.Now().UnixNano()) }

// last is when bytes came last; the zero time before any.
func (p *pulse) last() time.Time {
	if n := p.at.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

// client is an HTTP client over base whose connections feed the pulse.
func (p *pulse) client(base *http.Transport) *http.Client {
	t := base.Clone()
	dial := t.DialContext
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return p.add(c), nil
	}
	return &http.Client{Transport: t, Timeout: dialTimeout}
}

func (p *pulse) add(c net.Conn) *pulsing {
	one := &pulsing{c, p}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		p.conns = map[*pulsing]bool{}
	}
	p.conns[one] = true
	if p.over {
		one.hangUp()
	}
	return one
}

// begin lets new connections in, after hangUp.
func (p *pulse) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = false
}

// hangUp lets no further bytes in. What came before is still handled.
func (p *pulse) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	for c := range p.conns {
		c.hangUp()
	}
}

type pulsing struct {
	net.Conn
	pulse *pulse
}

func (c *pulsing) hangUp() {
	_ = c.SetReadDeadline(time.Unix(1, 0)) // a connection that is closed already needs none
}

func (c *pulsing) Close() error {
	c.pulse.mu.Lock()
	delete(c.pulse.conns, c)
	c.pulse.mu.Unlock()
	return c.Conn.Close()
}

func (c *pulsing) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.pulse.beat()
	}
	return n, err
}
