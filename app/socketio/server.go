package socketio

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Config says how clients are served. Every duration and size must be set.
type Config struct {
	PingInterval   time.Duration // between two signs of life that are asked for
	PingTimeout    time.Duration // for the client's answer
	ConnectTimeout time.Duration // for a client to connect to the namespace, and for a change of transport
	WriteTimeout   time.Duration // for one write to a client, before it is cut
	Patience       time.Duration // with a client that takes nothing of what waits for it, before Send gives it up

	MaxPayload int // bytes of a client's request or frame
	Room       int // bytes that may wait for a client before Send waits
	Packets    int // packets, likewise; with twice as many it is cut, for what it asks for without reading
	Inbox      int // packets of a client that may wait to be worked on, or come before it is connected; with more it is cut

	// Connect is called when a client connects to the namespace, with what it brings along. With an error it
	// is refused, may try again until ConnectTimeout, and learns Refusal(err): a message, and plain data.
	Connect func(c *Conn, auth json.RawMessage) (Client, error)
	Refusal func(c *Conn, err error) (message string, data any)

	// Opened is called for each connection before anything else. What it returns is called once: when the
	// client is connected to the namespace, or has ended.
	Opened func() (known func())

	// Slow is called when a client takes nothing for as long as a write may last.
	Slow func()

	// Refuse answers a request that is none of the protocol's, or comes too late.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, detail string)
}

// Client is what a connected client is to whoever uses this package.
type Client interface {
	// Begin is called once the client has been told that it is connected. It may not wait.
	Begin()
	// Event is called with each event of the client, one after the other. answer does nothing if no
	// acknowledgement was asked for; it takes what has JSON, at any time.
	Event(name string, args []json.RawMessage, answer func(any))
}

// Server serves clients of Socket.IO. It is an http.Handler for their one path.
type Server struct {
	cfg      Config
	upgrader websocket.Upgrader
	work     sync.WaitGroup // requests, and what runs beside them

	mu     sync.Mutex
	conns  map[string]*Conn
	closed bool
}

// New makes a Server. Whoever calls it must call Close.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, conns: map[string]*Conn{}}
	s.upgrader = websocket.Upgrader{
		CheckOrigin: func(*http.Request) bool { return true }, // whoever stands in front has decided that
		Error: func(w http.ResponseWriter, r *http.Request, status int, _ error) {
			s.cfg.Refuse(w, r, status, "The handshake is not one of RFC 6455.")
		},
	}
	return s
}

// ServeHTTP answers a request of Engine.IO. One by WebSocket lasts as long as the connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		s.cfg.Refuse(w, r, http.StatusServiceUnavailable, "The server stops.")
		return
	}
	defer s.work.Done()
	q := r.URL.Query()
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	transport, sid := q.Get("transport"), q.Get("sid")
	switch {
	case q.Get("EIO") != "4" || q.Has("j") || q.Has("b64"):
		s.cfg.Refuse(w, r, http.StatusBadRequest, "Only Engine.IO 4 is spoken here: use socket.io-client 4.x.")
		return
	case transport != "polling" && transport != "websocket" || upgrade != (transport == "websocket"):
		s.cfg.Refuse(w, r, http.StatusBadRequest, "transport is polling, or websocket in a request that asks for one.")
		return
	case r.Method != http.MethodGet && (r.Method != http.MethodPost || upgrade || sid == ""):
		s.cfg.Refuse(w, r, http.StatusBadRequest, "GET begins and reads a connection, POST writes to it.")
		return
	}
	var c *Conn
	if sid != "" {
		if c = s.find(sid); c == nil {
			s.cfg.Refuse(w, r, http.StatusBadRequest, "This connection has ended, or never was.")
			return
		}
	}
	switch {
	case upgrade:
		s.webSocket(w, r, c)
	case c == nil:
		if c = s.open(r, nil); c == nil {
			s.cfg.Refuse(w, r, http.StatusServiceUnavailable, "The server stops.")
			return
		}
		c.poll(w, r)
	case r.Method == http.MethodGet:
		c.poll(w, r)
	default:
		c.post(w, r)
	}
}

// enter says whether a request may be served; it is waited for then.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

// Close cuts every connection and returns when nothing of them runs any more.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	all := make([]*Conn, 0, len(s.conns))
	for _, c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		c.Close()
	}
	s.work.Wait()
}

func (s *Server) find(id string) *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.conns[id]; c != nil && c.ctx.Err() == nil {
		return c
	}
	return nil
}

// greeting is the first packet of a connection.
type greeting struct {
	ID           string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int64    `json:"pingInterval"` // milliseconds
	PingTimeout  int64    `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

// open begins a connection that polls, or is a WebSocket; nil when the server is closed.
func (s *Server) open(r *http.Request, socket *websocket.Conn) *Conn {
	c := &Conn{
		s: s, id: rand.Text(), request: r, socket: socket, inbox: make(chan []byte, s.cfg.Inbox),
		more: make(chan struct{}, 1), moved: make(chan struct{}, 1),
	}
	c.ctx, c.end = context.WithCancel(context.WithoutCancel(r.Context()))
	hello := greeting{c.id, []string{}, s.cfg.PingInterval.Milliseconds(), s.cfg.PingTimeout.Milliseconds(), s.cfg.MaxPayload}
	if socket == nil {
		hello.Upgrades = append(hello.Upgrades, "websocket")
	}
	first, err := json.Marshal(hello)
	if err != nil {
		panic(err) // plain values
	}
	c.add(append([]byte{engineOpen}, first...))
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		c.end()
		return nil
	}
	s.conns[c.id] = c
	s.work.Add(1)
	s.mu.Unlock()
	c.known = sync.OnceFunc(s.cfg.Opened())
	go func() {
		defer s.work.Done()
		c.live()
	}()
	return c
}

// forget ends what is known of a connection.
func (s *Server) forget(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c.id)
}
