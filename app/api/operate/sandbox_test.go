package operate

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"whatsapp-api/app/api"
	"whatsapp-api/app/service"
)

// TestSandboxBehindAProxy asks for the routes that are for this machine alone through a proxy on it,
// which has its address.
func TestSandboxBehindAProxy(t *testing.T) {
	proxies, err := service.ParseNetworks([]string{"127.0.0.1"})
	require.NoError(t, err)
	control := Sandbox{
		Control:   http.NotFoundHandler(),
		UntilStop: func(ctx context.Context) (context.Context, func()) { return ctx, func() {} },
	}
	table := api.Table{Routes: control.Routes()}
	trusting := api.New(api.Config{Logger: zap.NewNop(), Proxies: proxies}, table)
	alone := api.New(api.Config{Logger: zap.NewNop()}, table)
	for _, c := range []struct {
		api       *api.API
		forwarded string
		status    int
	}{{alone, "", 404}, {alone, "127.0.0.1", 403}, {trusting, "", 404}, {trusting, "203.0.113.7", 403}, {trusting, "127.0.0.9", 404}, {trusting, "unknown", 403}} {
		r := httptest.NewRequest(http.MethodGet, "/sandbox/phones", nil)
		r.RemoteAddr = "127.0.0.1:7"
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		w := httptest.NewRecorder()
		c.api.ServeHTTP(w, r)
		require.Equal(t, c.status, w.Code, "%q", c.forwarded)
	}
}
