package sandbox

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// sendOne has a phone send one message and gives back how the client sees it.
func sendOne(t *testing.T, c *client, from *Phone, o Outgoing) *events.Message {
	t.Helper()
	ids, err := from.Send(within(t), o)
	require.NoError(t, err)
	return contentOf(c, ids[0])
}

// contentOf waits for a message with what is in it: a client tells of a sender key under the same id.
func contentOf(c *client, id string) *events.Message {
	c.t.Helper()
	return waitEvents(c, 1, func(m *events.Message) bool {
		kind, _, _ := describe(m.Message)
		return m.Info.ID == id && kind != "unknown"
	})[0]
}

func TestTextsThatQuoteMentionAndForward(t *testing.T) {
	_, ann, bob, c := pair(t)
	to := ann.Number()
	sent := c.say(jidOf(bob), "from the client")
	_, err := bob.WaitMessages(within(t), 0, 1)
	require.NoError(t, err)

	m := sendOne(t, c, bob, Outgoing{To: to, Text: "I quote you", QuotedID: sent.ID, Mentions: []string{bob.Number()}})
	about := m.Message.GetExtendedTextMessage().GetContextInfo()
	require.Equal(t, sent.ID, about.GetStanzaID())
	require.Equal(t, lidOf(ann).String(), about.GetParticipant())
	require.Equal(t, "from the client", about.GetQuotedMessage().GetConversation())
	require.Nil(t, about.GetQuotedMessage().GetMessageContextInfo(), "the secret stays where it was")
	require.Equal(t, []string{lidOf(bob).String()}, about.GetMentionedJID())

	m = sendOne(t, c, bob, Outgoing{To: to, ForwardID: sent.ID})
	require.Equal(t, "from the client", m.Message.GetExtendedTextMessage().GetText())
	require.True(t, m.Message.GetExtendedTextMessage().GetContextInfo().GetIsForwarded())

	m = sendOne(t, c, bob, Outgoing{To: to, Proto: json.RawMessage(`{"locationMessage":{"degreesLatitude":41.4,"degreesLongitude":2.2,"name":"Barcelona"}}`)})
	require.Equal(t, "Barcelona", m.Message.GetLocationMessage().GetName())
	m = sendOne(t, c, bob, Outgoing{To: to, Proto: json.RawMessage(`{"ephemeralMessage":{"message":{"conversation":"for a while"}}}`)})
	require.True(t, m.IsEphemeral)

	for _, o := range []Outgoing{
		{},
		{Text: "x", Poll: &Poll{Name: "?", Options: []string{"a", "b"}}},
		{Poll: &Poll{Name: "?", Options: []string{"a"}}},
		{Poll: &Poll{Name: "?", Options: []string{"a", "b"}}, QuotedID: "x"},
		{Proto: json.RawMessage(`{"dance":1}`)},
		{Text: "x", Type: "poll"},
		{Text: "x", ForwardFrom: ann.Number()},
	} {
		o.To = to
		_, err := bob.Send(within(t), o)
		require.ErrorIs(t, err, ErrInvalid, "%+v", o)
	}
	_, err = bob.Send(within(t), Outgoing{To: to, Text: "x", QuotedID: "unknown"})
	require.ErrorIs(t, err, ErrNoMessage)
}

// What is encrypted with a message's secret is opened by a client that has the message.
func TestPollsVotesAndSecretEdits(t *testing.T) {
	_, ann, bob, c := pair(t)
	for _, addressing := range []string{"lid", "pn"} {
		poll := sendOne(t, c, bob, Outgoing{To: ann.Number(), Addressing: addressing, Poll: &Poll{Name: "When?", Options: []string{"now", "later"}, Selectable: 1}})
		require.Equal(t, "When?", poll.Message.GetPollCreationMessageV3().GetName())
		id, err := bob.Vote(within(t), ann.Number(), poll.Info.ID, "later")
		require.NoError(t, err)
		vote := waitEvents(c, 1, func(m *events.Message) bool { return m.Info.ID == id })[0]
		opened, err := c.DecryptPollVote(within(t), vote)
		require.NoError(t, err)
		require.Equal(t, whatsmeow.HashPollOptions([]string{"later"}), opened.GetSelectedOptions())

		text := sendOne(t, c, bob, Outgoing{To: ann.Number(), Addressing: addressing, Text: "first"})
		id, err = bob.EditSecretly(within(t), ann.Number(), text.Info.ID, "second")
		require.NoError(t, err)
		edit := waitEvents(c, 1, func(m *events.Message) bool { return m.Info.ID == id })[0]
		inner, err := c.DecryptSecretEncryptedMessage(within(t), edit)
		require.NoError(t, err)
		require.Equal(t, text.Info.ID, inner.GetProtocolMessage().GetKey().GetID())
		require.Equal(t, "second", inner.GetProtocolMessage().GetEditedMessage().GetConversation())
	}
	_, err := bob.Vote(within(t), ann.Number(), "unknown", "later")
	require.ErrorIs(t, err, ErrNoMessage)

	made, err := c.SendMessage(within(t), jidOf(bob), c.BuildPollCreation("And you?", []string{"yes", "no"}, 0))
	require.NoError(t, err)
	waitMessage(t, bob, func(m Received) bool { return m.ID == made.ID })
	_, err = bob.Vote(within(t), ann.Number(), made.ID, "maybe")
	require.ErrorIs(t, err, ErrInvalid)
	id, err := bob.Vote(within(t), ann.Number(), made.ID, "yes", "no")
	require.NoError(t, err)
	opened, err := c.DecryptPollVote(within(t), waitEvents(c, 1, func(m *events.Message) bool { return m.Info.ID == id })[0])
	require.NoError(t, err)
	require.Len(t, opened.GetSelectedOptions(), 2)
}

// A reaction that is taken back, and receipts that no honest phone writes.
func TestReceiptsByHand(t *testing.T) {
	_, ann, bob, c := pair(t)
	sent := c.say(jidOf(bob), "text")
	_, err := bob.WaitMessages(within(t), 0, 1)
	require.NoError(t, err)
	_, err = bob.React(within(t), ann.Number(), sent.ID, "👍")
	require.NoError(t, err)
	id, err := bob.React(within(t), ann.Number(), sent.ID, "")
	require.NoError(t, err)
	back := waitEvents(c, 1, func(m *events.Message) bool { return m.Info.ID == id })[0]
	require.Empty(t, back.Message.GetReactionMessage().GetText())
	require.Equal(t, types.EditAttributeSenderRevoke, back.Info.Edit)

	repeated := []string{sent.ID, sent.ID, "unknown", sent.ID}
	require.NoError(t, bob.Receipt(within(t), ann.Number(), "played", repeated, map[string]any{"t": "1", "strange": "x"}))
	r := waitEvents(c, 1, func(r *events.Receipt) bool { return r.Type == types.ReceiptTypePlayed })[0]
	require.Equal(t, repeated, r.MessageIDs)
	require.EqualValues(t, 1, r.Timestamp.Unix())
	require.ErrorIs(t, bob.Receipt(within(t), ann.Number(), "read", nil, nil), ErrInvalid)
}
