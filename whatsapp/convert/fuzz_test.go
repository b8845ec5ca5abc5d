package convert

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
)

// FuzzRead feeds whatever a hostile contact could encrypt: it is understood or not, and what
// is kept of it is text that every store and client takes.
func FuzzRead(f *testing.F) {
	const bad = "\xff\x00\u202e@lid"
	context := &waE2E.ContextInfo{
		StanzaID: proto.String(bad), Participant: proto.String(bad), MentionedJID: []string{bad, "1@lid", "1:2@lid", "1.2:3@s.whatsapp.net"},
		QuotedMessage: &waE2E.Message{Conversation: proto.String(bad)},
	}
	for _, m := range []*waE2E.Message{
		{Conversation: proto.String("x")},
		{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String(bad), ContextInfo: context}},
		{DocumentMessage: &waE2E.DocumentMessage{FileName: proto.String(bad), Mimetype: proto.String(bad), FileLength: proto.Uint64(1 << 63), ContextInfo: context}},
		{ImageMessage: &waE2E.ImageMessage{Caption: proto.String(bad), Width: proto.Uint32(1 << 31)}},
		{VideoMessage: &waE2E.VideoMessage{Mimetype: proto.String(bad), GifPlayback: proto.Bool(true)}},
		{AudioMessage: &waE2E.AudioMessage{PTT: proto.Bool(true)}},
		{ContactMessage: &waE2E.ContactMessage{DisplayName: proto.String(bad)}},
		{LocationMessage: &waE2E.LocationMessage{Name: proto.String(bad)}},
		{PollCreationMessageV3: &waE2E.PollCreationMessage{Name: proto.String(bad)}},
		{ReactionMessage: &waE2E.ReactionMessage{Text: proto.String(bad)}},
		{ButtonsResponseMessage: &waE2E.ButtonsResponseMessage{Response: &waE2E.ButtonsResponseMessage_SelectedDisplayText{SelectedDisplayText: bad}}},
		{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum()}},
		{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), EditedMessage: &waE2E.Message{Conversation: proto.String(bad)}}},
		{DeviceSentMessage: &waE2E.DeviceSentMessage{Message: &waE2E.Message{Conversation: proto.String(bad)}}},
	} {
		raw, err := proto.Marshal(m)
		require.NoError(f, err)
		f.Add(raw)
	}
	for _, all := range []map[string]*waE2E.Message{plainKinds(), otherKinds()} {
		for _, m := range all {
			raw, err := proto.Marshal(m)
			require.NoError(f, err)
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m waE2E.Message
		if proto.Unmarshal(raw, &m) != nil {
			return
		}
		r := Read(&m)
		require.Equal(t, r.Class == ClassMessage, r.Type != "")
		require.True(t, r.Class != ClassAct || r.Act != nil)
		if u := Unwrap(&m); u != nil {
			again := Read(u)
			require.Equal(t, r.Type, again.Type)
			require.Equal(t, r.Text, again.Text)
		}
		if r.Act != nil {
			_, err := r.Act.Open(Keys{Secret: r.Secret, Authors: []types.JID{types.EmptyJID}, Actors: []types.JID{types.EmptyJID}})
			require.True(t, err == nil || errors.Is(err, ErrSealed))
		}
		kept := store.Message{Type: r.Type, Text: r.Text, Media: r.Media, Content: r.Content, Quoted: &store.Quoted{ID: CleanID(r.Context.GetStanzaID())}}
		for _, text := range append(r.Context.GetMentionedJID(), r.Context.GetParticipant()) {
			if jid, ok := PersonIn(text); ok {
				kept.Mentions = append(kept.Mentions, jid.String())
			}
		}
		if f := r.Media; f != nil {
			require.True(t, f.Size >= 0 && f.Width >= 0 && f.Height >= 0 && f.Seconds >= 0 && f.Pages >= 0)
		}
		raw, err := json.Marshal(kept)
		require.NoError(t, err)
		require.True(t, utf8.Valid(raw))
		require.LessOrEqual(t, len(r.Text), maxText)
		shape, err := json.Marshal(MessageOf(kept, nil))
		require.NoError(t, err)
		var again Message
		require.NoError(t, json.Unmarshal(shape, &again))
		require.Equal(t, MessageOf(kept, nil), again, "nothing is lost on the way to the client")
	})
}

// FuzzPersonIn feeds addresses that strangers write: who is a person can be addressed.
func FuzzPersonIn(f *testing.F) {
	for _, s := range []string{"34600000001@s.whatsapp.net", "1:2@lid", "1.2:3@hosted", "1@c.us", "\xff@lid", "@lid", "x@lid", "1@g.us", "1@hosted.lid", strings.Repeat("1", 200) + "@lid"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		jid, ok := PersonIn(text)
		if !ok {
			return
		}
		require.Zero(t, jid.Device)
		require.True(t, IsPerson(jid) && digits(jid.User), "%q", jid)
		again, ok := PersonIn(jid.String())
		require.True(t, ok)
		require.Equal(t, jid, again)
	})
}

// FuzzClean feeds what strangers call themselves, their files and their messages.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"Ana", "\xff\x00\u202e", " \u2066 x ", strings.Repeat("é", 400), strings.Repeat("\U0010ffff", 80), "a\r\nb", "\u0301", strings.Repeat(" ", 127) + "xy"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, clean := range map[string]func(string) string{"text": CleanText, "name": CleanName, "id": CleanID, "line": cleanLine} {
			got := clean(text)
			require.True(t, utf8.ValidString(got), name)
			require.Equal(t, got, clean(got), "%s: clean, and then cleaner", name)
			if name == "text" {
				require.LessOrEqual(t, len(got), maxText)
				continue
			}
			require.False(t, strings.ContainsAny(got, "\x00\r\n\x1b\u202e\u2066\ufeff"), name)
			require.LessOrEqual(t, len(got), 4*maxName, name)
		}
	})
}
