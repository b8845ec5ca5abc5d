package whatsapp_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// TestGroupsOfBothAddressings has members write into groups that are addressed by number and by LID:
// one person is one sender, with both identities, and an answer quotes them as their group does.
func TestGroupsOfBothAddressings(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob, carl := phone(t), phone(t)
	for _, addressing := range []string{"lid", "pn"} {
		g, err := world.NewGroup(t.Context(), sandbox.NewGroup{
			Subject: "Friends", Owner: bob.Number(), Participants: []string{carl.Number(), p.Number()}, Addressing: addressing,
		})
		require.NoError(t, err)
		ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: g.ID, Text: "hello"})
		require.NoError(t, err)
		_, err = carl.Send(t.Context(), sandbox.Outgoing{To: g.ID, Text: "hi"})
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"system ", "text hello", "text hi"}, r.texts("shop", g.ID, 3))
		m, err := r.store.Messages().Find(t.Context(), "shop", []string{g.ID}, ids[0])
		require.NoError(t, err)
		who, ok := r.contact(bob.LID())
		require.True(t, ok)
		require.Equal(t, who.ID, m.Sender)
		require.Equal(t, chatOf(bob), who.Phone)
		require.Equal(t, addressing, m.Envelope.Addressing)
		sent, err := s.Send(t.Context(), whatsapp.Outgoing{To: g.ID, Content: whatsapp.Text("welcome"), Quoted: ids[0]})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			return slices.ContainsFunc(bob.Messages(0), func(m sandbox.Received) bool { return m.ID == sent.ID && m.Text == "welcome" })
		}, 30*time.Second, 5*time.Millisecond)
	}
	chats := r.chats()
	require.Len(t, chats, 2)
	for _, c := range chats {
		require.Equal(t, store.ChatGroup, c.Kind)
		require.Equal(t, 2, c.Unread)
	}
}

// TestNotesToOneself has the account write to itself by each of its addresses, and its phone too.
func TestNotesToOneself(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	for i, to := range []string{p.Number(), p.LID(), chatOf(p)} {
		m, err := s.Send(t.Context(), whatsapp.Outgoing{To: to, Content: whatsapp.Text("note")})
		require.NoError(t, err)
		require.True(t, m.FromMe)
		got, err := p.WaitMessages(t.Context(), 0, i+1)
		require.NoError(t, err)
		require.Len(t, got, i+1, "the phone gets each note once")
	}
	require.Len(t, r.texts("shop", chatOf(p), 3), 3)
	chats := r.chats()
	require.Len(t, chats, 1)
	require.Zero(t, chats[0].Unread)
}

// TestSendsWhileMembersComeAndGo has the account write into a group whose members change all the
// time: who stays gets every message, and whoever came last gets what is written after.
func TestSendsWhileMembersComeAndGo(t *testing.T) {
	const sends = 60
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	others := []string{p.Number()}
	for range 6 {
		others = append(others, phone(t).Number())
	}
	dora := phone(t)
	g, err := world.NewGroup(t.Context(), sandbox.NewGroup{Subject: "Friends", Owner: bob.Number(), Participants: others})
	require.NoError(t, err)
	send := func(text string) {
		m, err := s.Send(t.Context(), whatsapp.Outgoing{To: g.ID, Content: whatsapp.Text(text)})
		require.NoError(t, err)
		require.Equal(t, store.StatusSent, m.Status)
	}
	send("before")
	var work sync.WaitGroup
	sending := make(chan struct{}) // in step with the sends, so that those do not wait behind a flood
	work.Go(func() {
		for range sending {
			for _, verb := range []string{"remove", "add"} {
				_, err := world.ChangeGroup(t.Context(), g.ID, verb, bob.Number(), others[1], others[2])
				assert.NoError(t, err)
			}
		}
	})
	for range sends {
		sending <- struct{}{}
		send("meanwhile")
	}
	close(sending)
	work.Wait()
	_, err = world.ChangeGroup(t.Context(), g.ID, "add", bob.Number(), dora.Number())
	require.NoError(t, err)
	send("after")
	require.Eventually(t, func() bool {
		return len(bob.Messages(0)) == sends+2
	}, 30*time.Second, 5*time.Millisecond)
	got, err := dora.WaitMessages(t.Context(), 0, 1)
	require.NoError(t, err)
	require.Equal(t, "after", got[0].Text)
}
