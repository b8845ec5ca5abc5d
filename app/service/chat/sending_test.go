package chat

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/store/sqlite"
	"whatsapp-api/whatsapp"
)

// note is a draft of a kind that goes nowhere.
type note struct {
	text  string
	wrong service.Invalid
	fails error
	sent  *[]string // ids
}

func (n note) Kind() string              { return "note" }
func (n note) Check() service.Invalid    { return n.wrong }
func (n note) Identity() ([]byte, error) { return []byte(n.text), nil }

func (n note) Send(_ context.Context, _ *whatsapp.Session, id string) (Sent, error) {
	if id == "" {
		id = "its own"
	}
	*n.sent = append(*n.sent, id)
	return Sent{ID: id, Shape: map[string]string{"text": n.text}}, n.fails
}

// TestSend sends drafts of a kind that nobody knows: the rules are the same for all.
func TestSend(t *testing.T) {
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "store.db")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	var sent []string
	var told []error
	s := &Sending{Once: NewIdempotency(st.Idempotency(), zap.NewNop()), Observe: func(err error, _ time.Duration) { told = append(told, err) }}
	on := service.Target{Caller: service.Caller{User: store.User{ID: "ann"}}, Session: &whatsapp.Session{}}

	r, err := s.Send(t.Context(), on, "", note{text: "a", sent: &sent})
	require.NoError(t, err)
	require.Equal(t, Result{MessageID: "its own", Body: []byte(`{"text":"a"}`), Status: 201}, r)

	first, err := s.Send(t.Context(), on, "key", note{text: "b", sent: &sent})
	require.NoError(t, err)
	require.Equal(t, sent[1], first.MessageID)
	again, err := s.Send(t.Context(), on, "key", note{text: "b", sent: &sent})
	require.NoError(t, err)
	require.Len(t, sent, 2, "once")
	require.True(t, again.Replayed)
	require.Equal(t, first.MessageID, again.MessageID)
	require.Equal(t, first.Body, again.Body)
	_, err = s.Send(t.Context(), on, "key", note{text: "c", sent: &sent})
	require.ErrorIs(t, err, ErrIdempotencyReused)

	r, err = s.Send(t.Context(), on, "other key", note{text: "d", sent: &sent, fails: whatsapp.ErrOffline})
	require.ErrorIs(t, err, whatsapp.ErrOffline)
	require.Equal(t, sent[2], r.MessageID, "of a send that failed")
	require.Equal(t, []error{nil, nil, whatsapp.ErrOffline}, told)

	var wrong service.Invalid
	_, err = s.Send(t.Context(), on, "", note{wrong: service.Invalid{"text": "is wrong"}, sent: &sent})
	require.ErrorAs(t, err, &wrong)
	on.Caller.Key = &store.APIKey{Scopes: []string{"messages:read"}}
	_, err = s.Send(t.Context(), on, "", note{sent: &sent})
	require.ErrorIs(t, err, service.ErrScope)
	require.Len(t, sent, 3)
}

// TestTextCheck looks at drafts that no request could bring, but a bot could make.
func TestTextCheck(t *testing.T) {
	to := Common{To: "1"}
	for field, text := range map[string]Text{
		"to":               {Text: "a"},
		"text":             {Common: to, Text: " \t\n"},
		"quotedMessageId":  {Common: Common{To: "1", Quoted: strings.Repeat("é", MaxMessageID+1)}, Text: "a"},
		"quotedChatId":     {Common: Common{To: "1", QuotedChat: "2"}, Text: "a"},
		"mentions":         {Common: Common{To: "1", Mentions: make([]string, MaxMentions+1)}, Text: "a"},
		"mentionsAll":      {Common: Common{To: "34600000000", MentionsAll: true}, Text: "a"},
		"ephemeralSeconds": {Common: Common{To: "1", Ephemeral: ephemeral(3600)}, Text: "a"},
	} {
		wrong := text.Check()
		require.Len(t, wrong, 1, field)
		require.Contains(t, wrong, field)
	}
	require.Empty(t, Text{Common: Common{To: "1", Quoted: strings.Repeat("é", MaxMessageID), Mentions: make([]string, MaxMentions)}, Text: strings.Repeat("é", MaxText)}.Check())
	require.Len(t, Text{Common: Common{To: strings.Repeat("1", MaxAddress+1)}, Text: strings.Repeat("a", MaxText+1)}.Check(), 2)
}

// TestIdentityOfATextStays: a key that was used before a new release is good after it.
func TestIdentityOfATextStays(t *testing.T) {
	raw, err := Text{Common: Common{To: "1", Quoted: "Q", Mentions: []string{"2"}}, Text: "a"}.Identity()
	require.NoError(t, err)
	require.Equal(t, `{"to":"1","text":"a","quotedMessageId":"Q","mentions":["2"]}`, string(raw))
}

// TestKindsCheck looks at drafts of the other kinds.
func TestKindsCheck(t *testing.T) {
	to := Common{To: "1"}
	options := []string{"a", "b"}
	for field, d := range map[string]Draft{
		"latitude":           Location{Common: to, Latitude: 90.1},
		"longitude":          Location{Common: to, Longitude: math.NaN()},
		"url":                Location{Common: to, URL: strings.Repeat("x", MaxURL+1)},
		"contacts":           Contacts{Common: to},
		"contacts[0].name":   Contacts{Common: to, Contacts: []Card{{Name: " ", Phones: []string{"1"}}}},
		"contacts[0].phones": Contacts{Common: to, Contacts: []Card{{Name: "Bob"}}},
		"contacts[1].vcard":  Contacts{Common: to, Contacts: []Card{{Name: "Bob", Phones: []string{"1"}}, {VCard: "FN:Bob"}}},
		"question":           Poll{Common: to, Question: "\n", Options: options},
		"options":            Poll{Common: to, Question: "?", Options: options[:1]},
		"options[1]":         Poll{Common: to, Question: "?", Options: []string{"a", "a"}},
		"startsAt":           Event{Common: to, Name: "a"},
		"location.name":      Event{Common: to, Name: "a", StartsAt: time.Now(), Location: &Place{Name: " "}},
		"maxSelections":      Poll{Common: to, Question: "?", Options: options, MaxSelections: 3},
	} {
		wrong := d.Check()
		require.Len(t, wrong, 1, field)
		require.Contains(t, wrong, field)
	}
}

func ephemeral(seconds int) *int { return &seconds }

// TestEmoji: a reaction is one emoji.
func TestEmoji(t *testing.T) {
	for _, yes := range []string{"👍", "👍🏽", "❤️", "❤", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇪🇸", "1️⃣", "#⃣", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "©️", "‼️", "🫠", "↔️"} {
		require.True(t, isEmoji(yes), yes)
	}
	for _, no := range []string{"a", "1", " ", "👍👍", "👍 ", "ok", "🇪", "\u200d", "👩‍", "<b>", strings.Repeat("👩‍", 40) + "👩", "\x00", "+"} {
		require.False(t, isEmoji(no), no)
	}
	require.Contains(t, Reaction{To: "1", MessageID: "a", Emoji: "no"}.Check(), "emoji")
	require.Empty(t, Reaction{To: "1", MessageID: "a"}.Check())
}
