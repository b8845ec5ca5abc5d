package sandbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// What a person does on the phone arrives at a client of somebody else.
func TestActs(t *testing.T) {
	_, ann, bob, c := pair(t)
	ids := send(t, bob, ann, "original", 1)
	c.messages(1)
	sent := c.say(jidOf(bob), "from the client")
	_, err := bob.WaitMessages(within(t), 0, 1)
	require.NoError(t, err)
	ctx := within(t)

	_, err = bob.React(ctx, ann.Number(), sent.ID, "👍")
	require.NoError(t, err)
	reaction := waitEvents(c, 1, func(m *events.Message) bool { return m.Message.GetReactionMessage() != nil })[0]
	require.Equal(t, "👍", reaction.Message.GetReactionMessage().GetText())
	require.Equal(t, sent.ID, reaction.Message.GetReactionMessage().GetKey().GetID())

	_, err = bob.Edit(ctx, ann.Number(), ids[0], "edited")
	require.NoError(t, err)
	edit := waitEvents(c, 1, func(m *events.Message) bool { return m.IsEdit })[0]
	require.Equal(t, "edited", edit.Message.GetProtocolMessage().GetEditedMessage().GetConversation())

	_, err = bob.Revoke(ctx, ann.Number(), ids[0])
	require.NoError(t, err)
	waitEvents(c, 1, func(m *events.Message) bool {
		p := m.Message.GetProtocolMessage()
		return p.GetType() == waE2E.ProtocolMessage_REVOKE && p.GetKey().GetID() == ids[0]
	})

	require.NoError(t, bob.Read(ctx, ann.Number(), sent.ID))
	waitEvents(c, 1, func(r *events.Receipt) bool { return r.Type == types.ReceiptTypeRead && r.MessageIDs[0] == sent.ID })

	require.NoError(t, bob.SetTyping(ann.Number(), "recording"))
	typing := waitEvents[*events.ChatPresence](c, 1, nil)[0]
	require.Equal(t, types.ChatPresenceMediaAudio, typing.Media)

	require.NoError(t, c.SendPresence(ctx, types.PresenceAvailable))
	require.NoError(t, c.SubscribePresence(ctx, lidOf(bob)))
	require.Eventually(t, func() bool {
		bob.account.mu.Lock()
		defer bob.account.mu.Unlock()
		return len(bob.account.online.subscribers) == 1
	}, patience, time.Millisecond)
	bob.SetPresence(true)
	require.False(t, waitEvents[*events.Presence](c, 1, nil)[0].Unavailable)

	_, err = bob.Edit(ctx, ann.Number(), sent.ID, "not mine")
	require.ErrorIs(t, err, ErrNoMessage)
	_, err = bob.React(ctx, ann.Number(), "unknown", "x")
	require.ErrorIs(t, err, ErrNoMessage)
	require.ErrorIs(t, bob.Read(ctx, ann.Number(), "unknown"), ErrNoMessage)
	require.ErrorIs(t, bob.SetTyping(ann.Number(), "dancing"), ErrInvalid)
}

// And what a client does is seen on the phone of somebody else.
func TestClientActs(t *testing.T) {
	_, ann, bob, c := pair(t)
	ids := send(t, bob, ann, "look", 1)
	c.messages(1)
	ctx := within(t)

	require.NoError(t, c.MarkRead(ctx, []types.MessageID{ids[0]}, time.Now(), lidOf(bob), lidOf(bob)))
	waitReceipt(t, bob, func(r Receipt) bool { return r.Type == "read" && r.IDs[0] == ids[0] && r.Device == 1 })

	require.NoError(t, c.SendChatPresence(ctx, lidOf(bob), types.ChatPresenceComposing, types.ChatPresenceMediaText))
	typing, err := bob.WaitTyping(ctx, 0, 1)
	require.NoError(t, err)
	require.Equal(t, Typing{N: 1, From: ann.Number(), Chat: ann.Number(), State: "composing"}, typing[0])

	sent := c.say(jidOf(bob), "text")
	for _, m := range []*waE2E.Message{
		c.BuildReaction(lidOf(bob), lidOf(bob), ids[0], "❤"),
		c.BuildEdit(lidOf(bob), sent.ID, &waE2E.Message{Conversation: ptr("edited text")}),
		c.BuildRevoke(lidOf(bob), types.EmptyJID, sent.ID),
	} {
		_, err := c.SendMessage(ctx, jidOf(bob), m)
		require.NoError(t, err)
	}
	list, err := bob.WaitMessages(ctx, 0, 4)
	require.NoError(t, err)
	require.Equal(t, "text", list[0].Type)
	require.Equal(t, []string{"reaction", "❤", ids[0]}, []string{list[1].Type, list[1].Text, list[1].TargetID})
	require.Equal(t, []string{"edit", "edited text", sent.ID}, []string{list[2].Type, list[2].Text, list[2].TargetID})
	require.Equal(t, []string{"revoke", "", sent.ID}, []string{list[3].Type, list[3].Text, list[3].TargetID})
}

func ptr[T any](v T) *T { return &v }

// Two companions of one account see each other's messages, the phone's, and
// what is changed in the app state.
func TestTwoCompanions(t *testing.T) {
	s, ann, bob, first := pair(t)
	waitGreeting(t, first, ann)
	second := newClient(t, s.Info())
	second.EmitAppStateEventsOnFullSync = true // its first fetch with something in it
	second.link(ann)
	require.Equal(t, []int{1, 2}, ann.Devices())

	sent := first.say(jidOf(bob), "from the first")
	copied := waitEvents(second, 1, func(m *events.Message) bool { return m.Info.ID == sent.ID })[0]
	require.True(t, copied.Info.IsFromMe)
	require.Equal(t, lidOf(bob), copied.Info.Chat)
	require.Equal(t, "from the first", textOf(copied))

	ids := send(t, ann, bob, "from the phone", 1)
	for _, c := range []*client{first, second} {
		m := waitEvents(c, 1, func(m *events.Message) bool { return m.Info.ID == ids[0] })[0]
		require.True(t, m.Info.IsFromMe)
		require.Equal(t, lidOf(bob), m.Info.Chat)
	}

	second.settle()
	require.NoError(t, first.SendAppState(within(t), appstate.BuildMute(lidOf(bob), true, time.Hour)))
	waitEvents[*events.Mute](second, 1, nil)
}

// A companion that is linked while others have the device list in their cache
// gets what they send next.
func TestNewDeviceIsAnnounced(t *testing.T) {
	s, _, bob, c := pair(t)
	c.say(jidOf(bob), "before")
	other := linked(t, s, bob)
	sent := c.say(jidOf(bob), "after")
	waitEvents(other, 1, func(m *events.Message) bool { return m.Info.ID == sent.ID })
	other.settle()
	require.NoError(t, bob.LogoutDevice(1))
	waitEvents[*events.LoggedOut](other, 1, nil)
	c.say(jidOf(bob), "last")
}

// An account has one name, and whoever changes it changes it for all.
func TestPushName(t *testing.T) {
	_, ann, bob, c := pair(t)
	waitEvents(c, 1, func(e *events.AppStateSyncComplete) bool { return e.Name == appstate.WAPatchCriticalBlock })
	require.Equal(t, "Ann", c.Store.PushName)
	require.NoError(t, ann.Rename(within(t), "Anna"))
	waitEvents(c, 1, func(e *events.PushNameSetting) bool { return e.Action.GetName() == "Anna" })
	send(t, ann, bob, "hello", 1)
	require.Equal(t, "Anna", ann.Name())
	require.ErrorIs(t, ann.Rename(within(t), ""), ErrInvalid)
}

func TestIsOnWhatsApp(t *testing.T) {
	_, _, bob, c := pair(t)
	list, err := c.IsOnWhatsApp(within(t), []string{bob.Number(), "+12025559999"})
	require.NoError(t, err)
	found := map[string]bool{}
	for _, r := range list {
		found[r.Query] = r.IsIn
	}
	require.Equal(t, map[string]bool{"+12025550101": true, "+12025559999": false}, found)
	_, err = c.SendMessage(within(t), types.NewJID("12025559999", types.DefaultUserServer), &waE2E.Message{Conversation: ptr("hello?")})
	require.Error(t, err)
}

// What a person sets for a chat on the phone arrives at the account's own client.
func TestChatSettings(t *testing.T) {
	_, ann, bob, c := pair(t)
	ctx := within(t)
	c.settle()
	// The first of a collection need not make an event at a client.
	require.NoError(t, ann.Archive(ctx, bob.Number(), false))
	waitEvents[*events.AppStateSyncComplete](c, len(appstate.AllPatchNames)+1, nil)
	require.NoError(t, ann.Mute(ctx, bob.Number(), 0))
	waitEvents[*events.AppStateSyncComplete](c, len(appstate.AllPatchNames)+2, nil)
	require.NoError(t, ann.Archive(ctx, bob.Number(), true))
	waitEvents(c, 1, func(e *events.Archive) bool { return e.Action.GetArchived() })
	require.NoError(t, ann.Pin(ctx, bob.Number(), true))
	pin := waitEvents(c, 1, func(e *events.Pin) bool { return e.Action.GetPinned() })[0]
	require.Equal(t, lidOf(bob), pin.JID)
	require.NoError(t, ann.Mute(ctx, bob.Number(), Forever))
	waitEvents(c, 1, func(e *events.Mute) bool { return e.Action.GetMuteEndTimestamp() == -1 })
	require.NoError(t, ann.Mute(ctx, bob.Number(), time.Hour))
	muted := waitEvents(c, 1, func(e *events.Mute) bool { return e.Action.GetMuteEndTimestamp() > 0 })[0]
	require.WithinDuration(t, time.Now().Add(time.Hour), time.UnixMilli(muted.Action.GetMuteEndTimestamp()), time.Minute)
	require.NoError(t, ann.MarkRead(ctx, bob.Number(), false))
	require.False(t, waitEvents[*events.MarkChatAsRead](c, 1, nil)[0].Action.GetRead())
	require.ErrorIs(t, ann.Archive(ctx, "+34611111111", true), ErrNoPhone)
}
