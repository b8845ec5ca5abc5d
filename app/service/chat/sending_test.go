package chat

import (
	"context"
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
	require.Equal(t, Result{MessageID: "its own", Body: []byte(`{"text":"a"}`)}, r)

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
	for field, text := range map[string]Text{
		"to":              {Text: "a"},
		"text":            {To: "1", Text: " \t\n"},
		"quotedMessageId": {To: "1", Text: "a", Quoted: strings.Repeat("é", MaxMessageID+1)},
		"mentions":        {To: "1", Text: "a", Mentions: make([]string, MaxMentions+1)},
	} {
		wrong := text.Check()
		require.Len(t, wrong, 1, field)
		require.Contains(t, wrong, field)
	}
	require.Empty(t, Text{To: "1", Text: strings.Repeat("é", MaxText), Quoted: strings.Repeat("é", MaxMessageID), Mentions: make([]string, MaxMentions)}.Check())
	require.Len(t, Text{To: strings.Repeat("1", MaxAddress+1), Text: strings.Repeat("a", MaxText+1)}.Check(), 2)
}
