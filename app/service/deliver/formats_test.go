package deliver

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
		"text":     {whatsapp.EventNewMessages, bring(sample("T1", bob.ID, bob, "text", "¿Tenéis pan? 🥖"))},
		"batch":    {whatsapp.EventNewMessages, bring(sample("B1", bob.ID, bob, "text", "one"), sample("B2", bob.ID, bob, "text", "two"))},
		"group":    {whatsapp.EventNewMessages, bring(group)},
		"answer":   {whatsapp.EventNewMessages, bring(answer)},
		"image":    {whatsapp.EventNewMessages, bring(picture)},
		"voice":    {whatsapp.EventNewMessages, bring(voice)},
		"document": {whatsapp.EventNewMessages, bring(file)},
		"reaction": {whatsapp.EventNewMessages, bring(sample("R1", bob.ID, bob, "reaction", "👍"))},
		"edit":     {whatsapp.EventNewMessages, bring(sample("E1", bob.ID, bob, "edit", "anew"))},
		"location": {whatsapp.EventNewMessages, bring(with("L1", "location", func(m *convert.Message) {
			m.Location = &convert.Location{Latitude: 0, Longitude: -1.5, Name: ptr("Here")}
		}))},
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
		add(t, all, name, c.event, c.data)
	}
	return all
}

func add(t *testing.T, all map[string]store.Event, name, event string, data any) {
	t.Helper()
	raw, err := json.Marshal(data)
	require.NoError(t, err)
	require.NotContains(t, all, name)
	all[name] = store.Event{ID: "evt_1", Seq: 7, SessionID: "shop", Name: event, Timestamp: time.Time(moment(5)), Data: raw}
}

// with is a message of Bob's with more in it.
func with(id, kind string, fill func(*convert.Message)) convert.Message {
	m := sample(id, bob.ID, bob, kind, "what one reads")
	fill(&m)
	return m
}

// structured adds messages with structure, and what people do to messages.
func structured(t *testing.T, all map[string]store.Event) {
	t.Helper()
	tap := func(kind string, data *string) func(*convert.Message) {
		return func(m *convert.Message) {
			m.Quoted = &convert.Quoted{ID: "Q1", ChatID: bob.ID, From: &ann, Type: "interactive", Text: ptr("Coming?")}
			m.Interactive = &convert.Interactive{Kind: "reply", Selected: &convert.Selected{ID: ptr("id-1"), Text: ptr("Yes"), Description: ptr("hot"), Kind: &kind, Data: data}}
		}
	}
	offer := func(kind string) func(*convert.Message) {
		return func(m *convert.Message) {
			m.Interactive = &convert.Interactive{
				Kind: kind, Body: ptr("what one reads"), Title: ptr("Title"),
				Buttons:  []convert.InteractiveButton{{ID: ptr("b1"), Text: ptr("Yes"), Kind: "reply"}, {Text: ptr("See"), Kind: "url", URL: ptr("https://a.test")}, {Text: ptr("Copy"), Kind: "copy", CopyCode: ptr("123456")}},
				Sections: []convert.InteractiveSection{{Title: ptr("Drinks"), Rows: []convert.InteractiveRow{{ID: ptr("row-7"), Text: ptr("Tea")}}}},
			}
			if kind == "buttons" {
				m.Interactive.Cards = []convert.InteractiveCard{{Body: ptr("first"), Buttons: m.Interactive.Buttons[:1]}}
			}
		}
	}
	at := moment(1)
	for name, m := range map[string]convert.Message{
		"tap":          with("I1", "interactive", tap("buttons", nil)),
		"tap template": with("I2", "interactive", tap("template", nil)),
		"tap list":     with("I3", "interactive", tap("list", nil)),
		"tap new":      with("I4", "interactive", tap("buttons", ptr(`{"id":"id-1"}`))),
		"form":         with("I5", "interactive", tap("flow", ptr(`{"name":"Bob"}`))),
		"buttons":      with("I6", "interactive", offer("buttons")),
		"list":         with("I7", "interactive", offer("list")),
		"template":     with("I8", "interactive", offer("template")),
		"old template": with("I9", "interactive", func(m *convert.Message) {
			offer("template")(m)
			m.Interactive.Buttons = m.Interactive.Buttons[:2]
		}),
		"live location": with("S1", "live_location", func(m *convert.Message) { m.Location = &convert.Location{Latitude: 1, Live: true} }),
		"contact": with("S2", "contact", func(m *convert.Message) {
			m.Contacts = []convert.ContactCard{{Name: ptr("Eva"), Organization: ptr("Shop"), Phones: []convert.ContactPhone{{Number: "+34 6", Label: ptr("cell"), ID: ptr("346@s.whatsapp.net")}}, Emails: []string{"e@a.test"}, VCard: ptr("BEGIN:VCARD")}}
		}),
		"contacts": with("S3", "contact", func(m *convert.Message) { m.Contacts = []convert.ContactCard{{Name: ptr("Eva")}, {Name: ptr("Bob")}} }),
		"poll": with("S4", "poll", func(m *convert.Message) {
			m.Poll = &convert.Poll{Question: "Pizza?", Options: []convert.PollOption{{Text: "Yes"}}, MaxSelections: 1}
		}),
		"event": with("S5", "event", func(m *convert.Message) {
			m.CalendarEvent = &convert.CalendarEvent{Name: "Meeting", StartsAt: &at, Location: &convert.Location{Name: ptr("Office")}}
		}),
		"order": with("S6", "order", func(m *convert.Message) {
			m.Order = &convert.Order{ID: ptr("O1"), Token: ptr("T"), Items: 2, Seller: &ann, Total1000: 12500, Currency: ptr("EUR"), Text: ptr("please")}
		}),
		"product": with("S7", "product", func(m *convert.Message) {
			m.Product = &convert.Product{ID: ptr("P1"), Title: ptr("Shoe"), Price1000: ptr(int64(39000)), Owner: &ann}
		}),
		"invite": with("S8", "group_invite", func(m *convert.Message) {
			m.GroupInvite = &convert.GroupInvite{ID: "9@g.us", Name: ptr("Team"), Code: ptr("CODE"), ExpiresAt: &at}
		}),
		"call": with("S9", "call", func(m *convert.Message) { m.Call = &convert.Call{Video: true, Outcome: ptr("missed")} }),
		"ad": with("S10", "text", func(m *convert.Message) {
			m.Referral = &convert.Referral{Type: "ad", ID: ptr("12345"), URL: ptr("https://fb.me/x"), Title: ptr("Shoes"), MediaType: ptr("video"), MediaURL: ptr("https://fb.me/v"), ClickID: ptr("clid"), ConversionData: ptr("b3BhcXVl")}
		}),
		"forwarded": with("S11", "text", func(m *convert.Message) {
			m.Forwarded, m.Mentions, m.Ephemeral = &convert.Forwarded{Often: true}, []convert.Address{eva}, &convert.Ephemeral{Seconds: 86400}
		}),
		"of a status": with("S12", "text", func(m *convert.Message) {
			m.Quoted = &convert.Quoted{ID: "Q1", ChatID: "status@broadcast", From: &ann, Type: "image", Text: ptr("Shoes 39")}
		}),
		"system":      with("S13", "system", func(m *convert.Message) { m.System = &convert.System{Kind: "joined", People: []convert.Address{eva}} }),
		"unavailable": sample("S14", bob.ID, bob, "unavailable", ""),
		"unknown":     sample("S15", bob.ID, bob, "unknown", ""),
	} {
		add(t, all, name, whatsapp.EventNewMessages, whatsapp.MessagesData{Messages: []convert.Message{m}})
	}
	const team = "120363000000000001@g.us"
	on := whatsapp.Acted{ChatID: bob.ID, MessageID: "O1", MessageFrom: &ann, MessageFromMe: true}
	inGroup := whatsapp.Acted{ChatID: team, MessageID: "G1", MessageFrom: &bob}
	changed := sample("T1", bob.ID, bob, "text", "better")
	changed.EditedAt = &at
	add(t, all, "reacted", whatsapp.EventMessageReaction, whatsapp.ReactionData{Acted: on, From: bob, Emoji: ptr("👍"), Timestamp: moment(3)})
	add(t, all, "reaction gone", whatsapp.EventMessageReaction, whatsapp.ReactionData{Acted: inGroup, From: eva, Timestamp: moment(3)})
	add(t, all, "own reaction", whatsapp.EventMessageReaction, whatsapp.ReactionData{Acted: on, From: ann, FromMe: true, Emoji: ptr("👍"), Timestamp: moment(3)})
	add(t, all, "edited", whatsapp.EventMessageEdited, whatsapp.MessageData{Message: changed})
	add(t, all, "revoked", whatsapp.EventMessageRevoked, whatsapp.RevokedData{Acted: inGroup, By: eva, Timestamp: moment(3)})
	add(t, all, "voted", whatsapp.EventPollVote, whatsapp.PollVoteData{Acted: on, By: bob, Options: []string{"Yes"}, Timestamp: moment(3)})
	add(t, all, "vote gone", whatsapp.EventPollVote, whatsapp.PollVoteData{Acted: inGroup, By: eva, Options: []string{}, Timestamp: moment(3)})
	add(t, all, "vote sealed", whatsapp.EventPollVote, whatsapp.PollVoteData{Acted: on, By: bob, Timestamp: moment(3)})
}

func TestFormats(t *testing.T) {
	session := store.Session{ID: "shop", Phone: "+34600000001", PushName: "Ann"}
	for format, f := range formats {
		got, all := map[string][]any{}, occasions(t)
		structured(t, all)
		for name, e := range all {
			if mapped(format, e.Name) {
				if bodies := f.make(renderContext{e, session, "https://example.org/hook"}); bodies != nil {
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
			for _, data := range []string{"", "null", "{}", "[]", `{"messages":[{}]}`, `{"message":{}}`, `{"messages":7}`, `{"session":{}}`, `{"chatId":"1@g.us","messageId":"X"}`, `{"messages":[{"interactive":{"selected":{}}},{"poll":{}},{"type":"contact","contacts":[{}]}]}`} {
				f.make(renderContext{event: store.Event{Name: name, Data: []byte(data)}}) // must not panic
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
	acts := map[string]store.Event{}
	structured(t, acts)
	for name, c := range map[string]struct {
		w    store.Webhook
		want []string
	}{
		"who reacts":  {store.Webhook{Events: []string{whatsapp.EventMessageReaction}, Filters: store.WebhookFilters{Senders: []string{bob.ID}, Types: []string{"text"}}}, []string{"reacted"}},
		"own acts":    {store.Webhook{Events: []string{whatsapp.EventMessageReaction, whatsapp.EventPollVote}, Filters: store.WebhookFilters{FromMe: &yes}}, []string{"own reaction"}},
		"who revokes": {store.Webhook{Events: []string{whatsapp.EventMessageRevoked}, Filters: store.WebhookFilters{Senders: []string{"nobody@lid"}}}, []string{}},
	} {
		got := []string{}
		for name, e := range acts {
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
