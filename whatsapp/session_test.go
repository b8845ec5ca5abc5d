package whatsapp_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

func TestNobodyScans(t *testing.T) {
	timing := quick()
	timing.QRFirst, timing.QRNext = 30*time.Millisecond, 10*time.Millisecond
	r := run(t, timing, func(c *whatsapp.Config) { c.QRCodes = 8 }) // more than the six of one connection
	s := r.create("shop")
	code, err := s.WaitQR(t.Context(), 30*time.Second)
	require.NoError(t, err)
	require.GreaterOrEqual(t, code.Attempt, 1)
	r.await(s, whatsapp.Stopped, whatsapp.ReasonQRTimeout)
	rec, err := r.store.Sessions().Get(t.Context(), "shop")
	require.NoError(t, err)
	require.Equal(t, store.DesiredStopped, rec.Desired)
	r.awaitTold("shop", whatsapp.EventSessionError)
	codes := 0
	for _, name := range r.told("shop") {
		if name == whatsapp.EventQR {
			codes++
		}
	}
	require.Equal(t, 8, codes)

	again, err := s.WaitQR(t.Context(), 30*time.Second) // a clean way to start again
	require.NoError(t, err)
	require.Equal(t, 1, again.Attempt)
	require.NotEqual(t, code.Text, again.Text)
}

// TestBeginsAnewAtTheEnd asks for a code at the very moment at which nobody has scanned the last
// one: the session has said that it stops, and may not be gone yet.
func TestBeginsAnewAtTheEnd(t *testing.T) {
	timing := quick()
	timing.QRFirst = 200 * time.Millisecond
	r := run(t, timing, func(c *whatsapp.Config) { c.QRCodes = 1 })
	s := r.create("shop")
	for range 10 {
		code, err := s.WaitQR(t.Context(), 10*time.Second)
		require.NoError(t, err)
		require.Equal(t, 1, code.Attempt)
		r.await(s, whatsapp.Stopped, whatsapp.ReasonQRTimeout)
	}
}

func TestEndsOfAConnection(t *testing.T) {
	r := run(t, quick())
	for name, c := range map[string]struct {
		fault sandbox.Fault
		state whatsapp.State
	}{
		"cut":            {sandbox.Fault{Kind: sandbox.FaultCut}, whatsapp.Connected},
		"stream 515":     {sandbox.Fault{Kind: sandbox.FaultStream, Code: 515}, whatsapp.Connected},
		"stream 503":     {sandbox.Fault{Kind: sandbox.FaultStream, Code: 503}, whatsapp.Connected},
		"stream unknown": {sandbox.Fault{Kind: sandbox.FaultStream, Code: 418}, whatsapp.Connected},
		"replaced":       {sandbox.Fault{Kind: sandbox.FaultStream, Conflict: "replaced"}, whatsapp.Failed},
		"removed":        {sandbox.Fault{Kind: sandbox.FaultStream, Conflict: "device_removed"}, whatsapp.LoggedOut},
	} {
		t.Run(name, func(t *testing.T) {
			id := fmt.Sprintf("s%d", numbers.Add(1))
			s, p := r.link(id)
			c.fault.Phone = p.Number()
			require.NoError(t, world.AddFaults(c.fault))
			r.awaitTold(id, whatsapp.EventSessionDisconnected) // it was noticed
			r.await(s, c.state, "")
			if c.state == whatsapp.Connected {
				_, err := s.Send(t.Context(), whatsapp.Outgoing{To: phone(t).Number(), Content: whatsapp.Text("still here")})
				require.NoError(t, err)
			}
		})
	}
	for code, want := range map[int]whatsapp.State{402: whatsapp.Banned, 401: whatsapp.LoggedOut, 405: whatsapp.Failed, 409: whatsapp.Failed, 503: whatsapp.Connected} {
		t.Run(fmt.Sprint("login ", code), func(t *testing.T) {
			s, p := r.link(fmt.Sprintf("s%d", numbers.Add(1)))
			require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultLogin, Phone: p.Number(), Code: code}))
			require.NoError(t, s.Stop(t.Context()))
			require.NoError(t, s.Listen(t.Context()))
			r.await(s, want, "")
			require.NoError(t, s.Stop(t.Context()))
		})
	}
}

// awaitTold waits until the session has told of an event.
func (r *rig) awaitTold(id, event string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return slices.Contains(r.told(id), event) }, 60*time.Second, 5*time.Millisecond, "%s did not come", event)
}

// TestFrozen freezes the server: TCP stays open and nothing comes. The session must not
// go on saying that it is connected.
func TestFrozen(t *testing.T) {
	timing := quick()
	timing.Silence = 300 * time.Millisecond
	r := run(t, timing)
	s, p := r.link("shop")
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultFreeze, Phone: p.Number()}))
	r.await(s, whatsapp.Reconnecting, whatsapp.ReasonSilent)
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultUnfreeze, Phone: p.Number()}))
}

// TestUnlinkWhileFrozen unlinks where WhatsApp does not answer: that waits as long as a message
// does, and no longer.
func TestUnlinkWhileFrozen(t *testing.T) {
	timing := quick()
	timing.Silence = time.Minute // or the connection would be given up first
	r := run(t, timing, func(c *whatsapp.Config) { c.SendTimeout = time.Second })
	s, p := r.link("shop")
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultFreeze, Phone: p.Number()}))
	err := s.Unlink(t.Context())
	require.ErrorIs(t, err, whatsapp.ErrOffline)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultUnfreeze, Phone: p.Number()}))
}

// TestStopDuringTheHandshake stops while the server leaves the handshake without an answer. It must
// not wait for that: when it has stopped, the server still has not given up either.
func TestStopDuringTheHandshake(t *testing.T) {
	for name, stop := range map[string]func(*rig, *whatsapp.Session){
		"session": func(r *rig, s *whatsapp.Session) { require.NoError(r.t, s.Stop(r.t.Context())) },
		"process": func(r *rig, _ *whatsapp.Session) { r.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, quick())
			s := r.create("shop")
			t.Cleanup(world.ClearFaults)
			require.Eventually(t, func() bool { return world.Stats().Connections == 0 }, 30*time.Second, time.Millisecond)
			require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultHello}))
			require.NoError(t, s.Listen(t.Context()))
			require.Eventually(t, func() bool { return len(world.Faults()) == 0 }, 30*time.Second, time.Millisecond, "no hello came")
			stop(r, s)
			require.Equal(t, 1, world.Stats().Connections)
		})
	}
}

// failing is a store's log that fails on demand.
type failing struct {
	store.Log
	fail atomic.Bool
}

func (f *failing) Commit(ctx context.Context, u store.Unit) (store.Kept, error) {
	if f.fail.Load() {
		return store.Kept{}, fmt.Errorf("commit: %w", store.ErrUnavailable)
	}
	return f.Log.Commit(ctx, u)
}

// TestStoreAway takes the store away while messages come in: nothing is acknowledged, the
// session says so, and when the store is back everything is there once and in order.
func TestStoreAway(t *testing.T) {
	log := &failing{}
	r := run(t, quick(), func(c *whatsapp.Config) {
		log.Log = c.Log
		c.Log = log
	})
	s, p := r.link("shop")
	bob := phone(t)
	send := func(text string, n int) {
		_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: text, Count: n})
		require.NoError(t, err)
	}
	send("before {n}", 10)
	log.fail.Store(true)
	send("while {n}", 50)
	r.await(s, whatsapp.Degraded, whatsapp.ReasonStoreUnavailable)
	_, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("not now")})
	require.Error(t, err)
	send("still {n}", 50)
	log.fail.Store(false)
	r.await(s, whatsapp.Connected, "")
	send("after {n}", 10)
	chat := bob.Number()[1:] + "@s.whatsapp.net"
	var texts []string
	require.Eventually(t, func() bool {
		texts = nil
		list, _, err := r.store.Messages().List(t.Context(), store.MessageQuery{Session: "shop", Chats: r.chatKeys("shop", chat), Page: store.Page{Limit: 200}})
		require.NoError(t, err)
		for _, m := range list {
			texts = append([]string{m.Text}, texts...)
		}
		return len(texts) >= 120
	}, 30*time.Second, 10*time.Millisecond)
	var want []string
	for _, part := range []struct {
		text string
		n    int
	}{{"before", 10}, {"while", 50}, {"still", 50}, {"after", 10}} {
		for i := range part.n {
			want = append(want, fmt.Sprintf("%s %d", part.text, i+1))
		}
	}
	require.Equal(t, want, texts)
	r.told("shop")
}

// TestNothingLeaks makes and deletes many sessions, linked ones among them, and counts what is left.
func TestNothingLeaks(t *testing.T) {
	r := run(t, quick())
	phones := make([]*sandbox.Phone, 10) // they have goroutines of their own
	for i := range phones {
		phones[i] = phone(t)
	}
	r.create("warm-up")
	require.NoError(t, r.m.Delete(t.Context(), "warm-up"))
	before := runtime.NumGoroutine()
	for i := range 200 {
		id := fmt.Sprintf("s%d", i)
		if i%20 == 0 {
			r.linkTo(id, phones[i/20])
		} else {
			s := r.create(id)
			if i%2 == 0 {
				_, err := s.WaitQR(t.Context(), 30*time.Second)
				require.NoError(t, err)
			}
		}
		require.NoError(t, r.m.Delete(t.Context(), id))
	}
	if !assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, 30*time.Second, 50*time.Millisecond) {
		stacks := make([]byte, 1<<20)
		t.Fatalf("%d goroutines before, now:\n%s", before, stacks[:runtime.Stack(stacks, true)])
	}
	_, err := r.m.Get(t.Context(), "s1")
	require.True(t, errors.Is(err, store.ErrNotFound))
}

// TestSentUnderTheSameId sends with one id many times at once and again later.
func TestSentUnderTheSameID(t *testing.T) {
	r := run(t, quick())
	s, _ := r.link("shop")
	bob := phone(t)
	results := make(chan error, 20)
	for range cap(results) {
		go func() {
			_, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("once"), ID: "3EB0SAME"})
			results <- err
		}()
	}
	for range cap(results) {
		require.NoError(t, <-results)
	}
	m, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("once"), ID: "3EB0SAME"})
	require.NoError(t, err)
	require.Equal(t, "3EB0SAME", m.ID)
	_, err = s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("last")})
	require.NoError(t, err)
	got, err := bob.WaitMessages(t.Context(), 0, 2)
	require.NoError(t, err)
	require.Len(t, got, 2)
}

// TestSendsAndReceivesCross lets both sides write at the same time, and both begin at once: no
// message key may be used twice and none may be lost.
func TestSendsAndReceivesCross(t *testing.T) {
	const n = 150
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	done := make(chan error, 1)
	go func() {
		for i := range n {
			if _, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: fmt.Sprint("in ", i)}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for i := range n {
		_, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text(fmt.Sprint("out ", i))})
		require.NoError(t, err)
	}
	require.NoError(t, <-done)
	got, err := bob.WaitMessages(t.Context(), 0, n)
	require.NoError(t, err)
	require.Len(t, got, n)
	for i := range n {
		require.Equal(t, fmt.Sprint("out ", i), got[i].Text)
	}
	require.Eventually(t, func() bool {
		count, err := r.store.Messages().Count(t.Context(), "shop", time.Now().Add(time.Hour))
		require.NoError(t, err)
		return count == 2*n
	}, 30*time.Second, 20*time.Millisecond)
	for _, name := range r.told("shop") {
		require.NotEqual(t, whatsapp.EventMessageUndecryptable, name)
	}
}

// TestWhatADuplicateTells has messages come that are here already, from another service, which knew
// neither the name of who sent it nor both of their ids: that is learned as from any other message.
func TestWhatADuplicateTells(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	for name, address := range map[string]func(*sandbox.Phone) string{
		"by phone": (*sandbox.Phone).Number,
		"by LID":   func(bob *sandbox.Phone) string { return bob.LID() },
	} {
		t.Run(name, func(t *testing.T) {
			bob := phone(t)
			require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultFreeze, Phone: p.Number()}))
			ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "hello"})
			require.NoError(t, err)
			known, err := s.Receive(t.Context(), whatsapp.Inbound{ID: ids[0], Chat: address(bob), Type: "text", Text: "hello", Timestamp: time.Now()})
			require.NoError(t, err)
			require.False(t, known)
			last := phone(t)
			_, err = last.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "comes after it"})
			require.NoError(t, err)
			require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultUnfreeze, Phone: p.Number()}))
			chatOf := func(p *sandbox.Phone) string { return strings.TrimPrefix(p.Number(), "+") + "@s.whatsapp.net" }
			require.Eventually(t, func() bool {
				_, err := r.store.Chats().Get(t.Context(), "shop", r.chatKeys("shop", chatOf(last))[0])
				return err == nil
			}, 30*time.Second, 5*time.Millisecond)
			chat := chatOf(bob)
			for _, id := range []string{chat, bob.LID()} {
				found, err := r.store.Contacts().Find(t.Context(), "shop", []string{id})
				require.NoError(t, err, id)
				require.Contains(t, found, id)
				who := found[id]
				require.Equal(t, chat, who.Address())
				require.Equal(t, "Somebody", who.PushName)
			}
			c, err := r.store.Chats().Get(t.Context(), "shop", r.chatKeys("shop", chat)[0])
			require.NoError(t, err)
			require.Equal(t, "Somebody", c.Name)
			require.Equal(t, 1, c.Unread, "the message counts once")
		})
	}
}

// TestSendsDuringABurst sends to somebody from whom very many messages come in just then:
// each decryption changes the keys under the sends, which have to be made anew.
func TestSendsDuringABurst(t *testing.T) {
	const incoming = 3000
	r := run(t, quick(), func(c *whatsapp.Config) { c.SendTimeout = time.Minute }) // however slow the machine is
	s, p := r.link("shop")
	bob := phone(t)
	_, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text("hello")})
	require.NoError(t, err)
	_, err = bob.WaitMessages(t.Context(), 0, 1)
	require.NoError(t, err)
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultFreeze, Phone: p.Number()}))
	_, err = bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "in {n}", Count: incoming})
	require.NoError(t, err)
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultUnfreeze, Phone: p.Number()}))
	sent := 1
	for count := 0; count < incoming; sent++ { // as long as they come in
		_, err := s.Send(t.Context(), whatsapp.Outgoing{To: bob.Number(), Content: whatsapp.Text(fmt.Sprint("out ", sent))})
		require.NoError(t, err, "after %d sends, with %d messages in", sent, count)
		count, err = r.store.Messages().Count(t.Context(), "shop", time.Now().Add(time.Hour))
		require.NoError(t, err)
		count -= sent + 1
	}
	got, err := bob.WaitMessages(t.Context(), 0, sent)
	require.NoError(t, err)
	require.Len(t, got, sent)
}

// TestOrderOfAFlood lets more messages come in at once than whatsmeow has room for: it would
// hand them over in any order then.
func TestOrderOfAFlood(t *testing.T) {
	const incoming = 6000
	r := run(t, quick())
	_, p := r.link("shop")
	bob := phone(t)
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultFreeze, Phone: p.Number()}))
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "{n}", Count: incoming})
	require.NoError(t, err)
	require.NoError(t, world.AddFaults(sandbox.Fault{Kind: sandbox.FaultUnfreeze, Phone: p.Number()}))
	require.Eventually(t, func() bool {
		count, err := r.store.Messages().Count(t.Context(), "shop", time.Now().Add(time.Hour))
		require.NoError(t, err)
		return count == incoming
	}, 3*time.Minute, 20*time.Millisecond)
	events, err := r.store.Log().After(t.Context(), "shop", 0, 100_000)
	require.NoError(t, err)
	n := 0
	for _, e := range events {
		require.NotEqual(t, whatsapp.EventMessageUndecryptable, e.Name)
		if e.Name == whatsapp.EventNewMessages {
			n++
			require.Contains(t, string(e.Data), fmt.Sprintf(`"text":"%d"`, n))
		}
	}
	require.Equal(t, incoming, n)
}
