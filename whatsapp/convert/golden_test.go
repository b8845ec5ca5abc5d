package convert

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
	full.Content, full.Live = everyContent(), everyAct()
	golden(t, "message_full", MessageOf(full, people))
	golden(t, "message_bare", MessageOf(store.Message{SessionID: "shop", MessageKey: store.MessageKey{Chat: "1@g.us", Sender: "5@lid", ID: "M2"}, Type: "text", Status: store.StatusReceived, Timestamp: at, StoredAt: at}, nil))
	golden(t, "chat_full", ChatOf(store.Chat{ID: "34600000002@s.whatsapp.net", Kind: store.ChatPerson, Unread: 3, Pinned: true, MutedUntil: at, LastActivityAt: at, LastMessage: &full}, people))
	golden(t, "chat_bare", ChatOf(store.Chat{ID: "1@g.us", Kind: store.ChatGroup, Name: "Group"}, nil))
	require.Equal(t, []string{"34600000002@s.whatsapp.net", "9@lid", "7@lid", "status@broadcast"}, IDs(full, full))
}

// everyContent says everything at once, which no message does.
func everyContent() *store.Content {
	return &store.Content{
		Location:      &store.Location{Latitude: 0, Longitude: 1.5, Name: "Here"},
		Contacts:      []store.Card{{Name: "Bob", Phones: []store.CardPhone{{Number: "600", ID: "34600000002@s.whatsapp.net"}, {Number: "700"}}}, {}},
		Poll:          &store.Poll{Question: "Pizza?", Options: []store.PollOption{{Text: "Yes"}, {Text: "No"}}, MaxSelections: 1, ClosesAt: 1767225600000},
		CalendarEvent: &store.CalendarEvent{Name: "Meeting", StartsAt: 1767225600000, Location: &store.Location{Name: "Office"}},
		Interactive: &store.Interactive{
			Kind: store.InteractiveList, Body: "Choose", Buttons: []store.Button{{ID: "b", Text: "Yes", Kind: store.ButtonReply}},
			Sections: []store.Section{{Title: "Drinks", Rows: []store.Row{{ID: "row-7", Text: "Tea"}}}}, Cards: []store.Slide{{Body: "first"}}, Selected: &store.Selected{ID: "b", Text: "Yes", Kind: "buttons"},
		},
		Order: &store.Order{ID: "O1", Items: 2, Seller: "9@lid", Total1000: 12500, Currency: "EUR"}, Product: &store.Product{ID: "P1", Title: "Shoe", Price1000: 39000, Currency: "EUR"},
		GroupInvite: &store.GroupInvite{Group: "9@g.us", Kind: "group", Code: "CODE"}, Call: &store.Call{Outcome: "missed", People: []store.CallPerson{{Person: "9@lid", Outcome: "missed"}}},
		Referral: &store.Referral{Type: "ad", ID: "12345", Thumbnail: jpg, ConversionData: []byte("opaque")}, Links: []store.Link{{URL: "https://a.test", Title: "A", Image: jpg}},
		Album: &store.Album{ID: "A1", Index: 2, Total: 3}, MentionsAll: true, GroupMentions: []store.GroupMention{{Group: "9@g.us", Name: "Team"}}, Forwarded: &store.Forwarded{Often: true},
		ViewOnce: true, Broadcast: true, Ephemeral: &store.Ephemeral{Seconds: 86400}, System: &store.System{Kind: "joined", By: "9@lid", People: []string{"7@lid"}},
		QuotedChat: "status@broadcast", Source: store.SourcePhone,
	}
}

func everyAct() *store.Live {
	var l store.Live
	l.React(store.Reaction{By: "9@lid", Emoji: "👍", At: 1767225600123})
	l.React(store.Reaction{By: "7@lid", At: 1767225600123})
	l.Vote(store.Vote{By: "9@lid", Hashes: [][]byte{store.PollOption{Text: "No"}.Sum()}, At: 1})
	l.Vote(store.Vote{By: "34600000002@s.whatsapp.net", Mine: true, Hashes: [][]byte{store.PollOption{Text: "No"}.Sum(), store.PollOption{Text: "Added"}.Sum()}, At: 1})
	l.AddOption(store.PollOption{Text: "Added"})
	l.Answer(store.Answer{By: "9@lid", Answer: store.AnswerMaybe, At: 1})
	l.Star(store.Mark{On: true, At: 1})
	l.Pin(store.Pin{Until: 1767225600000, At: 1})
	l.Move(store.Location{Latitude: 2, Longitude: 3, UpdatedAt: 1767225600000, Sequence: 4})
	l.Replace(store.LiveMedia{ID: "HD", Media: store.Media{MimeType: "image/jpeg", Width: 4000, SHA256: sha, Thumbnail: jpg}, At: 1})
	l.CancelledAt = 1
	return &l
}
