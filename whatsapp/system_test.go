package whatsapp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
	"whatsapp-api/whatsapp/sandbox"
)

// lines waits until a chat has n messages of type system, and lists them, oldest first.
func (r *rig) lines(chat string, n int) []store.Message {
	r.t.Helper()
	var list []store.Message
	require.EventuallyWithT(r.t, func(t *assert.CollectT) {
		var err error
		list, _, err = r.store.Messages().List(r.t.Context(), store.MessageQuery{
			Session: "shop", Chats: r.chatKeys("shop", chat), Type: store.TypeSystem, Page: store.Page{Limit: 100},
		})
		require.NoError(t, err)
		require.Len(t, list, n)
	}, 30*time.Second, 5*time.Millisecond)
	oldest := make([]store.Message, 0, n)
	for i := range list {
		oldest = append(oldest, list[len(list)-1-i])
	}
	return oldest
}

// timer is the message by which a chat's timer is set.
func timer(t *testing.T, seconds uint32, at time.Time) []byte {
	t.Helper()
	raw, err := proto.Marshal(&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_EPHEMERAL_SETTING.Enum(), EphemeralExpiration: proto.Uint32(seconds), EphemeralSettingTimestamp: proto.Int64(at.Unix()),
	}})
	require.NoError(t, err)
	return raw
}

// TestATimerThatIsSet has a contact set the timer of the chat, before there is a message in it, and
// change it: a line each, once, and nothing unread.
func TestATimerThatIsSet(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	bob := phone(t)
	at := time.Now().Add(-time.Minute)
	set := func(id string, seconds uint32, at time.Time) {
		require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: timer(t, seconds, at), Attrs: map[string]any{"id": id}}))
	}
	set("TIMER1", 86400, at)
	set("TIMER1", 86400, at) // told twice
	set("TIMER0", 0, at.Add(-time.Hour))
	set("TIMER2", 604800, at.Add(time.Second))
	list := r.lines(bob.LID(), 3)
	who, ok := r.contact(bob.LID())
	require.True(t, ok)
	for i, seconds := range []int{86400, 0, 604800} {
		require.Equal(t, &store.System{Kind: convert.SystemTimerChanged, By: who.ID, Seconds: &seconds}, list[i].Content.System)
		require.False(t, list[i].FromMe)
	}
	require.Eventually(t, func() bool { return r.chats()[0].Ephemeral == 604800 }, 30*time.Second, 5*time.Millisecond)
	chat := r.chats()[0]
	require.Zero(t, chat.Unread)
	told := events[whatsapp.MessagesData](r, whatsapp.EventNewMessages)
	require.Len(t, told, 3)
	require.Equal(t, 86400, *told[0].Messages[0].System.Seconds)
}

// TestLinesOfAGroup has all happen to a group that is told of: one line each, with who did it and to
// whom, and nothing unread.
func TestLinesOfAGroup(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob, carl := phone(t), phone(t)
	g, err := world.NewGroup(t.Context(), sandbox.NewGroup{Subject: "Friends", Owner: bob.Number(), Participants: []string{p.Number()}})
	require.NoError(t, err)
	for _, verb := range []string{"add", "promote", "demote", "remove"} {
		_, err = world.ChangeGroup(t.Context(), g.ID, verb, bob.Number(), carl.Number())
		require.NoError(t, err)
	}
	_, err = world.ChangeGroup(t.Context(), g.ID, "add", bob.Number(), carl.Number())
	require.NoError(t, err)
	_, err = world.ChangeGroup(t.Context(), g.ID, "leave", carl.Number())
	require.NoError(t, err)
	_, err = world.RenameGroup(t.Context(), g.ID, bob.Number(), "Best friends")
	require.NoError(t, err)
	list := r.lines(g.ID, 8)
	someone := func(p *sandbox.Phone) string {
		who, ok := r.contact(p.LID())
		require.True(t, ok)
		require.Equal(t, chatOf(p), who.Phone)
		return who.ID
	}
	b, c := someone(bob), someone(carl)
	carls := []string{c}
	for i, want := range []store.System{
		{Kind: convert.SystemCreated, By: b, Text: "Friends"},
		{Kind: convert.SystemAdded, By: b, People: carls},
		{Kind: convert.SystemPromoted, By: b, People: carls},
		{Kind: convert.SystemDemoted, By: b, People: carls},
		{Kind: convert.SystemRemoved, By: b, People: carls},
		{Kind: convert.SystemAdded, By: b, People: carls},
		{Kind: convert.SystemLeft, By: c, People: carls},
		{Kind: convert.SystemSubjectChanged, By: b, Text: "Best friends"},
	} {
		require.Equal(t, &want, list[i].Content.System)
	}

	settings := []waBinary.Node{
		{Tag: "description", Attrs: waBinary.Attrs{"id": "1"}, Content: []waBinary.Node{{Tag: "body", Content: []byte("We are")}}},
		{Tag: "announcement", Attrs: waBinary.Attrs{"v_id": "1"}},
		{Tag: "unlocked"},
		{Tag: "ephemeral", Attrs: waBinary.Attrs{"expiration": "86400"}},
		{Tag: "invite", Attrs: waBinary.Attrs{"code": "X"}},
	}
	n := waBinary.Node{Tag: "notification", Content: settings, Attrs: waBinary.Attrs{
		"from": jid(t, g.ID), "participant": jid(t, bob.LID()), "type": "w:gp2", "id": "SETTINGS", "t": fmt.Sprint(time.Now().Unix()),
	}}
	for range 2 { // told twice
		require.NoError(t, s.Stanza(t.Context(), n))
	}
	seconds := 86400
	list = r.lines(g.ID, 13)
	for i, want := range []store.System{
		{Kind: convert.SystemDescriptionChanged, By: b, Text: "We are"},
		{Kind: convert.SystemAnnouncementOn, By: b},
		{Kind: convert.SystemUnlocked, By: b},
		{Kind: convert.SystemInviteChanged, By: b},
		{Kind: convert.SystemTimerChanged, By: b, Seconds: &seconds},
	} {
		require.Equal(t, &want, list[8+i].Content.System)
	}
	chat := r.chats()[0]
	require.Equal(t, "Best friends", chat.Name)
	require.Equal(t, 86400, chat.Ephemeral)
	require.Zero(t, chat.Unread)
}

// TestAGroupOneIsAddedTo has the account be added to a group that is older, and removed again.
func TestAGroupOneIsAddedTo(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	bob, carl := phone(t), phone(t)
	g, err := world.NewGroup(t.Context(), sandbox.NewGroup{Subject: "Friends", Owner: bob.Number(), Participants: []string{carl.Number()}})
	require.NoError(t, err)
	for _, verb := range []string{"add", "remove"} {
		_, err = world.ChangeGroup(t.Context(), g.ID, verb, bob.Number(), p.Number())
		require.NoError(t, err)
	}
	list := r.lines(g.ID, 2)
	own, ok := r.contact(p.LID())
	require.True(t, ok)
	for i, kind := range []string{convert.SystemAdded, convert.SystemRemoved} {
		require.Equal(t, kind, list[i].Content.System.Kind)
		require.Equal(t, []string{own.ID}, list[i].Content.System.People)
	}
	chat := r.chats()[0]
	require.Equal(t, "Friends", chat.Name)
	require.Zero(t, chat.Unread)
}

// TestAChangedNumber has a contact write under another number than before, which WhatsApp confirms.
func TestAChangedNumber(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	bob := phone(t)
	require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{
		To: p.Number(), Plain: saying(t, "from the old one"), Attrs: map[string]any{"from": jid(t, bob.LID()), "sender_pn": jid(t, "34799111222@s.whatsapp.net")},
	}))
	r.texts("shop", bob.LID(), 1)
	for range 2 {
		_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "from the new one"})
		require.NoError(t, err)
	}
	list := r.lines(bob.LID(), 1)
	who, ok := r.contact(bob.LID())
	require.True(t, ok)
	require.Equal(t, chatOf(bob), who.Phone)
	require.Equal(t, &store.System{Kind: convert.SystemNumberChanged, By: who.ID, People: []string{who.ID}, Previous: "+34799111222"}, list[0].Content.System)
	require.Eventually(t, func() bool { return r.chats()[0].Unread == 3 }, 30*time.Second, 5*time.Millisecond)
}
