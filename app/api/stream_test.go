package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"whatsapp-api/store"
)

// lone is a stream without subscription and guard.
func lone(t *testing.T) (*API, *stream) {
	a := &API{Config: Config{Logger: zap.NewNop()}}
	a.streams.ctx, a.streams.end = context.WithCancelCause(context.Background())
	encode := func(e store.Event) (frame, error) {
		return frame{bytes: e.Data, session: e.SessionID, seq: e.Seq}, nil
	}
	s := a.open(t.Context(), encode, position)
	t.Cleanup(s.close)
	return a, s
}

func happening(session string, seq int64, size int) store.Event {
	return store.Event{SessionID: session, Seq: seq, Data: []byte(strings.Repeat("x", size))}
}

func TestLagRule(t *testing.T) {
	t.Run("a client that takes nothing is cut", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, s := lone(t)
			for seq := range int64(queueFrames) {
				require.NoError(t, s.push(happening("a", seq+1, 1)))
			}
			began := time.Now()
			require.Error(t, s.push(happening("a", queueFrames+1, 1)))
			require.Equal(t, streamPatience, time.Since(began))
			require.Equal(t, byeLagged, s.bye().code)
			session, seq := s.resumeAfter(s.bye())
			require.Equal(t, "a", session)
			require.Zero(t, seq, "it gets again all that was waiting")
			for range 10 {
				s.queue.take()
			}
			_, seq = s.resumeAfter(s.bye())
			require.EqualValues(t, 10, seq, "but nothing that was written")
		})
	})
	t.Run("the event without room is the first of its session", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, s := lone(t)
			for seq := range int64(queueFrames) {
				require.NoError(t, s.push(happening("a", seq+1, 1)))
			}
			require.Error(t, s.push(happening("b", 7, 1)))
			session, seq := s.resumeAfter(s.bye())
			require.Equal(t, "b", session)
			require.EqualValues(t, 6, seq)
		})
	})
	t.Run("a client that takes slowly is waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, s := lone(t)
			go func() {
				for s.ctx.Err() == nil {
					time.Sleep(streamPatience - time.Second)
					s.queue.take()
				}
			}()
			for seq := range int64(2 * queueFrames) {
				require.NoError(t, s.push(happening("a", seq+1, 1)))
			}
			s.end(errLeft)
			time.Sleep(streamPatience)
		})
	})
	t.Run("bytes count too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, s := lone(t)
			require.NoError(t, s.push(happening("a", 1, 3*queueBytes)), "a large one may wait alone")
			require.Error(t, s.push(happening("a", 2, 1)))
			require.Equal(t, byeLagged, s.bye().code)
		})
	})
	t.Run("what is said waits for room, and ends with the stream", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, s := lone(t)
			var wg sync.WaitGroup
			for range queueFrames + 5 {
				wg.Go(func() { s.say([]byte("x")) })
			}
			time.Sleep(time.Hour)
			require.NoError(t, s.ctx.Err())
			s.queue.take()
			synctest.Wait()
			s.end(errLeft)
			wg.Wait()
		})
	})
	t.Run("the server stops", func(t *testing.T) {
		a, s := lone(t)
		require.True(t, a.streams.enter())
		a.streams.close()
		<-s.ctx.Done()
		require.Equal(t, byeStopping, s.bye().code)
		require.False(t, a.streams.enter())
	})
}

func TestParting(t *testing.T) {
	for code, err := range map[string]error{
		byeExpired: fmt.Errorf("follow: %w", store.ErrExpired), byeStoreAway: fmt.Errorf("follow: %w", store.ErrUnavailable), byeStopping: errStopping,
	} {
		var f *farewell
		require.ErrorAs(t, parting(err), &f)
		require.Equal(t, code, f.code)
	}
	require.Equal(t, errLeft, parting(context.Canceled))
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
	from, err := parseCursor(c.String(), []store.Session{session("a"), session("b"), session("new")})
	require.NoError(t, err)
	require.Equal(t, after{each: map[string]int64{"a": 0, "b": 6, "new": 0}, exact: true}, from)

	anew := session("b")
	anew.CreatedAt = made.Add(time.Millisecond)
	_, err = parseCursor(c.String(), []store.Session{anew})
	require.ErrorIs(t, err, store.ErrExpired)
	c.add(anew, 1)
	from, err = parseCursor(c.String(), []store.Session{anew})
	require.NoError(t, err)
	require.EqualValues(t, 1, from.each["b"])

	c.all = false
	from, err = parseCursor(c.String(), []store.Session{session("new")})
	require.NoError(t, err)
	require.Empty(t, from.each, "not asked for before: live only")
	for _, bad := range []string{"", "x", "!", "Ag", c.String()[:8], c.String() + "AAAA"} {
		if _, err := parseCursor(bad, nil); !errors.Is(err, errNoCursor) {
			t.Errorf("%q was taken for a cursor", bad)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add((&cursor{}).String())
	f.Fuzz(func(t *testing.T, text string) {
		from, err := parseCursor(text, []store.Session{{ID: "a"}})
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
		formSocketIO: `2["new_messages",{"messages":[],"sessionId":"a"},{"id":"e1","seq":3,"event":"new_messages","sessionId":"a","timestamp":`,
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
