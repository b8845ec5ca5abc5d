package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"whatsapp-api/store"
)

// Config is what a Manager needs.
type Config struct {
	Store    store.Store
	Log      store.Log // where units go; nil: the store's own. It may wake those who follow
	Logger   *zap.Logger
	Upstream *Upstream // nil: the real WhatsApp

	StartConcurrency int           // sessions that connect at once at start
	QRCodes          int           // codes that a pairing shows before it gives up
	SendTimeout      time.Duration // for WhatsApp's acknowledgement
	QueueMaxAge      time.Duration // of a message without it that is sent again; zero: DefaultQueueMaxAge
	Timing           Timing        // zero: DefaultTiming
}

// Timing holds the waits of a session's loop; tests shorten them.
type Timing struct {
	BackoffMin, BackoffMax time.Duration // between tries to connect, doubled each time, ±50 %
	Resend                 time.Duration // between tries to send what is queued while connected
	Watch                  time.Duration // how often a connection is looked at
	Silence                time.Duration // no bytes for so long: the connection is dead. Pings go every 20–30 s
	QRFirst, QRNext        time.Duration // how long the first code of a round and each further one is shown
	Pairing                time.Duration // from the scan to WhatsApp's word to reconnect
	StoreProbe             time.Duration // before the first look whether the store is back; the waits grow to ten times that
	Leases                 time.Duration // between looks for sessions that have no owner
}

// DefaultQueueMaxAge is how long messages are sent again where nothing else is said.
const DefaultQueueMaxAge = 24 * time.Hour

// DefaultTiming is what real WhatsApp wants.
func DefaultTiming() Timing {
	return Timing{
		BackoffMin: time.Second, BackoffMax: time.Minute,
		Resend: time.Minute, Watch: 5 * time.Second, Silence: 80 * time.Second,
		QRFirst: 60 * time.Second, QRNext: 20 * time.Second,
		Pairing: 15 * time.Second, StoreProbe: 500 * time.Millisecond, Leases: 5 * time.Second,
	}
}

// Manager holds the sessions of this process. It is safe for concurrent use.
type Manager struct {
	cfg   Config
	log   *zap.Logger
	base  *http.Transport
	start chan struct{} // a slot for each session that may log in at once

	histories chan struct{} // holds a token while a history is read

	mu       sync.Mutex
	sessions map[string]*Session
	doubts   int // rises with each change of a session's record
	closing  bool
	running  sync.WaitGroup // loops of sessions
}

// New makes a Manager; nothing runs yet. ErrMixed: this process talks to another WhatsApp.
func New(cfg Config) (*Manager, error) {
	if cfg.Log == nil {
		cfg.Log = cfg.Store.Log()
	}
	if cfg.Timing == (Timing{}) {
		cfg.Timing = DefaultTiming()
	}
	if cfg.QueueMaxAge == 0 {
		cfg.QueueMaxAge = DefaultQueueMaxAge
	}
	if cfg.Timing.Leases <= 0 {
		cfg.Timing.Leases = DefaultTiming().Leases
	}
	silence()
	base := http.DefaultTransport.(*http.Transport)
	if cfg.Upstream != nil {
		if err := cfg.Upstream.trust(); err != nil {
			return nil, err
		}
		base = cfg.Upstream.Transport
	}
	return &Manager{
		cfg: cfg, log: cfg.Logger, base: base, start: make(chan struct{}, max(cfg.StartConcurrency, 1)),
		histories: make(chan struct{}, 1),
		sessions:  map[string]*Session{},
	}, nil
}

// Sandbox says whether the WhatsApp side is not the real one.
func (m *Manager) Sandbox() bool { return m.cfg.Upstream != nil }

// Run makes this process the owner of all sessions that nobody owns, then and when an owner goes, and
// brings back those that were listening. When ctx ends it closes all, and returns when the last
// has ended. They are given back when the store is closed.
func (m *Manager) Run(ctx context.Context) error {
	m.ownFree(ctx)
	m.mu.Lock()
	m.closing = true
	all := make([]*Session, 0, len(m.sessions))
	for _, s := range m.sessions {
		all = append(all, s)
	}
	m.mu.Unlock()
	for _, s := range all {
		s.halt()
	}
	m.running.Wait()
	return nil
}

// ownFree looks for sessions that nobody owns until ctx ends. While the store is away it tries
// again: a server that starts before its database must not forget its sessions.
func (m *Manager) ownFree(ctx context.Context) {
	for {
		next := m.cfg.Timing.Leases
		if err := m.ownAll(ctx); err != nil && ctx.Err() == nil {
			if next = m.cfg.Timing.StoreProbe; !errors.Is(err, store.ErrUnavailable) {
				next = m.cfg.Timing.Leases
			}
			m.log.Warn("could not look for sessions without an owner", zap.Error(err))
		}
		if !sleep(ctx, next) {
			return
		}
	}
}

// ownersAtOnce is how many sessions are acquired at the same time.
const ownersAtOnce = 8

// ownAll makes this process the owner of all sessions that are free. One that fails does not keep it
// from the others.
func (m *Manager) ownAll(ctx context.Context) error {
	free, err := m.cfg.Store.Leases().Free(ctx)
	if err != nil {
		return fmt.Errorf("list free sessions: %w", err)
	}
	var g errgroup.Group
	g.SetLimit(ownersAtOnce)
	failed := make([]error, len(free))
	for i, id := range free {
		g.Go(func() error {
			s, err := m.Get(ctx, id)
			if err == nil {
				err = s.own(ctx)
			}
			if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrFenced) {
				failed[i] = fmt.Errorf("session %s: %w", id, err)
			}
			return nil
		})
	}
	return errors.Join(append(failed, g.Wait())...)
}

// Get finds a session; store.ErrNotFound.
func (m *Manager) Get(ctx context.Context, id string) (*Session, error) {
	r, err := m.cfg.Store.Sessions().Get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("get session: %w", err)
	}
	return m.session(r), nil
}

// Describe puts the live state over a record that was read from the store. Of a session that another
// process owns the store knows best.
func (m *Manager) Describe(r store.Session) store.Session {
	m.mu.Lock()
	s := m.sessions[r.ID]
	m.mu.Unlock()
	if s != nil && s.isOwned() {
		s.Snapshot().overlay(&r)
	}
	return r
}

// Create keeps a new session and tells of it. store.ErrExists: the id is taken.
func (m *Manager) Create(ctx context.Context, r store.Session) (store.Session, error) {
	r.State, r.Since = string(Created), r.CreatedAt
	if err := m.cfg.Store.Sessions().Create(ctx, r); err != nil {
		return store.Session{}, fmt.Errorf("create session: %w", err)
	}
	s := m.session(r)
	if err := s.own(ctx); err != nil {
		return store.Session{}, err
	}
	data := SessionData{Session: s.shape(r)}
	kept, err := m.cfg.Log.Commit(ctx, store.Unit{
		Session: r.ID, Events: []store.Event{newEvent(r.ID, EventSessionInitialized, "created", r.CreatedAt, data)},
	})
	if err != nil {
		return store.Session{}, fmt.Errorf("tell of new session: %w", err)
	}
	r.LastSeq = kept.LastSeq
	return r, nil
}

// Delete unlinks the session's device where it can, and removes everything kept for it.
func (m *Manager) Delete(ctx context.Context, id string) error {
	s, err := m.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := s.own(ctx); err != nil {
		return err
	}
	if err := s.Unlink(ctx); err != nil && !errors.Is(err, ErrNotLinked) {
		// The data go all the same; the phone's list of linked devices shows the device until
		// WhatsApp forgets it.
		m.log.Warn("session deleted without unlinking its device", zap.String("session", id), zap.Error(err))
	}
	s.halt()
	s.mu.Lock()
	s.deleting = true
	s.mu.Unlock()
	if err := m.cfg.Store.Sessions().Delete(ctx, id); err != nil {
		return fmt.Errorf("delete session: %w", err)
	}
	m.mu.Lock()
	delete(m.sessions, id)
	m.mu.Unlock()
	return nil
}

// session is the one Session of a record in this process.
func (m *Manager) session(r store.Session) *Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[r.ID]
	if s == nil {
		s = newSession(m, r)
		m.sessions[r.ID] = s
	}
	s.refresh(r)
	return s
}

// track counts a loop that is about to run; false when the server is stopping.
func (m *Manager) track() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closing {
		return false
	}
	m.running.Add(1)
	return true
}

// sleep waits for d; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Live lists the sessions that this process owns, by id.
func (m *Manager) Live() []*Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]*Session, 0, len(m.sessions))
	for _, s := range m.sessions {
		if s.isOwned() {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *Session) int { return strings.Compare(a.id, b.id) })
	return all
}

// recordAge is how long a record that nobody is known to have changed counts as read: a server that was killed
// in the moment of a change may have told nobody.
const recordAge = 10 * time.Second

// Find is Get with the user who owns the session. Of a session that this process runs it does not look into the
// store again, unless the record was changed since.
func (m *Manager) Find(ctx context.Context, id string) (s *Session, owner string, err error) {
	m.mu.Lock()
	s, doubts := m.sessions[id], m.doubts
	m.mu.Unlock()
	if s != nil {
		if owner, ok := s.knownOwner(doubts); ok {
			return s, owner, nil
		}
	}
	r, err := m.cfg.Store.Sessions().Get(ctx, id)
	if err != nil {
		return nil, "", fmt.Errorf("get session: %w", err)
	}
	s = m.session(r)
	s.sawRecord(doubts)
	return s, r.OwnerID, nil
}

// Changed says that records of sessions were changed, here or by another process: they are read again. now
// are those of which it is known what they are.
func (m *Manager) Changed(now ...store.Session) {
	m.mu.Lock()
	m.doubts++
	m.mu.Unlock()
	for _, r := range now {
		m.session(r)
	}
}

// Reread reads the records of all sessions that this process runs, after Changed: what happens to them is told
// with their names and owners.
func (m *Manager) Reread(ctx context.Context) error {
	var failed error
	for _, s := range m.Live() {
		if _, _, err := m.Find(ctx, s.id); err != nil && !errors.Is(err, store.ErrNotFound) {
			failed = err
		}
	}
	return failed
}

// knownOwner is who owns the session, if its record was read with these doubts, and not long ago.
func (s *Session) knownOwner(doubts int) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record.OwnerID, s.lease.owned && !s.deleting && s.sawDoubts == doubts && time.Since(s.sawAt) < recordAge
}

// sawRecord notes that the session's record was read when there were these doubts.
func (s *Session) sawRecord(doubts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sawDoubts, s.sawAt = doubts, time.Now()
}
