package app

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// FuzzPathAndQuery feeds the router and what comes before any look-up: no path makes a fault of the
// server, and every refusal is a problem.
func FuzzPathAndQuery(f *testing.F) {
	for _, seed := range [][3]string{{"GET", "/api/v1/sessions/shop", "limit=1"}, {"POST", "/api/v1/sessions/%2e%2e", ""}, {"PUT", "//", "%"}, {"TRACE", "/docs/..", "a=b;c"}, {"GET", "/ws", "EIO=4"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	side := newFront(rules{}, outside{log: zap.NewNop()})
	f.Cleanup(func() { side.streams.Close(context.Background()) })
	f.Fuzz(func(t *testing.T, method, path, query string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://server.test"+path+"?"+query, nil)
		if err != nil || r.URL.Path == "" || r.URL.Path[0] != '/' || strings.HasPrefix(r.URL.Path, "/socket.io") || r.URL.Path == "/readyz" {
			return
		}
		r.Host = "server.test"
		w := &noted{header: http.Header{}}
		side.ServeHTTP(w, r)
		require.Less(t, w.status, 500)
		if w.status >= 400 {
			require.Equal(t, "application/problem+json", w.header.Get("Content-Type"))
		}
	})
}

// noted is a ResponseWriter that notes the status.
type noted struct {
	header http.Header
	status int
}

func (a *noted) Header() http.Header         { return a.header }
func (a *noted) Write(p []byte) (int, error) { return len(p), nil }
func (a *noted) WriteHeader(status int)      { a.status = status }
