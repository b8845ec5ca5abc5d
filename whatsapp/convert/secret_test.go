package convert

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
)

var (
	authorPhone, authorLID = types.NewJID("34600000001", types.DefaultUserServer), types.NewJID("111", types.HiddenUserServer)
	actorPhone, actorLID   = types.NewJID("34600000002", types.DefaultUserServer), types.NewJID("222", types.HiddenUserServer)
)

// seal is what a client of WhatsApp does.
func seal(t *testing.T, use string, author, actor types.JID, secret []byte, content proto.Message) (payload, iv []byte) {
	t.Helper()
	plain, err := proto.Marshal(content)
	require.NoError(t, err)
	gcm, extra, err := sealing(use, "M1", author, actor, secret)
	require.NoError(t, err)
	iv = []byte("twelve bytes")
	return gcm.Seal(nil, iv, plain, extra), iv
}

func TestSealedActs(t *testing.T) {
	t.Parallel()
	edited := &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), Key: key, EditedMessage: text("better")}}
	secretly := func(kind waE2E.SecretEncryptedMessage_SecretEncType) func(p, iv []byte) *waE2E.Message {
		return func(p, iv []byte) *waE2E.Message {
			return &waE2E.Message{SecretEncryptedMessage: &waE2E.SecretEncryptedMessage{TargetMessageKey: key, SecretEncType: &kind, EncPayload: p, EncIV: iv}}
		}
	}
	for name, c := range map[string]struct {
		use     string
		content proto.Message
		message func(p, iv []byte) *waE2E.Message
		check   func(Act)
	}{
		"vote": {
			"Poll Vote", &waE2E.PollVoteMessage{SelectedOptions: [][]byte{[]byte("no hash"), sha}},
			func(p, iv []byte) *waE2E.Message {
				return &waE2E.Message{PollUpdateMessage: &waE2E.PollUpdateMessage{PollCreationMessageKey: key, SenderTimestampMS: proto.Int64(1767225600123), Vote: &waE2E.PollEncValue{EncPayload: p, EncIV: iv}}}
			},
			func(a Act) {
				require.Equal(t, [][]byte{sha}, a.Hashes)
				require.Equal(t, int64(1767225600123), a.At)
			},
		},
		"answer": {
			"Event Response", &waE2E.EventResponseMessage{Response: waE2E.EventResponseMessage_MAYBE.Enum(), ExtraGuestCount: proto.Int32(2), TimestampMS: proto.Int64(1767225600123)},
			func(p, iv []byte) *waE2E.Message {
				return &waE2E.Message{EncEventResponseMessage: &waE2E.EncEventResponseMessage{EventCreationMessageKey: key, EncPayload: p, EncIV: iv}}
			},
			func(a Act) {
				require.Equal(t, store.AnswerMaybe, a.Answer)
				require.Equal(t, 2, a.Guests)
			},
		},
		"reaction": {
			"Enc Reaction", &waE2E.ReactionMessage{Text: str("👍"), SenderTimestampMS: proto.Int64(1767225600123)},
			func(p, iv []byte) *waE2E.Message {
				return &waE2E.Message{EncReactionMessage: &waE2E.EncReactionMessage{TargetMessageKey: key, EncPayload: p, EncIV: iv}}
			},
			func(a Act) { require.Equal(t, "👍", a.Emoji) },
		},
		"comment": {
			"Enc Comment", text("agreed"),
			func(p, iv []byte) *waE2E.Message {
				return &waE2E.Message{EncCommentMessage: &waE2E.EncCommentMessage{TargetMessageKey: key, EncPayload: p, EncIV: iv}}
			},
			func(a Act) { require.Equal(t, "agreed", Read(a.Message).Text) },
		},
		"edit":             {"Message Edit", text("better"), secretly(waE2E.SecretEncryptedMessage_MESSAGE_EDIT), func(a Act) { require.Equal(t, "better", Read(a.Message).Text) }},
		"edit in its form": {"Message Edit", edited, secretly(waE2E.SecretEncryptedMessage_MESSAGE_EDIT), func(a Act) { require.Equal(t, "better", Read(a.Message).Text) }},
		"event edit": {
			"Event Edit", &waE2E.Message{EventMessage: &waE2E.EventMessage{Name: str("Moved"), IsCanceled: proto.Bool(true)}}, secretly(waE2E.SecretEncryptedMessage_EVENT_EDIT),
			func(a Act) { require.True(t, Read(a.Message).Content.CalendarEvent.Cancelled) },
		},
		"poll edit": {"Poll Edit", &waE2E.Message{PollCreationMessage: &waE2E.PollCreationMessage{Name: str("Anew?")}}, secretly(waE2E.SecretEncryptedMessage_POLL_EDIT), func(a Act) { require.Equal(t, TypePoll, Read(a.Message).Type) }},
		"poll option": {
			"Poll Edit", &waE2E.Message{PollAddOptionMessage: &waE2E.PollAddOptionMessage{PollCreationMessageKey: key, AddOption: &waE2E.PollCreationMessage_Option{OptionName: str("Maybe")}}},
			secretly(waE2E.SecretEncryptedMessage_POLL_ADD_OPTION), func(a Act) { require.Equal(t, "Maybe", a.Option.Text) },
		},
	} {
		for _, author := range []types.JID{authorPhone, authorLID} {
			for _, actor := range []types.JID{actorPhone, actorLID} {
				payload, iv := seal(t, c.use, author, actor, sha, c.content)
				r := Read(c.message(payload, iv))
				require.Equal(t, ClassAct, r.Class, name)
				require.Equal(t, "M1", r.Act.Target.ID, name)
				device := actorLID
				device.Device = 7
				k := Keys{Secret: sha, Authors: []types.JID{authorPhone, authorLID}, Actors: []types.JID{actorPhone, device}}
				open, err := r.Act.Open(k)
				require.NoError(t, err, name)
				require.Nil(t, open.Sealed, name)
				require.NotNil(t, r.Act.Sealed, "the act that was read stays as it is")
				c.check(open)

				for what, k := range map[string]Keys{
					"no secret":     {Authors: k.Authors, Actors: k.Actors},
					"other secret":  {Secret: []byte("other"), Authors: k.Authors, Actors: k.Actors},
					"other person":  {Secret: sha, Authors: k.Authors, Actors: []types.JID{types.NewJID("9", types.HiddenUserServer)}},
					"nobody at all": {Secret: sha},
				} {
					_, err = r.Act.Open(k)
					require.ErrorIs(t, err, ErrSealed, "%s: %s", name, what)
				}
				r.Act.Sealed.IV = nil
				_, err = r.Act.Open(k)
				require.ErrorIs(t, err, ErrSealed, name)
			}
		}
	}
	plain, err := Act{Kind: ActReaction, Emoji: "👍"}.Open(Keys{})
	require.NoError(t, err)
	require.Equal(t, "👍", plain.Emoji)
}

func TestOpenedRubbish(t *testing.T) {
	t.Parallel()
	gcm, extra, err := sealing("Poll Vote", "M1", authorLID, actorLID, sha)
	require.NoError(t, err)
	iv := []byte("twelve bytes")
	a := Act{Kind: ActVote, Target: Target{ID: "M1"}, Sealed: &Sealed{Uses: []string{useVote}, IV: iv, Payload: gcm.Seal(nil, iv, []byte("\xff\xff"), extra)}}
	_, err = a.Open(Keys{Secret: sha, Authors: []types.JID{authorLID}, Actors: []types.JID{actorLID}})
	require.ErrorIs(t, err, ErrSealed)
}
