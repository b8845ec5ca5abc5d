package convert

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares v as JSON with a file in testdata.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(v))
	path := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "make it with -update")
	require.Equal(t, string(want), b.String())
}

func TestContent(t *testing.T) {
	quoted := &waE2E.ContextInfo{StanzaID: proto.String("Q1"), Participant: proto.String("1@lid"), QuotedMessage: &waE2E.Message{Conversation: proto.String("before")}}
	key := &waCommon.MessageKey{ID: proto.String("M1"), RemoteJID: proto.String("1@lid")}
	for name, m := range map[string]*waE2E.Message{
		"text":          {Conversation: proto.String("hello")},
		"empty_text":    {Conversation: proto.String("")},
		"extended_text": {ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String("answer"), ContextInfo: quoted}},
		"image":         {ImageMessage: &waE2E.ImageMessage{Caption: proto.String("look"), Mimetype: proto.String("image/jpeg"), FileLength: proto.Uint64(1234), Width: proto.Uint32(3), Height: proto.Uint32(2)}},
		"video":         {VideoMessage: &waE2E.VideoMessage{Mimetype: proto.String("video/mp4"), Seconds: proto.Uint32(7)}},
		"gif":           {VideoMessage: &waE2E.VideoMessage{GifPlayback: proto.Bool(true)}},
		"ptv":           {PtvMessage: &waE2E.VideoMessage{Seconds: proto.Uint32(3)}},
		"audio":         {AudioMessage: &waE2E.AudioMessage{Seconds: proto.Uint32(5)}},
		"voice":         {AudioMessage: &waE2E.AudioMessage{PTT: proto.Bool(true), Mimetype: proto.String("audio/ogg; codecs=opus")}},
		"document":      {DocumentMessage: &waE2E.DocumentMessage{FileName: proto.String("a.pdf"), Mimetype: proto.String("application/pdf"), FileLength: proto.Uint64(1 << 63)}},
		"hostile_file":  {DocumentMessage: &waE2E.DocumentMessage{FileName: proto.String("\u202egpj.exe\x00\r\n\xff" + strings.Repeat("é", 1000)), Mimetype: proto.String("\x1b[31m"), Caption: proto.String("\xff" + strings.Repeat("x", 300<<10))}},
		"sticker":       {StickerMessage: &waE2E.StickerMessage{Mimetype: proto.String("image/webp")}},
		"location":      {LocationMessage: &waE2E.LocationMessage{Name: proto.String("Here"), DegreesLatitude: proto.Float64(1)}},
		"live_location": {LiveLocationMessage: &waE2E.LiveLocationMessage{Caption: proto.String("coming")}},
		"contact":       {ContactMessage: &waE2E.ContactMessage{DisplayName: proto.String("Bob")}},
		"poll":          {PollCreationMessageV3: &waE2E.PollCreationMessage{Name: proto.String("Pizza?")}},
		"poll_vote":     {PollUpdateMessage: &waE2E.PollUpdateMessage{}},
		"reaction":      {ReactionMessage: &waE2E.ReactionMessage{Text: proto.String("👍"), Key: key}},
		"edit":          {ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), Key: key, EditedMessage: &waE2E.Message{Conversation: proto.String("better")}}},
		"revoke":        {ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_REVOKE.Enum(), Key: key}},
		"key_share":     {ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE.Enum()}},
		"sender_key":    {SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{}, MessageContextInfo: &waE2E.MessageContextInfo{}},
		"unknown":       {PaymentInviteMessage: &waE2E.PaymentInviteMessage{}},
		"nothing":       {},
		"nil":           nil,
	} {
		t.Run(name, func(t *testing.T) {
			c := ContentOf(m)
			if len(c.Text) > 100 {
				c.Text = fmt.Sprintf("%.20s… %d bytes", c.Text, len(c.Text))
			}
			golden(t, "content_"+name, map[string]any{"type": c.Type, "text": c.Text, "media": c.Media, "action": Acts(c.Type), "internal": c.Internal, "quotes": c.Context.GetStanzaID()})
		})
	}
}

func TestMessageShape(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 0, 0, 5e6, time.UTC)
	people := People{
		"34600000002@s.whatsapp.net": {ID: "34600000002@s.whatsapp.net", Phone: "34600000002@s.whatsapp.net", LID: "2@lid", PushName: "Bob"},
		"9@lid":                      {ID: "9@lid", LID: "9@lid", Name: "From the book", PushName: "Ignored"},
	}
	full := store.Message{
		SessionID: "shop", MessageKey: store.MessageKey{Chat: "34600000002@s.whatsapp.net", Sender: "34600000002@s.whatsapp.net", ID: "M1"},
		Type: "image", Text: "<b>&</b>", Quoted: &store.Quoted{ID: "Q", Sender: "9@lid", Type: "text", Text: "before"}, Mentions: []string{"7@lid", "9@lid"},
		Media: &store.Media{MimeType: "image/png", Size: 7}, Status: store.StatusFailed, Failure: &store.Failure{Code: "x", Detail: "y", Retryable: true},
		Timestamp: at, StoredAt: at, EditedAt: at, RevokedAt: at,
	}
	golden(t, "message_full", MessageOf(full, people))
	golden(t, "message_bare", MessageOf(store.Message{SessionID: "shop", MessageKey: store.MessageKey{Chat: "1@g.us", Sender: "5@lid", ID: "M2"}, Type: "text", Status: store.StatusReceived, Timestamp: at, StoredAt: at}, nil))
	golden(t, "chat_full", ChatOf(store.Chat{ID: "34600000002@s.whatsapp.net", Kind: store.ChatPerson, Unread: 3, Pinned: true, MutedUntil: at, LastActivityAt: at, LastMessage: &full}, people))
	golden(t, "chat_bare", ChatOf(store.Chat{ID: "1@g.us", Kind: store.ChatGroup, Name: "Group"}, nil))
	require.Equal(t, []string{"34600000002@s.whatsapp.net", "9@lid", "7@lid"}, IDs(full, full))
}
