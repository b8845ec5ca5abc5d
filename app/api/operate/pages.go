package operate

import (
	"net/http"

	"whatsapp-api/app/api"
)

// Pages are the documentation.
type Pages struct{ Docs http.Handler }

// Routes are those under /docs; none where there are no pages. The pages are kept compressed.
func (p Pages) Routes() []api.Route {
	if p.Docs == nil {
		return nil
	}
	handle := api.Handler(p.Docs)
	return []api.Route{
		{Methods: []string{http.MethodGet}, Path: "/docs", Plain: true, Handle: handle},
		{Methods: []string{http.MethodGet}, Path: "/docs/*", Plain: true, Handle: handle},
	}
}
