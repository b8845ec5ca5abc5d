package operate

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/account"
)

// Metrics are the server's own measures, for Prometheus.
type Metrics struct {
	Tokens *account.Tokens
	Write  func(context.Context, io.Writer) // in Prometheus' text format
}

// scopeMetrics is what a key needs to read /metrics.
const scopeMetrics = "metrics:read"

// Routes are GET /metrics, for admins' tokens and keys. METRICS_LISTEN serves the same without a key, on
// an address of its own.
func (m Metrics) Routes() []api.Route {
	return []api.Route{{
		Methods: []string{http.MethodGet}, Path: "/metrics", Scope: scopeMetrics, Handle: m.serve,
		Fails: []codes.Code{codes.Unauthorized, codes.AddressNotAllowed, codes.ScopeMissing, codes.Forbidden, codes.StoreUnavailable, codes.Unavailable},
		Operations: []*huma.Operation{{
			Method: http.MethodGet, OperationID: "getMetrics", Tags: []string{api.ChapterHealth}, Summary: "Metrics for Prometheus",
			Description: "For admins.", Security: []map[string][]string{{"bearer": {}}},
			Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: "string"}}}}},
		}},
	}}
}

func (m Metrics) serve(w http.ResponseWriter, r *http.Request) error {
	token, _ := api.Bearer(r.Header.Get("Authorization"))
	who, err := api.Admit(r.Context(), m.Tokens, token)
	switch {
	case err != nil:
		return err
	case !who.Admin():
		return service.ErrForbidden
	}
	if err := who.Require(scopeMetrics); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	m.Write(r.Context(), w)
	return nil
}
