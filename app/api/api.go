package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/account"
	"whatsapp-api/app/service/link"
)

// Config is what the kit stands on.
type Config struct {
	Tokens   *account.Tokens  // says whose token or key it is
	Sessions *link.Sessions   // finds the session that a call is about
	Rates    *service.Rates   // nil: without limit
	Proxies  service.Networks // whose word on where a request comes from is believed
	Audit    *account.Audit   // nil: nothing is noted
	Origins  []string         // browser front ends that may call
	Version  string
	Chapters []Chapter // of the document, in the order in which a newcomer needs them
	Logger   *zap.Logger

	// Watch is told of each answer, but those of streams and long-polls, for metrics. It may not wait; nil:
	// nobody is told.
	Watch func(method, route string, status int, took time.Duration)
}

// Table is all that is served.
type Table struct {
	Endpoints []Endpoint
	Routes    []Route
	Describe  []Describe
}

// Describe adds to the document what the types of inputs and outputs cannot say. scopes are those of the table.
type Describe func(doc *huma.OpenAPI, scopes []string)

// API is the HTTP side: it serves a table.
type API struct {
	Config
	Table
	echo *echo.Echo
	http http.Handler // echo, behind what compresses
	huma huma.API

	codes map[string][]codes.Code // that an operation may answer with, by its id
}

// New makes the API that serves a table, and its document.
func New(cfg Config, table Table) *API {
	a := &API{Config: cfg, Table: table, echo: echo.New(), codes: map[string][]codes.Code{}}
	a.Routes = append(slices.Clone(table.Routes), a.documentRoute())
	a.http = compressed(a.echo, a.Routes)
	a.echo.HideBanner, a.echo.HidePort = true, true
	a.echo.HTTPErrorHandler = a.routerError
	a.useMiddleware()
	ownErrors()
	a.huma = humaecho.NewV4(a.echo, document(cfg.Version, cfg.Chapters))
	for _, row := range a.Endpoints {
		row.register(a)
	}
	for _, r := range a.Routes {
		a.serve(r)
	}
	a.describe()
	return a
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.http.ServeHTTP(w, received(r)) }

// Served lists method and path of every route that is served, {param} for parameters.
func (a *API) Served() map[string]bool {
	routes := map[string]bool{}
	for _, r := range a.echo.Routes() {
		parts := strings.Split(r.Path, "/")
		for i, p := range parts {
			if strings.HasPrefix(p, ":") {
				parts[i] = "{" + p[1:] + "}"
			}
		}
		routes[r.Method+" "+strings.Join(parts, "/")] = true
	}
	return routes
}

// Document is the OpenAPI 3.1 document.
func (a *API) Document() *huma.OpenAPI { return a.huma.OpenAPI() }

// Scopes lists every scope that a row asks for and a key can have.
func (t Table) Scopes() []string {
	var all []string
	for _, e := range t.Endpoints {
		all = append(all, e.Scope)
	}
	for _, r := range t.Routes {
		all = append(all, r.Scope)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(s string) bool { return s == "" || s == service.ScopeLogin })
}
