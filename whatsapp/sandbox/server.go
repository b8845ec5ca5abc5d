package sandbox

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"go.uber.org/zap"
)

// Config says how a sandbox runs. The zero value is a sandbox in memory on a
// free port.
type Config struct {
	// Listen is the one TLS address of the WhatsApp side; "" is a free port of
	// 127.0.0.1. Addresses that are not loopback are refused.
	Listen string
	// DataDir is where accounts, links, keys and queues are kept. "" keeps
	// everything in memory alone. What an older program has kept there is upgraded.
	DataDir string
	// Fresh deletes what a sandbox has kept in DataDir, and begins without phones.
	Fresh bool
	// Root is the private key behind Info.CertPublicKey, 32 bytes; nil makes one,
	// or takes the one kept in DataDir. whatsmeow trusts one key per process, so
	// that tests with several sandboxes give all of them the same.
	Root []byte
	// Now is the clock for timestamps and the life of QR codes; nil is time.Now.
	Now func() time.Time
	// Log may be nil.
	Log *zap.Logger
}

// Server is a WhatsApp server with the phones of its users.
type Server struct {
	log   *zap.Logger
	now   func() time.Time
	keys  *serverKeys
	chain []byte // certificates of the handshake, encoded once
	info  Info

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	http   *http.Server
	disk   *disk
	closed sync.Once
	down   error

	ids        atomic.Uint64 // of stanzas the server starts
	seq        atomic.Uint64 // of queued stanzas
	stats      counters
	faults     faults
	happenings happenings
	making     sync.Mutex // held while a phone is made or deleted

	grouping sync.Mutex // held until a change of a group is committed; see change.hold

	mu      sync.RWMutex
	byPhone map[string]*account
	byLID   map[string]*account
	groups  map[string]*group   // by the user part of the address
	refs    map[string]*pairing // QR references on show, and those used
	conns   map[*conn]struct{}
}

// Open starts a sandbox; it serves until Close. ErrData: DataDir holds what this program cannot
// read, and the error says what to do about it.
func Open(cfg Config) (*Server, error) {
	quietSignal()
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		log: cfg.Log, now: cfg.Now, ctx: ctx, cancel: cancel,
		byPhone: make(map[string]*account), byLID: make(map[string]*account),
		groups: make(map[string]*group),
		refs:   make(map[string]*pairing), conns: make(map[*conn]struct{}),
	}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.open(cfg); err != nil {
		cancel()
		return nil, errors.Join(err, s.disk.close())
	}
	return s, nil
}

func (s *Server) open(cfg Config) error {
	listener, err := listenLoopback(cfg.Listen)
	if err != nil {
		return err
	}
	if err := s.load(cfg); err != nil {
		return errors.Join(advise(err, cfg.DataDir), listener.Close())
	}
	tlsConfig, err := s.keys.tlsConfig()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if s.chain, err = s.keys.noiseChain(); err != nil {
		return errors.Join(err, listener.Close())
	}
	address := listener.Addr().String()
	s.info = Info{
		WebSocketURL:  "wss://" + address + "/ws/chat",
		Address:       address,
		CaPem:         s.keys.caPem(),
		CertPublicKey: base64.StdEncoding.EncodeToString(keys.NewKeyPairFromPrivateKey(s.keys.Root).Pub[:]),
		MediaHost:     address,
	}
	s.http = &http.Server{
		Handler:           s.whatsAppSide(),
		TLSConfig:         tlsConfig,
		ReadHeaderTimeout: 20 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          zap.NewStdLog(s.log.Named("http")),
	}
	for _, a := range s.byPhone {
		s.runPhone(a.phone)
	}
	s.wg.Go(func() {
		if err := s.http.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("sandbox stopped serving", zap.Error(err))
		}
	})
	s.log.Info("sandbox serves", zap.String("address", address), zap.Bool("kept", s.disk != nil))
	return nil
}

// listenLoopback refuses addresses that other machines could reach: what runs
// here has no real security.
func listenLoopback(address string) (net.Listener, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("sandbox address: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%w: %s", ErrNotLoopback, address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return listener, nil
}

// load makes the server's keys, or takes them and all else from the disk.
func (s *Server) load(cfg Config) error {
	if cfg.DataDir == "" {
		var err error
		s.keys, err = newServerKeys(cfg.Root)
		return err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("sandbox data: %w", err)
	}
	if cfg.Fresh {
		if err := beginAnew(cfg.DataDir); err != nil {
			return err
		}
	}
	var err error
	if s.disk, err = openDisk(cfg.DataDir, s.log); err != nil {
		return err
	}
	err = s.disk.each("server", func(_ string, value []byte) error {
		s.keys = &serverKeys{}
		return json.Unmarshal(value, s.keys)
	})
	if err != nil {
		return err
	}
	if s.keys == nil {
		if s.keys, err = newServerKeys(cfg.Root); err != nil {
			return err
		}
	}
	if len(cfg.Root) == 32 {
		s.keys.Root = clamp([32]byte(cfg.Root))
	}
	c := s.change()
	c.put("server", s.keys)
	if err := c.commit().wait(s.ctx); err != nil {
		return err
	}
	return s.loadAccounts()
}

// Close ends all connections and goroutines and writes what is not yet on
// disk. It may be called more than once.
func (s *Server) Close() error {
	s.closed.Do(func() {
		s.cancel()
		err := s.http.Close()
		s.mu.RLock()
		for c := range s.conns {
			c.cut()
		}
		s.mu.RUnlock()
		s.wg.Wait()
		s.down = errors.Join(err, s.disk.close())
	})
	return s.down
}

// Info says how to connect.
func (s *Server) Info() Info { return s.info }

// whatsAppSide serves what clients find under WhatsApp's names: the socket,
// and the page in which they look for the newest version of the web client.
func (s *Server) whatsAppSide() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ws/chat", s.serveSocket)
	version := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<script>{"client_revision":%d,"server":"sandbox"}</script>`, clientRevision)
	}
	mux.HandleFunc("GET /{$}", version)
	mux.HandleFunc("GET /sw.js", version)
	return mux
}

// clientRevision is the version named to clients that look for the newest.
const clientRevision = 1045649367

func (s *Server) nextID() string { return fmt.Sprintf("SRV%d", s.ids.Add(1)) }

// later runs f after a while, unless the server is closed before.
func (s *Server) later(d time.Duration, f func()) {
	s.wg.Go(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			f()
		case <-s.ctx.Done():
		}
	})
}

// serverJID is how the server names itself in stanzas: an address, not a text.
func serverJID() types.JID { return types.ServerJID }
