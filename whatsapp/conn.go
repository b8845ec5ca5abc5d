package whatsapp

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/whatsapp/keys"
)

// conn is one whatsmeow client with the device it speaks for. It lives through reconnects,
// but not through a failure to keep something: then a new one takes over, so that whatever
// the old one still had in its queue is refused and comes again, in order.
type conn struct {
	s      *Session
	dev    *keys.Device
	client *whatsmeow.Client
	mail   *mailbox
	pulse  *pulse
	out    *outlet
	in     *backlog
	idle   func() // closes connections that nobody uses

	ctx    context.Context // ends when the conn is closed
	cancel context.CancelFunc

	gate    sync.RWMutex          // held for reading while something is handled
	refuse  atomic.Bool           // nothing more is kept, so nothing more is acknowledged
	leaving atomic.Bool           // the end is on purpose
	unlink  atomic.Bool           // the account is gone: forget the keys when the conn is closed
	online  atomic.Bool           // logged in, as far as the loop knows
	toldAt  atomic.Int64          // when app state was told last; Unix milliseconds
	loginAt atomic.Int64          // when it was logged in last; Unix milliseconds
	untold  map[string]keys.Moved // collections of app state that may not have been told before this conn; the worker's
	working atomic.Bool           // the session's workers run
	fresh   atomic.Bool           // there was a login since the workers looked
	missed  atomic.Int32          // pings without answer, in a row
	resends atomic.Bool           // what is queued is being sent
	owed    atomic.Int32          // messages of which it is said that WhatsApp has them, before that is kept
	framing sync.RWMutex          // held for reading while whatsmeow sends, else while something goes past it
	members memberships           // of groups, where they have changed since whatsmeow asked
	work    sync.WaitGroup
}

func newConn(s *Session, dev *keys.Device) *conn {
	c := &conn{s: s, dev: dev, mail: newMailbox(), pulse: &pulse{}, in: &backlog{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.out = newOutlet(func() { _ = dev.Settled(context.Background()) }) // it fails with that context only
	dev.Whatsmeow().Container = container{dev.Whatsmeow().Container}
	dev.Whatsmeow().MsgSecrets = secrets{s}
	dev.Whatsmeow().EventBuffer = decryption{dev.Whatsmeow().EventBuffer, c}
	w := whatsmeow.NewClient(dev.Whatsmeow(), clientLog{s.log.Named("whatsmeow"), c.in})
	web, media := c.pulse.client(s.m.base), (&pulse{}).client(s.m.base)
	c.out.over(web)
	web.Transport = greeted{web.Transport.(*http.Transport)}
	media.Timeout = 0 // a large file takes its time; callers bound it
	c.idle = func() {
		web.CloseIdleConnections()
		media.CloseIdleConnections()
	}
	w.SetWebsocketHTTPClient(web)
	w.SetPreLoginHTTPClient(web)
	w.SetMediaHTTPClient(media)
	w.BackgroundEventCtx = c.ctx
	w.SynchronousAck = true
	w.EnableDecryptedEventBuffer = true
	w.AutomaticMessageRerequestFromPhone = true
	w.EmitAppStateEventsOnFullSync = true // names, archived and pinned chats come with it
	// The loop reconnects: with jitter, a limit, and after a look at the store.
	w.EnableAutoReconnect = false
	w.DisableLoginAutoReconnect = true
	w.DisableManualHistorySyncReceipt = true // the phone gets it when a part is read
	w.ManualHistorySyncDownload = true       // whatsmeow's own loop would outlive the session
	// Sent messages are in our own store, so whatsmeow need not keep a second copy of each.
	w.GetMessageForRetry = c.sentMessage
	w.AddEventHandlerWithSuccessStatus(c.handle)
	c.client = w
	return c
}

// handle is whatsmeow's event handler. False means: not kept, so do not acknowledge. It
// must never panic: whatsmeow takes a panic for success.
func (c *conn) handle(event any) (kept bool) {
	c.gate.RLock()
	defer c.gate.RUnlock()
	if c.refuse.Load() {
		return false
	}
	defer func() {
		if p := recover(); p != nil {
			c.s.log.Error("event handler panicked", zap.String("event", fmt.Sprintf("%T", event)), zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			kept = c.answer(event, fmt.Errorf("%w: %v", errPanicked, p))
		}
	}()
	return c.answer(event, c.dispatch(event))
}

// close ends the conn: what is being handled is finished, then nothing more is.
func (c *conn) close() {
	c.leaving.Store(true)
	c.s.live.CompareAndSwap(c, nil)
	c.hangUp()
	c.client.Disconnect() // of a socket that is gone: what waits for another, for up to 5 s, waits no more
	c.gate.Lock()
	c.refuse.Store(true)
	c.gate.Unlock()
	c.cancel()
	c.work.Wait()
	c.idle()
}

// logout tells WhatsApp that this device leaves, as whatsmeow's Logout does, but leaves
// closing the socket and deleting the keys to the loop.
func (c *conn) logout(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.s.m.cfg.SendTimeout)
	defer cancel()
	_, err := c.client.DangerousInternals().SendIQ(ctx, whatsmeow.DangerousInfoQuery{
		Namespace: "md", Type: "set", To: types.ServerJID,
		Content: []waBinary.Node{{
			Tag: "remove-companion-device", Attrs: waBinary.Attrs{"jid": c.dev.Whatsmeow().GetJID(), "reason": "user_initiated"},
		}},
	})
	return err
}

// usable says whether something can be sent now. It asks nobody who might be waiting for the
// network: whatsmeow holds its lock over a whole dial and handshake.
func (c *conn) usable() bool { return c != nil && !c.refuse.Load() && c.online.Load() }

// loggedIn says whether the socket is open and WhatsApp took the login. Only the loop asks, which
// does not connect meanwhile.
func (c *conn) loggedIn() bool { return c.client.IsConnected() && c.client.IsLoggedIn() }

// sentMessage finds a message that this session sent, for a recipient who could not read it.
func (c *conn) sentMessage(_, to types.JID, id types.MessageID) *waE2E.Message {
	keys, err := c.chatKeys(c.ctx, to)
	if err != nil {
		return nil
	}
	m, err := c.s.m.cfg.Store.Messages().Find(c.ctx, c.s.id, keys, id)
	if err != nil || !m.FromMe || len(m.Raw) == 0 {
		return nil
	}
	var msg waE2E.Message
	if err := proto.Unmarshal(m.Raw, &msg); err != nil {
		c.s.log.Warn("stored message unreadable", zap.Error(err))
		return nil
	}
	return &msg
}
