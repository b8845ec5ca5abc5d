package sandbox

import (
	"crypto/cipher"
	"errors"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

// rawClient speaks the transport and nothing else: for what real clients never
// do, and for measuring without their cost.
type rawClient struct {
	t           testing.TB
	ws          *websocket.Conn
	read, write cipher.AEAD
	reads       uint32
	writes      uint32
	frames      frameBuffer
}

// dialRaw does the client's side of the handshake.
func dialRaw(t testing.TB, info Info, static *keys.KeyPair, payload *waWa6.ClientPayload) *rawClient {
	t.Helper()
	web, err := info.HTTPClient()
	require.NoError(t, err)
	ws, _, err := websocket.Dial(t.Context(), "wss://web.whatsapp.com/ws/chat", &websocket.DialOptions{HTTPClient: web})
	require.NoError(t, err)
	ws.SetReadLimit(maxFrame)
	r := &rawClient{t: t, ws: ws}
	r.frames.started = true // the server sends no intro
	t.Cleanup(func() {
		_ = ws.CloseNow()
		web.CloseIdleConnections()
	})
	ephemeral := keys.NewKeyPair()
	n, err := newNoise(intro())
	require.NoError(t, err)
	n.mixHash(ephemeral.Pub[:])
	r.sendHandshake(intro(), &waWa6.HandshakeMessage{ClientHello: &waWa6.HandshakeMessage_ClientHello{Ephemeral: ephemeral.Pub[:]}})
	var hello waWa6.HandshakeMessage
	frame, err := r.frame()
	require.NoError(t, err)
	require.NoError(t, proto.Unmarshal(frame, &hello))
	theirs := hello.GetServerHello().GetEphemeral()
	n.mixHash(theirs)
	require.NoError(t, n.mixKey(ephemeral.Priv[:], theirs))
	server, err := n.open(hello.GetServerHello().GetStatic())
	require.NoError(t, err)
	require.NoError(t, n.mixKey(ephemeral.Priv[:], server))
	_, err = n.open(hello.GetServerHello().GetPayload())
	require.NoError(t, err)
	sealed := n.seal(static.Pub[:])
	require.NoError(t, n.mixKey(static.Priv[:], theirs))
	raw, err := proto.Marshal(payload)
	require.NoError(t, err)
	r.sendHandshake(nil, &waWa6.HandshakeMessage{ClientFinish: &waWa6.HandshakeMessage_ClientFinish{Static: sealed, Payload: n.seal(raw)}})
	r.write, r.read, err = n.split()
	require.NoError(t, err)
	return r
}

func (r *rawClient) sendHandshake(before []byte, m *waWa6.HandshakeMessage) {
	r.t.Helper()
	raw, err := proto.Marshal(m)
	require.NoError(r.t, err)
	r.sendBytes(append(append(before, frameHeader(len(raw))...), raw...))
}

func (r *rawClient) sendBytes(data []byte) {
	r.t.Helper()
	require.NoError(r.t, r.ws.Write(r.t.Context(), websocket.MessageBinary, data))
}

func (r *rawClient) frame() ([]byte, error) {
	for {
		frame, err := r.frames.next()
		if frame != nil || err != nil {
			return frame, err
		}
		_, data, err := r.ws.Read(within(r.t))
		if err != nil {
			return nil, err
		}
		r.frames.push(data)
	}
}

func (r *rawClient) send(n node) {
	r.t.Helper()
	r.sendPlain(mustEncode(n))
}

func (r *rawClient) sendPlain(plain []byte) {
	r.t.Helper()
	sealed := r.write.Seal(nil, noiseIV(r.writes), plain, nil)
	r.writes++
	r.sendBytes(append(frameHeader(len(sealed)), sealed...))
}

func (r *rawClient) next() (*node, error) {
	frame, err := r.frame()
	if err != nil {
		return nil, err
	}
	plain, err := r.read.Open(nil, noiseIV(r.reads), frame, nil)
	if err != nil {
		return nil, err
	}
	r.reads++
	return decodeNode(plain)
}

// await reads on to the next stanza with that tag.
func (r *rawClient) await(tag string) *node {
	r.t.Helper()
	for {
		n, err := r.next()
		require.NoError(r.t, err)
		if n.Tag == tag {
			return n
		}
	}
}

func (r *rawClient) query(n node) *node {
	r.t.Helper()
	n.Attrs["id"] = messageID()
	r.send(n)
	for {
		answer := r.await("iq")
		if attrString(answer, "id") == n.Attrs["id"] {
			return answer
		}
	}
}

// rawDevice links a device without a client, and returns its Noise key.
func rawDevice(t testing.TB, p *Phone) (*device, *keys.KeyPair) {
	t.Helper()
	static, identity := keys.NewKeyPair(), keys.NewKeyPair()
	signed := identity.CreateSignedPreKey(1)
	number, err := p.account.nextDevice(p.server)
	require.NoError(t, err)
	d := newDevice(p.account, number)
	d.noise, d.greeted = *static.Pub, true
	d.keys = publicKeys{1, *identity.Pub, publicKey{1, signed.Pub[:]}, signed.Signature[:]}
	require.NoError(t, p.server.addDevice(t.Context(), d))
	return d, static
}

func loginPayload(d *device) *waWa6.ClientPayload {
	return &waWa6.ClientPayload{
		Username: proto.Uint64(d.account.pnJID(0).UserInt()), Device: proto.Uint32(uint32(d.number)), Passive: proto.Bool(true),
	}
}

// rawLogin is a device that has logged in and takes delivery.
func rawLogin(t testing.TB, p *Phone) (*rawClient, *device) {
	t.Helper()
	d, static := rawDevice(t, p)
	r := dialRaw(t, p.server.Info(), static, loginPayload(d))
	r.await("success")
	r.query(el("iq", attrs{"type": "set", "xmlns": "passive", "to": serverJID()}, el("active", nil)))
	return r, d
}

func TestLoginWithForeignKey(t *testing.T) {
	s := openServer(t)
	ann := newPhone(t, s, "12025550100", "Ann")
	d, _ := rawDevice(t, ann)
	unknown := &waWa6.ClientPayload{Username: proto.Uint64(12025550199), Device: proto.Uint32(1)}
	without := &waWa6.ClientPayload{Username: proto.Uint64(12025550100)}
	for _, payload := range []*waWa6.ClientPayload{loginPayload(d), unknown, without} {
		r := dialRaw(t, s.Info(), keys.NewKeyPair(), payload)
		require.Equal(t, "401", attrString(r.await("failure"), "reason"))
	}
}

func TestUnknownQueriesAreAnswered(t *testing.T) {
	s := openServer(t)
	r, _ := rawLogin(t, newPhone(t, s, "12025550100", "Ann"))
	for _, q := range []struct{ xmlns, kind, answer string }{
		{"never:heard:of", "get", "result"},
		{"w:p", "get", "result"},
		{"urn:xmpp:whatsapp:dirty", "set", "result"},
		{"w:m", "set", "error"},
		{"usync", "get", "error"},
		{"w:profile:picture", "get", "error"},
		{"abt", "get", "result"},
		{"blocklist", "get", "result"},
		{"encrypt", "get", "result"},
		{"encrypt", "set", "error"},
		{"w:sync:app:state", "set", "error"},
	} {
		answer := r.query(el("iq", attrs{"type": q.kind, "xmlns": q.xmlns, "to": serverJID()}))
		require.Equal(t, q.answer, attrString(answer, "type"), q.xmlns)
	}
	group := r.query(el("iq", attrs{"type": "get", "xmlns": "w:g2", "to": types.NewJID("1203630", types.GroupServer)}, el("query", nil)))
	e, ok := childOf(group, "error")
	require.True(t, ok)
	require.Equal(t, "item-not-found", attrString(e, "text"))
}

// A client that sends what cannot be read loses its connection and harms
// nobody else.
func TestBrokenClient(t *testing.T) {
	s := openServer(t)
	ann := newPhone(t, s, "12025550100", "Ann")
	for _, plain := range [][]byte{{}, {0}, {0, 248, 1}, {2, 1, 2, 3}, {0, 248, 2, 250, 0}} {
		r, _ := rawLogin(t, ann)
		r.sendPlain(plain)
		var err error
		for err == nil {
			_, err = r.next()
		}
		require.False(t, errors.Is(err, errBadNode), "%v", err)
	}
	r, _ := rawLogin(t, ann)
	r.query(el("iq", attrs{"type": "get", "xmlns": "w:p", "to": serverJID()}))
}

// A second copy of a message is acknowledged and nothing else; the same id of
// another sender is another message.
func TestSameMessageTwice(t *testing.T) {
	s := openServer(t)
	ann, bob := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	r, d := rawLogin(t, ann)
	to := bob.account.lidJID(0)
	m := el("message", attrs{"id": "SAME", "to": to, "type": "text"},
		el("participants", nil, el("to", attrs{"jid": to}, leaf("enc", attrs{"v": "2", "type": "msg"}, []byte("not decryptable at all, but never mind")))))
	for range 3 {
		r.send(m)
	}
	got := map[string]int{}
	for got["ack"] < 3 || got["receipt"] < 1 {
		n, err := r.next()
		require.NoError(t, err)
		got[n.Tag]++
		if n.Tag == "receipt" {
			require.Equal(t, "retry", attrString(n, "type")) // Bob's phone cannot read it, and asks once
		}
	}
	require.Equal(t, uint64(3), s.Stats().MessagesIn)
	require.Equal(t, 1, got["receipt"])
	c := s.change()
	require.True(t, d.repeated(c, "SAME"))
	require.False(t, d.repeated(c, "OTHER"))
}

func BenchmarkBurst(b *testing.B) { burst(b, openServer(b)) }

func BenchmarkBurstOnDisk(b *testing.B) {
	s, err := Open(Config{Root: rootKey(), DataDir: b.TempDir()})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	burst(b, s)
}

// burst measures how fast messages are encrypted, and how fast those that
// are encrypted go out.
func burst(b *testing.B, s *Server) {
	ann, bob := newPhone(b, s, "12025550100", "Ann"), newPhone(b, s, "12025550101", "Bob")
	r, d := rawLogin(b, ann)
	const size = 5000
	b.ResetTimer()
	var encrypting, pushing time.Duration
	for range b.N {
		d.queue.wake(nil) // hold the connection back while the messages are encrypted
		start := time.Now()
		_, err := bob.Send(b.Context(), Outgoing{To: ann.Number(), Text: "message {n}", Count: size})
		require.NoError(b, err)
		encrypting += time.Since(start)
		start = time.Now()
		c := d.online()
		d.queue.wake(c.nudge)
		c.nudge()
		for got := 0; got < size; {
			frame, err := r.frame()
			require.NoError(b, err)
			_ = frame
			got++
		}
		pushing += time.Since(start)
	}
	b.ReportMetric(float64(size*b.N)/pushing.Seconds(), "stanzas/s")
	b.ReportMetric(float64(size*b.N)/encrypting.Seconds(), "encrypted/s")
}
