package app

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSSEOfManySessions follows more sessions than fit into a cursor: its ids stay short, and each of them
// resumes with exactly what comes after it, on another server too.
func TestSSEOfManySessions(t *testing.T) {
	bothStores(t, func(t *testing.T, at place) {
		const many = 150
		r := start(t, at)
		for i := range many {
			r.call("POST", "/api/v1/sessions", map[string]any{"id": fmt.Sprintf("s%03d", i), "name": "S"}, 201)
		}
		s := r.sse("?after=0", "")
		require.Less(t, len(s.last), 100, "the beginning of all is short")
		type seen struct{ event, id string }
		var all []seen
		read := func(s *sse) seen {
			e := s.event()
			return seen{fmt.Sprint(e.str("sessionId"), " ", e.num("seq")), s.last}
		}
		took := map[string]bool{}
		for range many {
			got := read(s)
			require.False(t, took[got.event], "%s came twice", got.event)
			took[got.event] = true
			require.Less(t, len(got.id), 1200)
			all = append(all, got)
		}
		r.call("POST", "/api/v1/sessions", map[string]any{"id": "later", "name": "Later"}, 201)
		all = append(all, read(s))
		require.Equal(t, "later 1", all[many].event)
		s.close()
		r.stop()
		again := start(t, at)
		for _, from := range []int{0, 7, 30, many / 2, many - 1, many} {
			resumed := again.sse("", all[from].id)
			want := map[string]bool{}
			for _, e := range all[from+1:] {
				want[e.event] = true
			}
			for range len(want) {
				got := read(resumed)
				require.True(t, want[got.event], "%s, after %d", got.event, from)
				delete(want, got.event)
			}
			resumed.close()
		}
		again.call("GET", "/api/v1/events", nil, 422, "Last-Event-ID", all[40].id[:8])
		require.Equal(t, "cursor_expired", again.call("GET", "/api/v1/events", nil, 410, "Last-Event-ID", "AgAAAAAAAAAAAAAAAAA").str("code"))
	})
}
