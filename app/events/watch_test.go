package events

import (
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

func TestWatch(t *testing.T) {
	l := New(&memory{})
	commit := func() {
		_, err := l.Commit(t.Context(), store.Unit{Session: "s", Events: []store.Event{{Name: "e"}}})
		require.NoError(t, err)
	}
	w := l.Watch()
	defer w.Close()
	next := func() (string, bool) {
		<-w.News()
		session, gone, ok := w.Next()
		require.True(t, ok)
		return session, gone
	}
	none := func() {
		t.Helper()
		_, _, ok := w.Next()
		require.False(t, ok)
	}
	w.Add("s")
	session, gone := next() // at once, so that what is there is read
	require.Equal(t, "s", session)
	require.False(t, gone)
	none()
	commit()
	commit()
	next()
	none()

	events, more, err := l.Newer(t.Context(), "s", 0)
	require.NoError(t, err)
	require.Len(t, events, 2)
	require.False(t, more)
	events, _, err = l.Newer(t.Context(), "s", 2)
	require.NoError(t, err)
	require.Empty(t, events)

	w.Add("other")
	commit()
	got := map[string]bool{}
	for range 2 { // the token is there as long as there is more
		session, _ := next()
		got[session] = true
	}
	require.Equal(t, map[string]bool{"s": true, "other": true}, got)
	w.Again("s")
	next()

	l.Forget("s")
	session, gone = next()
	require.Equal(t, "s", session)
	require.True(t, gone)
	commit()
	none() // a log that was forgotten is watched no longer

	w.Add("s")
	w.Drop("s")
	none()
	w.Drop("never watched")
	w.Close()
	for _, topic := range l.sessions {
		require.Empty(t, topic.watches)
	}
}
