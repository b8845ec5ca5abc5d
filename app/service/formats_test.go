package service

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

var update = flag.Bool("update", false, "write the golden files anew")

func ptr[T any](v T) *T { return &v }

func moment(s int) convert.Time {
	return convert.Time(time.Date(2026, 3, 1, 12, 0, s, 0, time.UTC))
}

var (
	bob = convert.Address{ID: "34600000002@s.whatsapp.net", Phone: ptr("+34600000002"), LID: ptr("222@lid"), Name: ptr("Bob")}
	ann = convert.Address{ID: "34600000001@s.whatsapp.net", Phone: ptr("+34600000001"), LID: ptr("111@lid"), Name: ptr("Ann")}
	eva = convert.Address{ID: "333@lid", LID: ptr("333@lid")}
)

func sample(id, chat string, from convert.Address, kind, text string) convert.Message {
	return convert.Message{
		ID: id, SessionID: "shop", ChatID: chat, From: from, Type: kind, Text: convert.TextOrNil(text), Mentions: []convert.Address{},
		Status: store.StatusReceived, Timestamp: moment(1), StoredAt: moment(2),
	}
}

// occasions are events of every kind that some format has.
func occasions(t *testing.T) map[string]store.Event {
	group := sample("G1", "120363000000000001@g.us", eva, "text", "in a group")
	answer := sample("A1", bob.ID, bob, "text", "an answer")
	answer.Quoted = &convert.Quoted{ID: "Q1", From: &ann, Type: "text", Text: ptr("a question")}
	picture := sample("P1", bob.ID, bob, "image", "a caption")
	picture.Media = &convert.Media{MimeType: ptr("image/jpeg"), Size: ptr(int64(99))}
	voice := sample("V1", bob.ID, bob, "voice", "")
	voice.Media = &convert.Media{MimeType: ptr("audio/ogg; codecs=opus"), Seconds: ptr(3)}
	file := sample("D1", bob.ID, bob, "document", "")
	file.Media = &convert.Media{MimeType: ptr("application/pdf"), FileName: ptr("a.pdf")}
	own := sample("O1", bob.ID, ann, "text", "from my phone")
	own.FromMe, own.Status = true, store.StatusSent
	session := convert.Session{ID: "shop", State: "connected"}
	status := func(s string, chat string, by convert.Address) whatsapp.MessageStatusData {
		return whatsapp.MessageStatusData{ChatID: chat, MessageID: "O1", Status: s, By: by, Timestamp: moment(3)}
	}
	bring := func(m ...convert.Message) whatsapp.MessagesData { return whatsapp.MessagesData{Messages: m} }
	all := map[string]store.Event{}
	for name, c := range map[string]struct {
		event string
		data  any
	}{
		"text":       {whatsapp.EventNewMessages, bring(sample("T1", bob.ID, bob, "text", "¿Tenéis pan? 🥖"))},
		"batch":      {whatsapp.EventNewMessages, bring(sample("B1", bob.ID, bob, "text", "one"), sample("B2", bob.ID, bob, "text", "two"))},
		"group":      {whatsapp.EventNewMessages, bring(group)},
		"answer":     {whatsapp.EventNewMessages, bring(answer)},
		"image":      {whatsapp.EventNewMessages, bring(picture)},
		"voice":      {whatsapp.EventNewMessages, bring(voice)},
		"document":   {whatsapp.EventNewMessages, bring(file)},
		"reaction":   {whatsapp.EventNewMessages, bring(sample("R1", bob.ID, bob, convert.TypeReaction, "👍"))},
		"edit":       {whatsapp.EventNewMessages, bring(sample("E1", bob.ID, bob, convert.TypeEdit, "anew"))},
		"location":   {whatsapp.EventNewMessages, bring(sample("L1", bob.ID, bob, "location", ""))},
		"own":        {whatsapp.EventNewMessages, bring(own)},
		"sent":       {whatsapp.EventMessageSent, whatsapp.MessageData{Message: own}},
		"ack sent":   {whatsapp.EventMessageStatus, status("sent", bob.ID, ann)},
		"ack read":   {whatsapp.EventMessageStatus, status("read", bob.ID, bob)},
		"ack failed": {whatsapp.EventMessageStatus, status("failed", bob.ID, ann)},
		"ack group":  {whatsapp.EventMessageStatus, status("delivered", "120363000000000001@g.us", eva)},
		"error":      {whatsapp.EventMessageError, whatsapp.MessageErrorData{Message: own, Code: "not_allowed", Detail: "Refused."}},
		"status":     {whatsapp.EventSessionStatus, whatsapp.StatusData{Session: session, Previous: "syncing"}},
		"qr":         {whatsapp.EventQR, convert.QR{Code: "2@abc", Image: "data:image/png;base64,AA==", Attempt: 1, ExpiresAt: moment(60)}},
		"chat":       {whatsapp.EventChatUpdate, whatsapp.ChatData{}},
	} {
		raw, err := json.Marshal(c.data)
		require.NoError(t, err)
		all[name] = store.Event{ID: "evt_1", Seq: 7, SessionID: "shop", Name: c.event, Timestamp: time.Time(moment(5)), Data: raw}
	}
	return all
}

func TestFormats(t *testing.T) {
	session := store.Session{ID: "shop", Phone: "+34600000001", PushName: "Ann"}
	for format, f := range formats {
		got := map[string][]any{}
		for name, e := range occasions(t) {
			if mapped(format, e.Name) {
				if bodies := f.make(occasion{e, session, "https://example.org/hook"}); bodies != nil {
					got[name] = bodies
				}
			}
		}
		var raw bytes.Buffer
		enc := json.NewEncoder(&raw)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		require.NoError(t, enc.Encode(got))
		path := filepath.Join("testdata", "formats_"+format+".json")
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(path, raw.Bytes(), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), raw.String(), format)
	}
}

func TestFormatsOfMalformedData(t *testing.T) {
	for _, f := range formats {
		for _, name := range f.events {
			for _, data := range []string{"", "null", "{}", "[]", `{"messages":[{}]}`, `{"message":{}}`, `{"messages":7}`, `{"session":{}}`} {
				f.make(occasion{event: store.Event{Name: name, Data: []byte(data)}}) // must not panic
			}
		}
	}
}

func TestFilters(t *testing.T) {
	all := occasions(t)
	yes, no := true, false
	for name, c := range map[string]struct {
		w    store.Webhook
		want []string
	}{
		"by name":        {store.Webhook{Events: []string{whatsapp.EventQR}}, []string{"qr"}},
		"groups":         {store.Webhook{Events: []string{whatsapp.EventNewMessages, whatsapp.EventQR}, Filters: store.WebhookFilters{Groups: &yes}}, []string{"group", "qr"}},
		"chat by phone":  {store.Webhook{Events: []string{whatsapp.EventMessageStatus}, Filters: store.WebhookFilters{Chats: []string{bob.ID}}}, []string{"ack failed", "ack read", "ack sent"}},
		"chat by lid":    {store.Webhook{Events: []string{whatsapp.EventNewMessages}, Filters: store.WebhookFilters{Chats: []string{"222@lid"}, Types: []string{"image", "voice"}}}, []string{"image", "voice"}},
		"sender":         {store.Webhook{Events: []string{whatsapp.EventNewMessages}, Filters: store.WebhookFilters{Senders: []string{"333@lid"}}}, []string{"group"}},
		"own":            {store.Webhook{Events: []string{whatsapp.EventNewMessages, whatsapp.EventMessageSent}, Filters: store.WebhookFilters{FromMe: &yes}}, []string{"own", "sent"}},
		"others, no grp": {store.Webhook{Events: []string{whatsapp.EventNewMessages}, Filters: store.WebhookFilters{FromMe: &no, Groups: &no, Types: []string{"text"}}}, []string{"answer", "batch", "text"}},
	} {
		got := []string{}
		for name, e := range all {
			if wants(&c.w, e.Name, subjectOf(e)) {
				got = append(got, name)
			}
		}
		require.ElementsMatch(t, c.want, got, name)
	}
	require.Equal(t, bob.ID, subjectOf(all["text"]).chat)
	require.Equal(t, bob.ID, subjectOf(all["ack read"]).chat)
	require.Empty(t, subjectOf(all["status"]).chat)
	require.Equal(t, "to", subjectOf(store.Event{Data: []byte(`{"from":"x","to":"to","contact":{"id":"c"}}`)}).chat)
}
