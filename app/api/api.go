package api

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"whatsapp-api/app/events"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// Config is what the API stands on.
type Config struct {
	Manager     *whatsapp.Manager
	Store       store.Store
	Log         *events.Log
	Accounts    *service.Accounts
	Login       *service.Login
	Tokens      *service.Tokens
	Sessions    *service.Sessions
	Webhooks    *service.Webhooks
	Handover    *service.Handover
	Idempotency *service.Idempotency
	Places      *service.Places // of streams of many sessions; nil: their cursors are long

	Keys    *service.Keys
	Rates   *service.Rates   // nil: without limit
	Proxies service.Networks // whose word on where a request comes from is believed
	Audit   *service.Audit   // nil: nothing is noted
	Inbound Inbound          // who may post messages of another service
	Limits  Limits
	Origins []string     // browser front ends that may call
	Sandbox http.Handler // control routes under /sandbox; nil: none
	Web     http.Handler // static pages (docs); nil: none
	Version string

	Watch        Watch
	WriteMetrics func(context.Context, io.Writer) // writes /metrics; nil: there is none
	Logger       *zap.Logger
}

// Limits bound what streams may take. 0 is without limit.
type Limits struct {
	StreamsPerUser         int // open at once
	UnauthenticatedSockets int // open at once, of all who have not brought a token yet
	FramesPerSecond        int // of one socket, twice as many in a burst; more of them wait
}

// Watch is told of what happens, for metrics. None of it may wait; nil: nobody is told.
type Watch struct {
	Request func(method, route string, status int, took time.Duration) // each answer, but those of streams and long-polls
	Sent    func(outcome string, took time.Duration)                   // each send; outcome is ok or an error's code
	Lagged  func()                                                     // a client that was cut because it reads too slowly
}

// API is the HTTP side.
type API struct {
	Config
	echo *echo.Echo
	http http.Handler // echo, behind what compresses
	huma huma.API
	rows []Endpoint

	streams   streams
	encodings *encodings
	socketIO  *socketIO
}

// New builds the API with all its routes.
func New(cfg Config) *API {
	a := &API{Config: cfg, echo: echo.New(), encodings: newEncodings()}
	a.streams.ctx, a.streams.end = context.WithCancelCause(context.Background())
	a.http = compressed(a.echo)
	a.echo.HideBanner, a.echo.HidePort = true, true
	a.echo.HTTPErrorHandler = a.routerError
	a.useMiddleware()
	ownErrors()
	a.huma = humaecho.NewV4(a.echo, document(cfg.Version))
	a.rows = slices.Concat(a.users(), a.sessions(), a.sessionHealth(), a.messages(), a.sending(), a.inboundWebhook(), a.eventLog(), a.webhooks(), a.apiKeys(), a.auditLog(), a.health())
	if cfg.Keys != nil {
		cfg.Keys.Scopes = a.scopes
	}
	for _, row := range a.rows {
		row.register(a.huma)
	}
	a.echo.GET("/ws", a.webSocket)
	a.echo.GET(base+"/events", a.eventStream)
	a.socketIO = newSocketIO(a)
	for _, path := range socketIOPaths {
		a.echo.GET(path, a.socketIO.serve)
		a.echo.POST(path, a.socketIO.serve)
	}
	a.echo.GET("/api/v1/openapi.json", a.openAPI)
	if cfg.WriteMetrics != nil {
		a.echo.GET("/metrics", a.metrics)
	}
	if cfg.Web != nil {
		for _, path := range []string{"/docs", "/docs/*"} {
			a.echo.GET(path, echo.WrapHandler(cfg.Web))
		}
	}
	if cfg.Sandbox != nil {
		for _, path := range []string{"/sandbox", "/sandbox/*"} {
			a.echo.Any(path, echo.WrapHandler(cfg.Sandbox), a.nearby)
		}
	}
	doc := a.huma.OpenAPI()
	describeEvents(doc)
	describeNulls(doc)
	a.describeChoices(doc)
	describeBodies(doc)
	describeStreams(doc)
	describeHeaders(doc)
	return a
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.http.ServeHTTP(w, received(r)) }

// Close ends all streams with a word of farewell and waits for them.
func (a *API) Close(ctx context.Context) {
	a.streams.close()
	done := make(chan struct{})
	go func() {
		a.streams.open.Wait()
		a.socketIO.close()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		a.Logger.Warn("streams did not end in time")
	}
}

// Endpoints is the route table.
func (a *API) Endpoints() []Endpoint { return slices.Clone(a.rows) }

// Routes lists method and path of every route that is served, {param} for parameters.
func (a *API) Routes() map[string]bool {
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
