package sandbox

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
)

// pair is a server with two phones, one of them with a linked client.
func pair(t *testing.T) (s *Server, ann, bob *Phone, c *client) {
	t.Helper()
	s = openServer(t)
	ann, bob = newPhone(t, s, "12025550100", "Ann"), newPhone(t, s, "12025550101", "Bob")
	c = linked(t, s, ann)
	// What the phone greets a new companion with comes when it likes: not into the middle of a test.
	waitGreeting(t, c, ann)
	return s, ann, bob, c
}

func send(t testing.TB, from, to *Phone, text string, count int) []string {
	t.Helper()
	ids, err := from.Send(within(t), Outgoing{To: to.Number(), Text: text, Count: count})
	require.NoError(t, err)
	return ids
}

// requireOnce checks that each of these messages became exactly one event.
func requireOnce(t *testing.T, list []*events.Message, ids []string) {
	t.Helper()
	seen := map[string]int{}
	for _, m := range list {
		seen[m.Info.ID]++
	}
	require.Len(t, seen, len(ids))
	for _, id := range ids {
		require.Equal(t, 1, seen[id], id)
	}
}

func TestBurstThenCut(t *testing.T) {
	s, ann, bob, c := pair(t)
	ids := send(t, bob, ann, "message {n}", 500)
	c.messages(20)
	require.NoError(t, s.AddFaults(Fault{Kind: FaultCut, Phone: ann.Number()}))
	list := c.messages(500)
	last := send(t, bob, ann, "the end", 1)
	waitEvents(c, 1, func(m *events.Message) bool { return m.Info.ID == last[0] })
	requireOnce(t, c.messages(501), append(ids, last...))
	require.Len(t, list, 500)
	waitEmptyQueue(t, ann.account.device(1))
}

// waitGreeting waits until the client has taken what its phone sends at first.
func waitGreeting(t *testing.T, c *client, p *Phone) {
	t.Helper()
	waitEvents[*events.HistorySync](c, 1, nil)
	waitEmptyQueue(t, p.account.device(1))
}

// waitEmptyQueue waits until a device has acknowledged everything.
func waitEmptyQueue(t *testing.T, d *device) {
	t.Helper()
	require.Eventually(t, func() bool { return d.queue.len() == 0 }, patience, 5*time.Millisecond)
}

func TestOfflineDelivery(t *testing.T) {
	_, ann, bob, c := pair(t)
	c.Disconnect()
	ids := send(t, bob, ann, "while you were away {n}", 7)
	c.forget()
	require.NoError(t, c.Connect())
	list := c.messages(7)
	requireOnce(t, list, ids)
	for i, m := range list {
		require.Equal(t, fmt.Sprintf("while you were away %d", i+1), textOf(m))
	}
	require.Equal(t, 7, waitEvents[*events.OfflineSyncPreview](c, 1, nil)[0].Messages)
	require.GreaterOrEqual(t, waitEvents[*events.OfflineSyncCompleted](c, 1, nil)[0].Count, 7)
	waitEmptyQueue(t, ann.account.device(1))
	c.Disconnect()
	c.forget()
	require.NoError(t, c.Connect())
	require.Zero(t, waitEvents[*events.OfflineSyncCompleted](c, 1, nil)[0].Count)
}

func TestConflict(t *testing.T) {
	s, ann, bob, c := pair(t)
	second := clientOn(t, s.Info(), c.container, c.Store)
	require.NoError(t, second.Connect())
	waitEvents[*events.StreamReplaced](c, 1, nil)
	waitEvents[*events.Connected](second, 1, nil)
	ids := send(t, bob, ann, "to the second", 1)
	require.Equal(t, ids[0], second.messages(1)[0].Info.ID)
}

func TestLogoutFromPhone(t *testing.T) {
	s, ann, _, c := pair(t)
	require.ErrorIs(t, ann.LogoutDevice(0), ErrNoDevice)
	require.ErrorIs(t, ann.LogoutDevice(9), ErrNoDevice)
	c.settle()
	require.NoError(t, ann.LogoutDevice(1))
	require.False(t, waitEvents[*events.LoggedOut](c, 1, nil)[0].OnConnect)
	require.Empty(t, ann.Devices())

	other := linked(t, s, ann)
	other.settle()
	other.Disconnect()
	require.NoError(t, ann.LogoutDevice(2))
	require.NoError(t, other.Connect())
	require.True(t, waitEvents[*events.LoggedOut](other, 1, nil)[0].OnConnect)
}

func TestLogoutFromClient(t *testing.T) {
	_, ann, _, c := pair(t)
	c.settle()
	require.NoError(t, c.Logout(within(t)))
	require.Empty(t, ann.Devices())
}

func TestStreamErrors(t *testing.T) {
	s, ann, bob, c := pair(t)
	for _, code := range []int{515, 503} {
		c.forget()
		require.NoError(t, s.AddFaults(Fault{Kind: FaultStream, Code: code, Phone: ann.Number()}))
		waitEvents[*events.Connected](c, 1, nil)
	}
	ids := send(t, bob, ann, "still here", 1)
	require.Equal(t, ids[0], c.messages(1)[0].Info.ID)
	require.NoError(t, s.AddFaults(Fault{Kind: FaultStream, Conflict: "replaced"}))
	waitEvents[*events.StreamReplaced](c, 1, nil)
}

func TestLoginFailures(t *testing.T) {
	s, ann, _, c := pair(t)
	c.Disconnect()
	require.NoError(t, s.AddFaults(Fault{Kind: FaultLogin, Code: 402, Phone: ann.Number()}))
	require.NoError(t, c.Connect())
	waitEvents[*events.TemporaryBan](c, 1, nil)
	c.Disconnect()
	require.NoError(t, s.AddFaults(Fault{Kind: FaultLogin, Code: 405}))
	require.NoError(t, c.Connect())
	waitEvents[*events.ClientOutdated](c, 1, nil)
	c.Disconnect()
	c.forget()
	require.NoError(t, c.Connect())
	waitEvents[*events.Connected](c, 1, nil)
	require.ErrorIs(t, s.AddFaults(Fault{Kind: FaultLogin, Code: 413}), ErrInvalid)
}

func TestAcks(t *testing.T) {
	s, ann, bob, c := pair(t)
	// Cut before the ack: the client sends the same stanza again, and it counts once.
	require.NoError(t, s.AddFaults(Fault{Kind: FaultAckCut, Phone: ann.Number()}))
	c.say(jidOf(bob), "once")
	require.NoError(t, s.AddFaults(Fault{Kind: FaultAckDelay, DelayMs: 50}))
	c.say(jidOf(bob), "late")

	require.NoError(t, s.AddFaults(Fault{Kind: FaultAckError, Code: 463}))
	_, err := c.SendMessage(within(t), jidOf(bob), &waE2E.Message{Conversation: proto.String("refused")})
	require.ErrorIs(t, err, whatsmeow.ErrServerReturnedError)

	require.NoError(t, s.AddFaults(Fault{Kind: FaultAckLost, Count: -1}))
	_, err = c.SendMessage(within(t), jidOf(bob), &waE2E.Message{Conversation: proto.String("unanswered")},
		whatsmeow.SendRequestExtra{Timeout: 300 * time.Millisecond})
	require.ErrorIs(t, err, whatsmeow.ErrMessageTimedOut)
	require.Len(t, s.Faults(), 1)
	s.ClearFaults()
	require.Empty(t, s.Faults())
	c.say(jidOf(bob), "last")

	list, err := bob.WaitMessages(within(t), 0, 4)
	require.NoError(t, err)
	var texts []string
	for _, m := range list {
		texts = append(texts, m.Text)
	}
	require.Equal(t, []string{"once", "late", "unanswered", "last"}, texts)
}

func TestRepeatAndReorder(t *testing.T) {
	s, ann, bob, c := pair(t)
	require.NoError(t, s.AddFaults(Fault{Kind: FaultRepeat, Count: 3, Phone: ann.Number(), Device: 1}))
	ids := send(t, bob, ann, "twice {n}", 3)
	ids = append(ids, send(t, bob, ann, "then one", 1)...)
	waitEvents(c, 1, func(m *events.Message) bool { return m.Info.ID == ids[3] })
	requireOnce(t, c.messages(4), ids)

	c.forget()
	require.NoError(t, s.AddFaults(Fault{Kind: FaultReorder, Count: 3}))
	ids = send(t, bob, ann, "backwards {n}", 3)
	list := c.messages(3)
	for i := range ids {
		require.Equal(t, ids[2-i], list[i].Info.ID)
	}
	c.forget()
	require.NoError(t, s.AddFaults(Fault{Kind: FaultReorder, Count: 5}))
	ids = send(t, bob, ann, "held {n}", 2)
	s.ClearFaults()
	requireOnce(t, c.messages(2), ids)
	waitEmptyQueue(t, ann.account.device(1))
}

// A message that cannot be decrypted comes again in a new session.
func TestCorrupt(t *testing.T) {
	s, ann, bob, c := pair(t)
	send(t, bob, ann, "fine", 1)
	c.messages(1)
	require.NoError(t, s.AddFaults(Fault{Kind: FaultCorrupt}))
	ids := send(t, bob, ann, "broken once", 1)
	waitEvents(c, 1, func(u *events.UndecryptableMessage) bool { return u.Info.ID == ids[0] })
	m := waitEvents(c, 1, func(m *events.Message) bool { return m.Info.ID == ids[0] })[0]
	require.Equal(t, "broken once", textOf(m))
	require.Positive(t, m.RetryCount)
	ids = send(t, bob, ann, "and on", 1)
	waitEvents(c, 1, func(m *events.Message) bool { return m.Info.ID == ids[0] })
	waitEmptyQueue(t, ann.account.device(1))
}

// The other way round: a phone that has lost its session asks the client.
func TestPhoneAsksAgain(t *testing.T) {
	_, ann, bob, c := pair(t)
	send(t, bob, ann, "hello", 1)
	c.messages(1)
	c.say(jidOf(bob), "first")
	_, err := bob.WaitMessages(within(t), 0, 1)
	require.NoError(t, err)
	bob.mu.Lock()
	clear(bob.signal.sessions)
	bob.mu.Unlock()
	c.say(jidOf(bob), "second")
	list, err := bob.WaitMessages(within(t), 1, 1)
	require.NoError(t, err)
	require.Equal(t, "second", list[0].Text)
}

func TestFreeze(t *testing.T) {
	s, ann, bob, c := pair(t)
	eve := newPhone(t, s, "12025550102", "Eve")
	other := linked(t, s, eve)
	require.NoError(t, s.AddFaults(Fault{Kind: FaultFreeze, Phone: ann.Number()}))
	ids := send(t, bob, ann, "wait for it {n}", 300)
	send(t, bob, eve, "you need not wait", 1)
	other.messages(1)
	c.mu.Lock()
	for _, e := range c.events {
		m, is := e.(*events.Message)
		require.False(t, is && textOf(m) != "", "a frozen connection delivers nothing")
	}
	c.mu.Unlock()
	require.NoError(t, s.AddFaults(Fault{Kind: FaultUnfreeze, Phone: ann.Number()}))
	requireOnce(t, c.messages(300), ids)
}

func TestPreKeysExhausted(t *testing.T) {
	s, ann, bob, c := pair(t)
	require.Positive(t, ann.account.device(1).spareCount())
	require.NoError(t, s.AddFaults(Fault{Kind: FaultPreKeys, Phone: ann.Number()}))
	require.Zero(t, ann.account.device(1).spareCount())
	send(t, bob, ann, "with the signed key alone", 1)
	c.messages(1)
	c.say(jidOf(bob), "answer")
	_, err := bob.WaitMessages(within(t), 0, 1)
	require.NoError(t, err)
}

// A client is told when its one-time keys run low, and uploads more.
func TestPreKeysRunLow(t *testing.T) {
	_, ann, bob, c := pair(t)
	d := ann.account.device(1)
	ch := ann.server.change()
	d.mu.Lock()
	d.spare = d.spare[:fewPreKeys+1]
	d.mu.Unlock()
	ann.server.takeBundle(ch, d)
	ch.commit()
	require.Eventually(t, func() bool { return d.spareCount() > fewPreKeys }, patience, 5*time.Millisecond)
	send(t, bob, ann, "with one of the new keys, or the old", 1)
	c.messages(1)
}

func TestFaultsAreChecked(t *testing.T) {
	s := openServer(t)
	newPhone(t, s, "12025550100", "Ann")
	for _, f := range []Fault{
		{Kind: "unheard of"},
		{Kind: FaultAckDelay},
		{Kind: FaultAckError},
		{Kind: FaultStream},
		{Kind: FaultStream, Conflict: "other"},
		{Kind: FaultCut, Device: 1},
		{Kind: FaultRepeat, Count: -2},
		{Kind: FaultLogin, Code: 414},
	} {
		require.ErrorIs(t, s.AddFaults(f), ErrInvalid, "%+v", f)
	}
	require.ErrorIs(t, s.AddFaults(Fault{Kind: FaultCut, Phone: "12025550199"}), ErrNoPhone)
	require.ErrorIs(t, s.AddFaults(Fault{Kind: FaultCut, Phone: "12025550100", Device: 3}), ErrNoDevice)
	require.Empty(t, s.Faults())
}
