package sandbox

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"whatsapp-api/whatsapp/sandbox/nodetest"

	"github.com/stretchr/testify/require"
)

// baileysDir is where the Node client is kept, with its pinned packages.
const baileysDir = "testdata/baileys"

// baileys is the running client.
type baileys struct {
	t  *testing.T
	in io.WriteCloser

	mu      sync.Mutex
	events  []baileysEvent
	changed chan struct{}
}

type baileysEvent struct {
	Event, Ref, ID, LID, Name, QR, Chat, Type, Text, Reaction, Error string
	FromMe                                                           bool
	Code, Stub                                                       int
	Found                                                            []string
}

func startBaileys(t *testing.T, s *Server, authDir string) *baileys {
	t.Helper()
	script := nodetest.Need(t, "baileys", os.DirFS(baileysDir))
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, []byte(s.Info().CaPem), 0o600))
	cmd := exec.Command("node", script, s.Info().WebSocketURL, ca, authDir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	b := &baileys{t: t, in: in}
	read := make(chan struct{})
	go func() {
		defer close(read)
		b.follow(out)
	}()
	t.Cleanup(func() {
		_ = in.Close() // the script ends with its input
		killer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		<-read
		_ = cmd.Wait()
		killer.Stop()
	})
	return b
}

func (b *baileys) follow(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var e baileysEvent
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue // something that a library prints
		}
		b.mu.Lock()
		b.events = append(b.events, e)
		if b.changed != nil {
			close(b.changed)
			b.changed = nil
		}
		b.mu.Unlock()
	}
}

func (b *baileys) wait(name string, is func(baileysEvent) bool) baileysEvent {
	b.t.Helper()
	timeout := time.After(patience)
	for seen := 0; ; {
		b.mu.Lock()
		for _, e := range b.events[seen:] {
			if e.Event == "failed" {
				b.mu.Unlock()
				b.t.Fatalf("Baileys: %s", e.Error)
			}
			if e.Event == name && (is == nil || is(e)) {
				b.mu.Unlock()
				return e
			}
		}
		seen = len(b.events)
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-timeout:
			b.t.Fatalf("waited for %q of Baileys, which said %+v", name, b.said())
		}
	}
}

// said is the last that happened.
func (b *baileys) said() []baileysEvent {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.events[max(0, len(b.events)-12):]
}

// do gives a command and waits for its answer.
func (b *baileys) do(answer string, command map[string]any) baileysEvent {
	b.t.Helper()
	ref := messageID()
	command["id"] = ref
	raw, err := json.Marshal(command)
	require.NoError(b.t, err)
	_, err = b.in.Write(append(raw, '\n'))
	require.NoError(b.t, err)
	return b.wait(answer, func(e baileysEvent) bool { return e.Ref == ref })
}

func (b *baileys) message(id string) baileysEvent {
	b.t.Helper()
	return b.wait("message", func(e baileysEvent) bool { return e.ID == id && e.Text != "" })
}

// TestBaileys is the proof by an independent client: nothing of its encoder,
// its handshake or its Signal library is shared with this server.
func TestBaileys(t *testing.T) {
	s := openServer(t)
	ann, bob := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	auth := t.TempDir()
	b := startBaileys(t, s, auth)
	qr := b.wait("qr", nil)
	_, err := ann.Scan(within(t), qr.QR)
	require.NoError(t, err)
	b.wait("close", func(e baileysEvent) bool { return e.Code == 515 })
	me := b.wait("open", nil)
	require.Contains(t, me.ID, "12025550100:1@")
	b.wait("caughtUp", nil)
	// While it takes in what its phone sends at first, Baileys moves the session
	// with it from one address to another, and a message sent meanwhile may fail.
	waitEmptyQueue(t, ann.account.device(1))

	// Each way, in both forms of address.
	for _, addressing := range []string{"lid", "pn"} {
		ids, err := bob.Send(within(t), Outgoing{To: ann.Number(), Text: "echo over " + addressing, Addressing: addressing})
		require.NoError(t, err)
		m := b.message(ids[0])
		require.Equal(t, "Bob", m.Name)
		require.Contains(t, m.Chat, map[string]string{"lid": "@lid", "pn": "@s.whatsapp.net"}[addressing])
		waitReceipt(t, bob, func(r Receipt) bool { return r.IDs[0] == ids[0] && r.Device == 1 })
		echo := waitMessage(t, bob, func(m Received) bool { return m.Text == "over "+addressing })
		require.Equal(t, addressing, echo.Address)
		require.Equal(t, 1, echo.Device)
		b.wait("receipt", func(e baileysEvent) bool { return e.ID == echo.ID && e.Type == "delivered" })
		b.wait("receipt", func(e baileysEvent) bool { return e.ID == echo.ID && e.Type == "sender" })
	}
	own := waitMessage(t, ann, func(m Received) bool { return m.FromMe })
	require.Equal(t, bob.Number(), own.Chat)

	ids := send(t, bob, ann, "number {n}", 200)
	for _, id := range ids {
		b.message(id)
	}
	b.do("done", map[string]any{"do": "read", "to": lidOf(bob).String(), "message": ids[0]})
	waitReceipt(t, bob, func(r Receipt) bool { return r.IDs[0] == ids[0] && r.Type == "read" })

	// To itself, and to a client of another library.
	note := b.do("sent", map[string]any{"do": "send", "to": jidOf(ann).String(), "text": "note to self"})
	waitMessage(t, ann, func(m Received) bool { return m.ID == note.ID })
	c := linked(t, s, bob)
	toBoth := b.do("sent", map[string]any{"do": "send", "to": lidOf(bob).String(), "text": "to phone and client"})
	require.Equal(t, toBoth.ID, c.messages(1)[0].Info.ID)
	answer := c.say(jidOf(ann), "from the other library")
	require.Equal(t, "from the other library", b.message(answer.ID).Text)

	require.Equal(t, []string{"12025550101@s.whatsapp.net"},
		b.do("checked", map[string]any{"do": "check", "numbers": []string{bob.Number(), "+12025559999"}}).Found)
	b.do("done", map[string]any{"do": "mute", "to": jidOf(bob).String()})

	baileysRecovers(t, s, ann, bob, b)

	b.do("done", map[string]any{"do": "logout"})
	require.Eventually(t, func() bool { return len(ann.Devices()) == 0 }, patience, 5*time.Millisecond)
}

// baileysRecovers is the part with faults: undecryptable bytes, a cut and the
// offline delivery after it.
func baileysRecovers(t *testing.T, s *Server, ann, bob *Phone, b *baileys) {
	t.Helper()
	require.NoError(t, s.AddFaults(Fault{Kind: FaultCorrupt, Phone: ann.Number()}))
	ids := send(t, bob, ann, "broken once", 1)
	require.Equal(t, "broken once", b.message(ids[0]).Text)
	require.NoError(t, s.AddFaults(Fault{Kind: FaultCut, Phone: ann.Number()}))
	ids = send(t, bob, ann, "in spite of it {n}", 50)
	for _, id := range ids {
		b.message(id)
	}
	waitEmptyQueue(t, ann.account.device(1))
}

// waitMessage waits until the phone has a message that satisfies a condition.
func waitMessage(t *testing.T, p *Phone, is func(Received) bool) Received {
	t.Helper()
	for n := 0; ; {
		list, err := p.WaitMessages(within(t), n, 1)
		require.NoError(t, err)
		for _, m := range list {
			if n = m.N; is(m) {
				return m
			}
		}
	}
}

// TestBaileysOwnCopies: what the phone writes to somebody arrives at an independent client in the
// chat with that person, in both forms of address, and the sessions stay in order: the client goes
// on reading both the phone and the other person.
func TestBaileysOwnCopies(t *testing.T) {
	s := openServer(t)
	ann, bob := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	b := startBaileys(t, s, t.TempDir())
	qr := b.wait("qr", nil)
	_, err := ann.Scan(within(t), qr.QR)
	require.NoError(t, err)
	b.wait("caughtUp", nil)
	waitEmptyQueue(t, ann.account.device(1))
	c := linked(t, s, ann) // a second companion, so that there are copies of companions too
	for _, addressing := range []string{"lid", "pn", "lid"} {
		ids, err := ann.Send(within(t), Outgoing{To: bob.Number(), Text: "from the phone", Addressing: addressing})
		require.NoError(t, err)
		m := b.message(ids[0])
		require.True(t, m.FromMe)
		require.Equal(t, map[string]string{"lid": lidOf(bob).String(), "pn": jidOf(bob).String()}[addressing], m.Chat)
		sent := c.say(jidOf(bob), "from another companion")
		m = b.message(sent.ID)
		require.True(t, m.FromMe)
		require.Equal(t, lidOf(bob).String(), m.Chat)
		ids, err = bob.Send(within(t), Outgoing{To: ann.Number(), Text: "from Bob", Addressing: addressing})
		require.NoError(t, err)
		require.False(t, b.message(ids[0]).FromMe)
	}
	require.NoError(t, s.AddFaults(Fault{Kind: FaultCorrupt, Phone: ann.Number(), Device: 1}))
	sent := c.say(jidOf(bob), "broken once")
	m := b.message(sent.ID)
	require.True(t, m.FromMe)
	require.Equal(t, lidOf(bob).String(), m.Chat)
}
