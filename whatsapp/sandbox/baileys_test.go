package sandbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox/nodetest"
)

func startBaileys(t *testing.T, s *Server, authDir string) *nodetest.Baileys {
	t.Helper()
	return nodetest.StartBaileys(t, s.Info().WebSocketURL, s.Info().CaPem, authDir)
}

// TestBaileys is the proof by an independent client: nothing of its encoder,
// its handshake or its Signal library is shared with this server.
func TestBaileys(t *testing.T) {
	s := openServer(t)
	ann, bob := newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	auth := t.TempDir()
	b := startBaileys(t, s, auth)
	qr := b.Wait("qr", nil)
	_, err := ann.Scan(within(t), qr.QR)
	require.NoError(t, err)
	b.Wait("close", func(e nodetest.Event) bool { return e.Code == 515 })
	me := b.Wait("open", nil)
	require.Contains(t, me.ID, "12025550100:1@")
	b.Wait("caughtUp", nil)
	// While it takes in what its phone sends at first, Baileys moves the session
	// with it from one address to another, and a message sent meanwhile may fail.
	waitEmptyQueue(t, ann.account.device(1))

	// Each way, in both forms of address.
	for _, addressing := range []string{"lid", "pn"} {
		ids, err := bob.Send(within(t), Outgoing{To: ann.Number(), Text: "echo over " + addressing, Addressing: addressing})
		require.NoError(t, err)
		m := b.Message(ids[0])
		require.Equal(t, "Bob", m.Name)
		require.Contains(t, m.Chat, map[string]string{"lid": "@lid", "pn": "@s.whatsapp.net"}[addressing])
		waitReceipt(t, bob, func(r Receipt) bool { return r.IDs[0] == ids[0] && r.Device == 1 })
		echo := waitMessage(t, bob, func(m Received) bool { return m.Text == "over "+addressing })
		require.Equal(t, addressing, echo.Address)
		require.Equal(t, 1, echo.Device)
		b.Wait("receipt", func(e nodetest.Event) bool { return e.ID == echo.ID && e.Type == "delivered" })
		b.Wait("receipt", func(e nodetest.Event) bool { return e.ID == echo.ID && e.Type == "sender" })
	}
	own := waitMessage(t, ann, func(m Received) bool { return m.FromMe })
	require.Equal(t, bob.Number(), own.Chat)

	ids := send(t, bob, ann, "number {n}", 200)
	for _, id := range ids {
		b.Message(id)
	}
	b.Do("done", map[string]any{"do": "read", "to": lidOf(bob).String(), "message": ids[0]})
	waitReceipt(t, bob, func(r Receipt) bool { return r.IDs[0] == ids[0] && r.Type == "read" })

	// To itself, and to a client of another library.
	note := b.Do("sent", map[string]any{"do": "send", "to": jidOf(ann).String(), "text": "note to self"})
	waitMessage(t, ann, func(m Received) bool { return m.ID == note.ID })
	c := linked(t, s, bob)
	toBoth := b.Do("sent", map[string]any{"do": "send", "to": lidOf(bob).String(), "text": "to phone and client"})
	require.Equal(t, toBoth.ID, c.messages(1)[0].Info.ID)
	answer := c.say(jidOf(ann), "from the other library")
	require.Equal(t, "from the other library", b.Message(answer.ID).Text)

	require.Equal(t, []string{"12025550101@s.whatsapp.net"},
		b.Do("checked", map[string]any{"do": "check", "numbers": []string{bob.Number(), "+12025559999"}}).Found)
	b.Do("done", map[string]any{"do": "mute", "to": jidOf(bob).String()})

	baileysRecovers(t, s, ann, bob, b)

	require.Empty(t, s.Stats().Unanswered, "Baileys gets by without what the sandbox does not know")
	b.Do("done", map[string]any{"do": "logout"})
	require.Eventually(t, func() bool { return len(ann.Devices()) == 0 }, patience, 5*time.Millisecond)
}

// baileysRecovers is the part with faults: undecryptable bytes, a cut and the
// offline delivery after it.
func baileysRecovers(t *testing.T, s *Server, ann, bob *Phone, b *nodetest.Baileys) {
	t.Helper()
	require.NoError(t, s.AddFaults(Fault{Kind: FaultCorrupt, Phone: ann.Number()}))
	ids := send(t, bob, ann, "broken once", 1)
	require.Equal(t, "broken once", b.Message(ids[0]).Text)
	require.NoError(t, s.AddFaults(Fault{Kind: FaultCut, Phone: ann.Number()}))
	ids = send(t, bob, ann, "in spite of it {n}", 50)
	for _, id := range ids {
		b.Message(id)
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
	qr := b.Wait("qr", nil)
	_, err := ann.Scan(within(t), qr.QR)
	require.NoError(t, err)
	b.Wait("caughtUp", nil)
	waitEmptyQueue(t, ann.account.device(1))
	c := linked(t, s, ann) // a second companion, so that there are copies of companions too
	for _, addressing := range []string{"lid", "pn", "lid"} {
		ids, err := ann.Send(within(t), Outgoing{To: bob.Number(), Text: "from the phone", Addressing: addressing})
		require.NoError(t, err)
		m := b.Message(ids[0])
		require.True(t, m.FromMe)
		require.Equal(t, map[string]string{"lid": lidOf(bob).String(), "pn": jidOf(bob).String()}[addressing], m.Chat)
		sent := c.say(jidOf(bob), "from another companion")
		m = b.Message(sent.ID)
		require.True(t, m.FromMe)
		require.Equal(t, lidOf(bob).String(), m.Chat)
		ids, err = bob.Send(within(t), Outgoing{To: ann.Number(), Text: "from Bob", Addressing: addressing})
		require.NoError(t, err)
		require.False(t, b.Message(ids[0]).FromMe)
	}
	require.NoError(t, s.AddFaults(Fault{Kind: FaultCorrupt, Phone: ann.Number(), Device: 1}))
	sent := c.say(jidOf(bob), "broken once")
	m := b.Message(sent.ID)
	require.True(t, m.FromMe)
	require.Equal(t, lidOf(bob).String(), m.Chat)
}
