package api

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
)

const about = `Self-hosted WhatsApp backend. Log in at ` + "`POST /api/v1/users/login`" + ` and send the token as ` + "`Authorization: Bearer …`" + `.
Errors are application/problem+json (RFC 9457) with a stable ` + "`code`" + `. Lists are ` + "`{data, nextCursor}`" + `; pass nextCursor as ` + "`cursor`" + ` for the next page.`

// document is the frame of the OpenAPI document; huma fills in the endpoints.
func document(version string) huma.Config {
	cfg := huma.DefaultConfig("whatsapp-api", version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", "", nil
	cfg.Info.Description = about
	cfg.Info.License = &huma.License{Name: "MIT"}
	cfg.Formats = map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	cfg.DefaultFormat = "application/json"
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
	}
	return cfg
}

// describeStreams adds the routes that huma does not serve.
func describeStreams(doc *huma.OpenAPI) {
	problem := &huma.Response{
		Description: "Error",
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}},
	}
	doc.AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: "/ws", OperationID: "getWs", Tags: []string{"events"}, Summary: "Events over WebSocket",
		Description: webSocketAbout,
		Responses:   map[string]*huma.Response{"101": {Description: "Switching protocols"}, "401": problem, "403": problem, "426": problem},
	})
	bearer := []map[string][]string{{"bearer": {}}}
	text := func(name string) *huma.Response {
		return &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{name: {Schema: &huma.Schema{Type: "string"}}}}
	}
	query := func(name, about string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: about, Schema: &huma.Schema{Type: "string"}}
	}
	doc.AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: base + "/events", OperationID: "getEvents", Tags: []string{"events"}, Summary: "Events as a stream (Server-Sent Events)",
		Description: eventStreamAbout, Security: bearer,
		Parameters: []*huma.Param{
			query("sessions", "Ids, comma-separated; without: all of one's own, those made later too"), query("events", "Names, comma-separated; without: all"),
			query("after", "The id of the last event that you have; 0: from the beginning of what is kept"),
			{Name: "Last-Event-ID", In: "header", Description: "As after, and before it", Schema: &huma.Schema{Type: "string"}},
		},
		Responses: map[string]*huma.Response{"200": text("text/event-stream"), "401": problem, "403": problem, "404": problem, "410": problem, "422": problem, "503": problem},
	})
	for _, path := range socketIOPaths {
		for _, method := range []string{http.MethodGet, http.MethodPost} { // Engine.IO's own: a client library speaks them
			doc.AddOperation(&huma.Operation{
				Method: method, Path: path, OperationID: strings.ToLower(method) + "SocketIo" + strings.Repeat("Slash", strings.Count(path, "/")-1),
				Tags: []string{"events"}, Summary: "Events over Socket.IO", Description: socketIOAbout, Security: bearer,
				Responses: map[string]*huma.Response{"101": {Description: "Switching protocols"}, "200": text("text/plain"), "400": problem, "403": problem, "503": problem},
			})
		}
	}
	doc.AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: "/metrics", OperationID: "getMetrics", Tags: []string{"health"}, Summary: "Metrics for Prometheus; for admins' tokens and keys with metrics:read",
		Security:  []map[string][]string{{"bearer": {}}},
		Responses: map[string]*huma.Response{"200": {Description: "Prometheus' text format", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: "string"}}}}, "401": problem, "403": problem, "429": problem},
	})
	doc.AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: "/api/v1/openapi.json", OperationID: "getOpenapiJson", Tags: []string{"health"}, Summary: "This document",
		Responses: map[string]*huma.Response{"200": {Description: "OpenAPI 3.1", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: "object"}}}}},
	})
}

func (a *API) openAPI(c echo.Context) error {
	c.Response().Header().Set("Content-Type", "application/json")
	return encode(c.Response(), a.huma.OpenAPI())
}
