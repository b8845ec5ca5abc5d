package sandbox

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"google.golang.org/protobuf/proto"
)

// patience is for a loaded machine: a client makes 812 keys at its first login.
const patience = 60 * time.Second

// rootKey is the one key of all servers of the test process, because whatsmeow
// trusts one key per process.
func rootKey() []byte { return []byte("the sandbox's root key for tests") }

func TestMain(m *testing.M) {
	if dir := os.Getenv("SANDBOX_TEST_SERVER"); dir != "" {
		serveUntilKilled(dir)
	}
	s, err := Open(Config{Root: rootKey()})
	if err != nil {
		panic(err)
	}
	whatsmeow.WACertPubKey, err = s.Info().CertKey()
	if err != nil {
		panic(err)
	}
	if err := s.Close(); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m,
		// whatsmeow ends this one a minute after the last piece of history.
		goleak.IgnoreTopFunction("go.mau.fi/whatsmeow.(*Client).handleHistorySyncNotificationLoop"),
		// And loses this one when a connection ends while frames are still unread.
		goleak.IgnoreTopFunction("go.mau.fi/whatsmeow/socket.(*FrameSocket).frameComplete"),
	)
}

func testLog(t testing.TB) *zap.Logger {
	if os.Getenv("SANDBOX_TEST_LOG") == "" {
		return zap.NewNop()
	}
	return zaptest.NewLogger(t)
}

func openServer(t testing.TB) *Server {
	t.Helper()
	s, err := Open(Config{Root: rootKey(), Log: testLog(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func newPhone(t testing.TB, s *Server, number, name string) *Phone {
	t.Helper()
	p, err := s.NewPhone(number, name)
	require.NoError(t, err)
	return p
}

// within is a context that ends with the test or when patience is at its end.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// client is an unmodified whatsmeow client that writes down what happens to it.
type client struct {
	*whatsmeow.Client
	t         testing.TB
	container *sqlstore.Container

	mu      sync.Mutex
	events  []any
	changed chan struct{}
}

func openContainer(t testing.TB) *sqlstore.Container {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "client.db")+"?_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(off)")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	container := sqlstore.NewWithDB(db, "sqlite3", waLog.Noop)
	require.NoError(t, container.Upgrade(t.Context()))
	return container
}

// newClient makes a client that is not linked yet, on a store of its own.
func newClient(t testing.TB, info Info) *client {
	t.Helper()
	container := openContainer(t)
	return clientOn(t, info, container, container.NewDevice())
}

func clientOn(t testing.TB, info Info, container *sqlstore.Container, device *store.Device) *client {
	t.Helper()
	log := waLog.Noop
	if os.Getenv("SANDBOX_TEST_LOG") != "" {
		log = waLog.Stdout("client", "DEBUG", false)
	}
	c := &client{Client: whatsmeow.NewClient(device, log), t: t, container: container}
	web, err := info.HTTPClient()
	require.NoError(t, err)
	c.SetWebsocketHTTPClient(web)
	c.SetPreLoginHTTPClient(web)
	c.SetMediaHTTPClient(web)
	c.AddEventHandler(c.note)
	t.Cleanup(func() {
		c.Disconnect()
		web.CloseIdleConnections()
	})
	return c
}

func (c *client) note(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, event)
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// waitEvents waits until count events of one type satisfy a condition, and
// returns all that do.
func waitEvents[T any](c *client, count int, is func(T) bool) []T {
	c.t.Helper()
	timeout := time.After(patience)
	for {
		c.mu.Lock()
		var found []T
		for _, e := range c.events {
			if event, ok := e.(T); ok && (is == nil || is(event)) {
				found = append(found, event)
			}
		}
		if c.changed == nil {
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		if len(found) >= count {
			return found
		}
		select {
		case <-changed:
		case <-timeout:
			c.t.Fatalf("waited for %d events %T, got %d", count, *new(T), len(found))
		}
	}
}

// forget drops the events noted so far.
func (c *client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = nil
}

// link shows a QR code, lets the phone scan it and waits for the login.
func (c *client) link(p *Phone) int {
	c.t.Helper()
	require.NoError(c.t, c.Connect())
	qr := waitEvents[*events.QR](c, 1, nil)[0]
	number, err := p.Scan(within(c.t), qr.Codes[0])
	require.NoError(c.t, err)
	waitEvents[*events.PairSuccess](c, 1, nil)
	waitEvents[*events.Connected](c, 1, nil)
	return number
}

// settle waits until the client has fetched the app state for the first time. whatsmeow must not
// delete its store meanwhile: it does not lock what it then reads.
func (c *client) settle() {
	c.t.Helper()
	waitEvents[*events.AppStateSyncComplete](c, len(appstate.AllPatchNames), nil)
}

// linked makes a client that is linked to the phone.
func linked(t testing.TB, s *Server, p *Phone) *client {
	t.Helper()
	c := newClient(t, s.Info())
	c.link(p)
	return c
}

func (c *client) messages(count int) []*events.Message {
	c.t.Helper()
	return waitEvents(c, count, func(m *events.Message) bool { return textOf(m) != "" })
}

func textOf(m *events.Message) string {
	if text := m.Message.GetConversation(); text != "" {
		return text
	}
	return m.Message.GetExtendedTextMessage().GetText()
}

func (c *client) say(to types.JID, text string) whatsmeow.SendResponse {
	c.t.Helper()
	r, err := c.SendMessage(within(c.t), to, &waE2E.Message{Conversation: proto.String(text)})
	require.NoError(c.t, err)
	return r
}

// waitReceipt waits until the phone has a receipt that satisfies a condition.
func waitReceipt(t testing.TB, p *Phone, is func(Receipt) bool) Receipt {
	t.Helper()
	for n := 0; ; {
		list, err := p.WaitReceipts(within(t), n, 1)
		require.NoError(t, err)
		for _, r := range list {
			if n = r.N; is(r) {
				return r
			}
		}
	}
}

func jidOf(p *Phone) types.JID { return p.account.pnJID(0) }
func lidOf(p *Phone) types.JID { return p.account.lidJID(0) }
