package whatsapp_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"whatsapp-api/store"
	"whatsapp-api/store/sqlite"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// world is the WhatsApp of all tests here, since whatsmeow trusts one root per process.
var world *sandbox.Server

func TestMain(m *testing.M) { goleak.VerifyTestMain(worldly{m}) }

type worldly struct{ m *testing.M }

func (w worldly) Run() int {
	var err error
	if world, err = sandbox.Open(sandbox.Config{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := w.m.Run()
	if err := world.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// rig is a manager that runs on a store of its own.
type rig struct {
	t     testing.TB
	store store.Store
	m     *whatsapp.Manager
	stop  func()
}

// quick are waits short enough for tests.
func quick() whatsapp.Timing {
	t := whatsapp.DefaultTiming()
	t.BackoffMin, t.BackoffMax, t.Watch, t.StoreProbe = 10*time.Millisecond, 100*time.Millisecond, 20*time.Millisecond, 20*time.Millisecond
	return t
}

func run(t testing.TB, timing whatsapp.Timing, change ...func(*whatsapp.Config)) *rig {
	t.Helper()
	log := zaptest.NewLogger(t, zaptest.Level(zapcore.ErrorLevel))
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db"), Log: log})
	require.NoError(t, err)
	client, err := world.Info().HTTPClient()
	require.NoError(t, err)
	key, err := world.Info().CertKey()
	require.NoError(t, err)
	cfg := whatsapp.Config{
		Store: st, Log: st.Log(), Logger: log, Upstream: &whatsapp.Upstream{Transport: client.Transport.(*http.Transport), CertKey: key},
		StartConcurrency: 4, QRCodes: 30, SendTimeout: 10 * time.Second, Timing: timing,
	}
	for _, c := range change {
		c(&cfg)
	}
	m, err := whatsapp.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	r := &rig{t: t, store: cfg.Store, m: m}
	var once atomic.Bool
	r.stop = func() {
		if once.CompareAndSwap(false, true) {
			cancel()
			require.NoError(t, <-done)
			require.NoError(t, st.Close())
		}
	}
	t.Cleanup(r.stop)
	return r
}

func (r *rig) create(id string) *whatsapp.Session {
	r.t.Helper()
	at := time.Now().UTC().Truncate(time.Millisecond)
	_, err := r.m.Create(r.t.Context(), store.Session{ID: id, Name: id, OwnerID: "usr_1", Desired: store.DesiredStopped, CreatedAt: at, UpdatedAt: at})
	require.NoError(r.t, err)
	s, err := r.m.Get(r.t.Context(), id)
	require.NoError(r.t, err)
	return s
}

var numbers atomic.Int64

func phone(t testing.TB) *sandbox.Phone {
	t.Helper()
	p, err := world.NewPhone(fmt.Sprintf("34700%06d", numbers.Add(1)), "Somebody")
	require.NoError(t, err)
	return p
}

// link links a session to a new phone.
func (r *rig) link(id string) (*whatsapp.Session, *sandbox.Phone) {
	r.t.Helper()
	p := phone(r.t)
	return r.linkTo(id, p), p
}

// linkTo makes a session and links it to a phone.
func (r *rig) linkTo(id string, p *sandbox.Phone) *whatsapp.Session {
	r.t.Helper()
	s := r.create(id)
	code, err := s.WaitQR(r.t.Context(), 30*time.Second)
	require.NoError(r.t, err)
	_, err = p.Scan(r.t.Context(), code.Text)
	require.NoError(r.t, err)
	r.await(s, whatsapp.Connected, "")
	return s
}

// chatKeys are the keys of the chat with whoever has this address, which may be nobody yet.
func (r *rig) chatKeys(session, address string) []string {
	found, err := r.store.Contacts().Find(context.Background(), session, []string{address})
	require.NoError(r.t, err)
	p, ok := found[address]
	if !ok {
		return []string{address}
	}
	return p.Keys()
}

// await waits for a state; an empty reason fits any.
func (r *rig) await(s *whatsapp.Session, state whatsapp.State, reason string) whatsapp.Snapshot {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 60*time.Second)
	defer cancel()
	for {
		snap, changed := s.Watch()
		if snap.State == state && (reason == "" || snap.Reason == reason) {
			return snap
		}
		select {
		case <-changed:
		case <-ctx.Done():
			r.t.Fatalf("session is %s (%s), not %s (%s)", snap.State, snap.Reason, state, reason)
		}
	}
}

// told lists the names of the session's events, and checks that none is missing.
func (r *rig) told(id string) []string {
	r.t.Helper()
	events, err := r.store.Log().After(r.t.Context(), id, 0, 100_000)
	require.NoError(r.t, err)
	names := []string{}
	for i, e := range events {
		require.EqualValues(r.t, i+1, e.Seq)
		names = append(names, e.Name)
	}
	return names
}
