package whatsapp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// choosy is a store's log that never takes certain units.
type choosy struct {
	store.Log
	dislikes atomic.Pointer[func(store.Unit) bool]
	refused  atomic.Int64
}

var errNever = errors.New("this is never kept")

func (c *choosy) Commit(ctx context.Context, u store.Unit) (store.Kept, error) {
	if f := c.dislikes.Load(); f != nil && (*f)(u) {
		c.refused.Add(1)
		return store.Kept{}, errNever
	}
	return c.Log.Commit(ctx, u)
}

func (c *choosy) dislike(f func(store.Unit) bool) { c.dislikes.Store(&f) }

// choosyRig is a rig whose log refuses what it is told to.
func choosyRig(t *testing.T) (*rig, *choosy) {
	log := &choosy{}
	return run(t, quick(), func(c *whatsapp.Config) {
		log.Log = c.Log
		c.Log = log
	}), log
}

func chatOf(p *sandbox.Phone) string { return strings.TrimPrefix(p.Number(), "+") + "@s.whatsapp.net" }

// texts lists what is stored of a chat, oldest first, once there are so many.
func (r *rig) texts(id, chat string, n int) (texts []string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		texts = nil
		list, _, err := r.store.Messages().List(r.t.Context(), store.MessageQuery{Session: id, Chats: r.chatKeys(id, chat), Page: store.Page{Limit: 200}})
		require.NoError(r.t, err)
		for _, m := range list {
			texts = append([]string{m.Type + " " + m.Text}, texts...)
		}
		return len(texts) >= n
	}, 30*time.Second, 5*time.Millisecond, "%d messages", n)
	return texts
}

// disconnects counts how often the session was not connected.
func (r *rig) disconnects(id string) (n int) {
	r.t.Helper()
	for _, name := range r.told(id) {
		if name == whatsapp.EventSessionDisconnected || name == whatsapp.EventSessionDegraded {
			n++
		}
	}
	return n
}

// TestAReceiptNamesAMessageTwice has a contact confirm a message twice in one stanza, also under
// an id that differs only in what is not kept. It counts once, and the session lives on.
func TestAReceiptNamesAMessageTwice(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	for name, c := range map[string]struct {
		status string
		list   []string
	}{
		"the same":                   {"read", []string{"3EB0TWICE1", "3EB0TWICE1"}},
		"the same after cleaning":    {"read", []string{"3EB0TWICE2", "3EB0TWICE2\x00"}},
		"many times":                 {"played", []string{"3EB0TWICE3", "3EB0TWICE3", "3EB0TWICE3", "3EB0TWICE3"}},
		"twice, with another inside": {"read", []string{"3EB0TWICE4", "3EB0ELSE", "3EB0TWICE4"}},
	} {
		t.Run(name, func(t *testing.T) {
			bob := phone(t)
			id := c.list[0]
			_, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("hello"), ID: id})
			require.NoError(t, err)
			key := store.MessageKey{Chat: r.chatKeys("shop", chatOf(bob))[0], Sender: r.chatKeys("shop", chatOf(p))[0], ID: id}
			require.Eventually(t, func() bool { // delivered
				list, err := r.store.Messages().Receipts(t.Context(), "shop", key)
				require.NoError(t, err)
				return len(list) == 1
			}, 30*time.Second, 5*time.Millisecond)
			before := r.disconnects("shop")
			s.ForgetRecent()
			from, err := types.ParseJID(bob.LID())
			require.NoError(t, err)
			n := waBinary.Node{Tag: "receipt", Attrs: waBinary.Attrs{"from": from, "id": id, "type": c.status, "t": fmt.Sprint(time.Now().Unix())}}
			var items []waBinary.Node
			for _, id := range c.list[1:] {
				items = append(items, waBinary.Node{Tag: "item", Attrs: waBinary.Attrs{"id": id}})
			}
			n.Content = []waBinary.Node{{Tag: "list", Content: items}}
			require.NoError(t, s.Stanza(t.Context(), n))
			list, err := r.store.Messages().Receipts(t.Context(), "shop", key)
			require.NoError(t, err)
			require.Len(t, list, 2)
			require.Equal(t, c.status, list[1].Status)
			_, err = bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "still there?"})
			require.NoError(t, err)
			require.Equal(t, []string{"text hello", "text still there?"}, r.texts("shop", chatOf(bob), 2))
			require.Equal(t, before, r.disconnects("shop"))
		})
	}
}

// TestAMessageIsNeverKept has the store refuse, for good, what one message is kept as. It is kept
// as one that is not understood, and those around it as they are, in order.
func TestAMessageIsNeverKept(t *testing.T) {
	r, log := choosyRig(t)
	s, p := r.link("shop")
	bob := phone(t)
	log.dislike(func(u store.Unit) bool {
		for _, m := range u.Messages {
			if strings.HasSuffix(m.Text, "7") {
				return true
			}
		}
		return false
	})
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultFreeze, Phone: p.Number()})) // so that they are kept together
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "n {n}", Count: 40})
	require.NoError(t, err)
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultUnfreeze, Phone: p.Number()}))
	texts := r.texts("shop", chatOf(bob), 40)
	for i, text := range texts {
		want := fmt.Sprintf("text n %d", i+1)
		if i%10 == 6 {
			want = "unknown "
		}
		require.Equal(t, want, text)
	}
	require.Zero(t, r.disconnects("shop"))
	require.EqualValues(t, 4, s.Health().GivenUp)
	require.Eventually(t, func() bool { return p.Waiting() == 0 }, 30*time.Second, 5*time.Millisecond, "not acknowledged")
	_, err = s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("it goes on")})
	require.NoError(t, err)
	r.texts("shop", chatOf(bob), 41)
}

// TestAContactIsNeverKept has the store refuse everything of one person, for good. Nothing of
// them is kept but their keys, and nobody else is held up.
func TestAContactIsNeverKept(t *testing.T) {
	r, log := choosyRig(t)
	s, p := r.link("shop")
	bob, carl := phone(t), phone(t)
	log.dislike(func(u store.Unit) bool {
		for _, m := range u.Messages {
			if m.Chat == bob.LID() { // the key of whom it sees for the first time
				return true
			}
		}
		return false
	})
	for i := range 3 {
		_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "from bob"})
		require.NoError(t, err)
		_, err = carl.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "from carl"})
		require.NoError(t, err)
		r.texts("shop", chatOf(carl), i+1)
	}
	require.Eventually(t, func() bool { return s.Health().GivenUp >= 3 }, 30*time.Second, 5*time.Millisecond)
	require.Zero(t, r.disconnects("shop"))
	log.dislike(func(store.Unit) bool { return false })
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "at last"})
	require.NoError(t, err)
	require.Equal(t, []string{"text at last"}, r.texts("shop", chatOf(bob), 1), "the keys went on")
	require.NotContains(t, r.told("shop"), whatsapp.EventMessageUndecryptable)
}

// TestAReceiptIsNeverKept has the store refuse, for good, what a receipt changes.
func TestAReceiptIsNeverKept(t *testing.T) {
	r, log := choosyRig(t)
	s, p := r.link("shop")
	bob := phone(t)
	log.dislike(func(u store.Unit) bool { return len(u.Receipts) > 0 })
	_, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("hello")})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.Health().GivenUp == 1 }, 30*time.Second, 5*time.Millisecond)
	_, err = bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "hello"})
	require.NoError(t, err)
	r.texts("shop", chatOf(bob), 2)
	require.Zero(t, r.disconnects("shop"))
}

// TestASendIsNeverKept has the store refuse, for good, a message that is to be sent. Then it does
// not leave, and others do.
func TestASendIsNeverKept(t *testing.T) {
	r, log := choosyRig(t)
	s, _ := r.link("shop")
	bob := phone(t)
	log.dislike(func(u store.Unit) bool { return len(u.Messages) > 0 && u.Messages[0].Text == "never" })
	_, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("never")})
	require.ErrorIs(t, err, errNever)
	r.await(s, whatsapp.Connected, "")
	require.Eventually(t, func() bool {
		_, err = s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("always")})
		return err == nil
	}, 30*time.Second, 10*time.Millisecond)
	got, err := bob.WaitMessages(t.Context(), 0, 1)
	require.NoError(t, err)
	require.Equal(t, "always", got[0].Text)
}

// TestAStoreThatRefusesEverything is no store that refuses a stanza: nothing is acknowledged.
func TestAStoreThatRefusesEverything(t *testing.T) {
	r, log := choosyRig(t)
	s, p := r.link("shop")
	bob := phone(t)
	log.dislike(func(store.Unit) bool { return true })
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "hello"})
	require.NoError(t, err)
	r.await(s, whatsapp.Degraded, whatsapp.ReasonStoreUnavailable)
	log.dislike(func(store.Unit) bool { return false })
	require.Equal(t, []string{"text hello"}, r.texts("shop", chatOf(bob), 1))
}

// recovering is a failing log that notes when a session begins anew.
type recovering struct {
	failing
	began chan time.Time
}

func (r *recovering) Recover(ctx context.Context, session string) error {
	select {
	case r.began <- time.Now():
	default:
	}
	return r.Log.Recover(ctx, session)
}

// TestReconnectsSlowDown has a store that says that it is there and does not keep what comes:
// every login costs, and WhatsApp counts them.
func TestReconnectsSlowDown(t *testing.T) {
	log := &recovering{began: make(chan time.Time, 100)}
	timing := quick()
	timing.BackoffMin, timing.BackoffMax = 50*time.Millisecond, time.Second
	r := run(t, timing, func(c *whatsapp.Config) {
		log.Log = c.Log
		c.Log = log
	})
	s, p := r.link("shop")
	for len(log.began) > 0 {
		<-log.began
	}
	log.fail.Store(true)
	_, err := phone(t).Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "hello"})
	require.NoError(t, err)
	first := <-log.began
	var last time.Time
	for range 12 { // two for each time that the keys are opened
		last = <-log.began
	}
	require.Greater(t, last.Sub(first), time.Second, "six new clients in so long")
	log.fail.Store(false)
	r.await(s, whatsapp.Connected, "")
}
