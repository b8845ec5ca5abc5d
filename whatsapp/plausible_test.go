package whatsapp_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
	waEvents "go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/sandbox"
)

// TestTimesThatCannotBe has messages come with times of the far future, of the past and of none: each
// stands where it came, what is told can be read, and pages have all.
func TestTimesThatCannotBe(t *testing.T) {
	r := run(t, quick())
	_, p := r.link("shop")
	eve, bob := phone(t), phone(t)
	begun := time.Now().Add(-time.Minute)
	times := []int64{time.Now().AddDate(10, 0, 0).Unix(), 253402300799, 253402300800, math.MaxInt64 / 1000, 1, -5, math.MinInt64 / 1000}
	for i, at := range times {
		require.NoError(t, eve.Forge(t.Context(), sandbox.Forgery{
			To: p.Number(), Plain: saying(t, fmt.Sprint(i)), Attrs: map[string]any{"t": fmt.Sprint(at)},
		}))
	}
	r.texts("shop", eve.LID(), len(times))
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "now"})
	require.NoError(t, err)
	r.texts("shop", bob.LID(), 1)
	for _, chat := range r.chats() {
		require.WithinRange(t, chat.LastActivityAt, begun, time.Now().Add(time.Minute))
	}
	seen, cursor := 0, ""
	for {
		list, next, err := r.store.Messages().List(t.Context(), store.MessageQuery{
			Session: "shop", Chats: r.chatKeys("shop", eve.LID()), Before: time.Now().Add(time.Minute), Page: store.Page{Limit: 2, Cursor: cursor},
		})
		require.NoError(t, err)
		for _, m := range list {
			seen++
			require.WithinRange(t, m.Timestamp, begun, time.Now().Add(time.Minute))
		}
		if cursor = next; next == "" {
			break
		}
	}
	require.Equal(t, len(times), seen)
	for i, data := range events[whatsapp.MessagesData](r, whatsapp.EventNewMessages)[:2] {
		require.Equal(t, times[i], time.Time(data.Messages[0].Timestamp).Unix(), "what is told is what was said")
	}
}

// TestActsOfTheFuture has a contact act with a clock that is far ahead: what comes later counts all
// the same.
func TestActsOfTheFuture(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	ids, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Text: "first"})
	require.NoError(t, err)
	far := time.Now().AddDate(50, 0, 0)
	key := &waCommon.MessageKey{ID: proto.String(ids[0]), FromMe: proto.Bool(true), RemoteJID: proto.String(chatOf(p))}
	forge := func(m *waE2E.Message) {
		raw, err := proto.Marshal(m)
		require.NoError(t, err)
		require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: raw}))
	}
	forge(&waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Key: key, Text: proto.String("👍"), SenderTimestampMS: proto.Int64(far.UnixMilli())}})
	forge(&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Key: key, Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), TimestampMS: proto.Int64(far.UnixMilli()),
		EditedMessage: &waE2E.Message{Conversation: proto.String("from the future")},
	}})
	require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: timer(t, 86400, far)}))
	r.lines(bob.LID(), 1)
	soon := time.Now().Add(30 * time.Second)
	require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: timer(t, 0, soon)}))
	forge(&waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Key: key, Text: proto.String("👎"), SenderTimestampMS: proto.Int64(soon.UnixMilli())}})
	forge(&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Key: key, Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), TimestampMS: proto.Int64(soon.UnixMilli()),
		EditedMessage: &waE2E.Message{Conversation: proto.String("from now")},
	}})
	require.Eventually(t, func() bool {
		m, err := r.store.Messages().Find(t.Context(), "shop", r.chatKeys("shop", bob.LID()), ids[0])
		return err == nil && m.Text == "from now" && m.Live != nil && m.Live.Reactions[0].Emoji == "👎" && r.chats()[0].Ephemeral == 0
	}, 30*time.Second, 5*time.Millisecond)

	require.True(t, s.Handle(&waEvents.Mute{JID: jid(t, bob.LID()), Action: &waSyncAction.MuteAction{Muted: proto.Bool(true), MuteEndTimestamp: proto.Int64(math.MaxInt64)}}))
	require.Equal(t, 9999, r.chats()[0].MutedUntil.Year())
	require.True(t, s.Handle(&waEvents.MarkChatAsRead{JID: jid(t, bob.LID()), Timestamp: time.Now(), Action: &waSyncAction.MarkChatAsReadAction{
		Read: proto.Bool(true), MessageRange: &waSyncAction.SyncActionMessageRange{LastMessageTimestamp: proto.Int64(far.Unix())},
	}}))
	require.False(t, r.chats()[0].ReadUpTo.After(time.Now()))
}

// TestEveryEventCanBeRead reads the events of hostile times as any client does.
func TestEveryEventCanBeRead(t *testing.T) {
	r := run(t, quick())
	s, p := r.link("shop")
	bob := phone(t)
	const end = "253402300799"
	for _, m := range []string{
		`{"pollCreationMessage":{"name":"?","options":[{"optionName":"a"},{"optionName":"b"}],"endTime":"` + end + `"}}`,
		`{"eventMessage":{"name":"e","startTime":"` + end + `","endTime":"9223372036854775807"}}`,
		`{"scheduledCallCreationMessage":{"title":"c","scheduledTimestampMS":"-9223372036854775808"}}`,
		`{"groupInviteMessage":{"groupJID":"1@g.us","inviteExpiration":"` + end + `"}}`,
		`{"extendedTextMessage":{"text":"x","contextInfo":{"expiration":4294967295,"ephemeralSettingTimestamp":"9223372036854775807"}}}`,
		`{"extendedTextMessage":{"text":"y","contextInfo":{"expiration":2147483647}}}`,
	} {
		_, err := bob.Send(t.Context(), sandbox.Outgoing{To: p.Number(), Proto: []byte(m)})
		require.NoError(t, err)
	}
	require.NoError(t, bob.Forge(t.Context(), sandbox.Forgery{To: p.Number(), Plain: timer(t, math.MaxUint32, time.Unix(253402300799, 0))}))
	require.Eventually(t, func() bool {
		list, _, err := r.store.Messages().List(t.Context(), store.MessageQuery{Session: "shop", Chats: r.chatKeys("shop", bob.LID()), Page: store.Page{Limit: 99}})
		return err == nil && len(list) == 7
	}, 30*time.Second, 5*time.Millisecond)
	list, err := r.store.Log().After(t.Context(), s.ID(), 0, 1000)
	require.NoError(t, err)
	for _, e := range list {
		var data any
		require.NoError(t, json.Unmarshal(e.Data, &data))
		times(t, data)
	}
}

// times reads every text that looks like a time as one.
func times(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			if text, ok := x.(string); ok && len(text) > 11 && text[len(text)-1] == 'Z' {
				_, err := time.Parse(time.RFC3339, text)
				require.NoError(t, err, name)
			}
			times(t, x)
		}
	case []any:
		for _, x := range v {
			times(t, x)
		}
	}
}
