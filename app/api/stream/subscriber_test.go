package stream

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"whatsapp-api/app/codes"
	"whatsapp-api/app/events"
	"whatsapp-api/store"
)

// lone is a stream without subscription and guard.
func lone(t *testing.T) (*Hub, *subscriber) {
	h := &Hub{Config: Config{Logger: zap.NewNop(), Log: events.New(&memory{})}}
	h.streams.ctx, h.streams.end = context.WithCancelCause(context.Background())
	s := h.newSubscriber(t.Context())
	t.Cleanup(s.close)
	return h, s
}

func TestStreamsEndWithTheServer(t *testing.T) {
	h, s := lone(t)
	require.True(t, h.streams.enter(kindWebSocket))
	h.streams.close()
	<-s.ctx.Done()
	require.Equal(t, codes.Stopping, s.reason().code)
	require.False(t, h.streams.enter(kindWebSocket))
}

func TestReasonFor(t *testing.T) {
	for code, err := range map[codes.Code]error{
		codes.CursorExpired: fmt.Errorf("follow: %w", store.ErrExpired), codes.StoreUnavailable: fmt.Errorf("follow: %w", store.ErrUnavailable), codes.Stopping: errStopping,
	} {
		var f *closeReason
		require.ErrorAs(t, reasonFor(err), &f)
		require.Equal(t, code, f.code)
	}
	require.Equal(t, errLeft, reasonFor(context.Canceled))
}

func TestCursor(t *testing.T) {
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	session := func(id string) store.Session { return store.Session{ID: id, CreatedAt: made} }
	c := cursor{all: true}
	c.add(session("a"), 0)
	c.add(session("b"), 5)
	require.True(t, c.move("b", 6))
	require.False(t, c.move("b", 6), "an older event belongs to another log")
	require.False(t, c.move("new", 1))
	from, err := parseCursor(t.Context(), nil, c.String(), []store.Session{session("a"), session("b"), session("new")})
	require.NoError(t, err)
	require.Equal(t, start{each: map[string]int64{"a": 0, "b": 6, "new": 0}, exact: true}, from)

	anew := session("b")
	anew.CreatedAt = made.Add(time.Millisecond)
	_, err = parseCursor(t.Context(), nil, c.String(), []store.Session{anew})
	require.ErrorIs(t, err, store.ErrExpired)
	c.add(anew, 1)
	from, err = parseCursor(t.Context(), nil, c.String(), []store.Session{anew})
	require.NoError(t, err)
	require.EqualValues(t, 1, from.each["b"])

	c.all = false
	from, err = parseCursor(t.Context(), nil, c.String(), []store.Session{session("new")})
	require.NoError(t, err)
	require.Empty(t, from.each, "not asked for before: live only")
	for _, bad := range []string{"", "x", "!", "Ag", c.String()[:8], c.String() + "AAAA"} {
		if _, err := parseCursor(t.Context(), nil, bad, nil); !errors.Is(err, errNoCursor) {
			t.Errorf("%q was taken for a cursor", bad)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add((&cursor{}).String())
	f.Fuzz(func(t *testing.T, text string) {
		from, err := parseCursor(t.Context(), nil, text, []store.Session{{ID: "a"}})
		if err == nil && from.each["a"] < 0 {
			t.Fatal("a negative seq")
		}
	})
}

func TestEncodings(t *testing.T) {
	e := store.Event{ID: "e1", Seq: 3, SessionID: "a", Name: "new_messages", Data: []byte(`{"messages":[]}`)}
	c := newEncodings()
	for form, want := range map[form]string{
		formEnvelope: `{"id":"e1","seq":3,"event":"new_messages","sessionId":"a","timestamp":`,
		formEvents:   "event: new_messages\ndata: {\"id\":\"e1\",",
		formSocketIO: `42["new_messages",{"messages":[],"sessionId":"a"},{"id":"e1","seq":3,"event":"new_messages","sessionId":"a","timestamp":`,
	} {
		first, err := c.in(form)(e)
		require.NoError(t, err)
		require.Contains(t, string(first.bytes), want)
		again, err := c.in(form)(e)
		require.NoError(t, err)
		require.Same(t, &first.bytes[0], &again.bytes[0], "encoded once")
		other := e
		other.Data = []byte(`{"messages":[1]}`)
		anew, err := c.in(form)(other)
		require.NoError(t, err)
		require.NotEqual(t, first, anew, "of another log")
	}
	_, err := c.in(formSocketIO)(store.Event{ID: "bad", Data: []byte(`[]`)})
	require.Error(t, err)
}
