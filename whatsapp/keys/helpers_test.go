package keys_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/libsignal/logger"
	"go.mau.fi/whatsmeow/proto/waAdv"
	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/goleak"

	"whatsapp-api/store"
	"whatsapp-api/store/mongo"
	"whatsapp-api/store/mongo/mongotest"
	"whatsapp-api/store/sqlite"
	"whatsapp-api/whatsapp/keys"
)

// TestMain sets up libsignal's logger: it would do so itself, but not safely for tests
// that run side by side.
func TestMain(m *testing.M) {
	var quiet logger.Loggable = silent{}
	logger.Setup(&quiet)
	goleak.VerifyTestMain(mongotest.Main(m))
}

type silent struct{}

func (silent) Debug(string, string)   {}
func (silent) Info(string, string)    {}
func (silent) Warning(string, string) {}
func (silent) Error(string, string)   {}
func (silent) Configure(string)       {}

const session = "s1"

var (
	ownPN  = types.JID{User: "34600000000", Device: 7, Server: types.DefaultUserServer}
	ownLID = types.JID{User: "900000000000", Device: 7, Server: types.HiddenUserServer}
)

func pn(user string) types.JID  { return types.NewJID(user, types.DefaultUserServer) }
func lid(user string) types.JID { return types.NewJID(user, types.HiddenUserServer) }

// link does what whatsmeow does when it was paired.
func link(t testing.TB, wa *wastore.Device) *wastore.Device {
	t.Helper()
	return linkAs(t, wa, ownPN, ownLID)
}

func linkAs(t testing.TB, wa *wastore.Device, id, lid types.JID) *wastore.Device {
	t.Helper()
	wa.ID, wa.LID = &id, lid
	wa.Account = &waAdv.ADVSignedDeviceIdentity{
		Details: []byte("details"), AccountSignature: make([]byte, 64),
		AccountSignatureKey: make([]byte, 32), DeviceSignature: make([]byte, 64),
	}
	require.NoError(t, wa.Save(context.Background()))
	return wa
}

// backend is a store with one session.
type backend interface {
	Devices() store.Devices
	Log() store.Log
}

type memBackend struct{ *memStore }

func (m memBackend) Devices() store.Devices { return m.memStore }
func (m memBackend) Log() store.Log         { return m.memStore }

func openDevice(t testing.TB, b backend, change ...func(*keys.Config)) *keys.Device {
	t.Helper()
	cfg := keys.Config{Session: session, Devices: b.Devices(), Log: b.Log()}
	for _, c := range change {
		c(&cfg)
	}
	d, err := keys.Open(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close(context.Background()) })
	return d
}

// linkedMem opens a linked device over memory.
func linkedMem(t testing.TB, change ...func(*keys.Config)) (*keys.Device, *memStore) {
	t.Helper()
	m := newMemStore()
	d := openDevice(t, memBackend{m}, change...)
	link(t, d.Whatsmeow())
	return d, m
}

func openSqlite(t testing.TB) store.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	addSession(t, s)
	return s
}

func openMongo(t testing.TB) store.Store {
	t.Helper()
	s, err := mongo.Open(context.Background(), mongo.Config{URI: mongotest.Lone(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	addSession(t, s)
	return s
}

func addSession(t testing.TB, s store.Store) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, s.Users().Create(ctx, store.User{ID: "u1", Email: "a@b.c", Role: store.RoleUser, Active: true}))
	require.NoError(t, s.Sessions().Create(ctx, store.Session{ID: session, OwnerID: "u1", Name: "one", Desired: store.DesiredListening}))
}
