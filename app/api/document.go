package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

const about = `Self-hosted WhatsApp backend. Log in at ` + "`POST /api/v1/users/login`" + ` and send the token, or an API key, as ` + "`Authorization: Bearer …`" + `.
Errors are application/problem+json (RFC 9457) with a stable ` + "`code`" + `. Lists are ` + "`{data, nextCursor}`" + `; pass nextCursor as ` + "`cursor`" + ` for the next page.`

// Chapters of the document that are named in more than one place.
const (
	tagEvents = "events"
	tagHealth = "health"
)

// chapters come in the order in which a newcomer needs them.
func chapters() []*huma.Tag {
	return []*huma.Tag{
		{Name: "users"},
		{Name: "sessions"},
		{Name: "messages"},
		{Name: tagEvents},
		{Name: "webhooks", Description: webhooksAbout},
		{Name: "api-keys"},
		{Name: "audit"},
		{Name: tagHealth},
	}
}

// document is the frame of the OpenAPI document; huma fills in the endpoints.
func document(version string) huma.Config {
	cfg := huma.DefaultConfig("whatsapp-api", version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", "", nil
	cfg.Info.Description = about
	cfg.Info.License = &huma.License{Name: "MIT"}
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	cfg.Formats = map[string]huma.Format{"application/json": format, "json": format}
	cfg.DefaultFormat = "application/json"
	cfg.Components.Schemas.RegisterTypeAlias(typeOf[convert.Time](), typeOf[time.Time]())
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "An access token or an API key. The cookie that a login sets does too, on pages of the same origin"},
	}
	cfg.Tags = chapters()
	return cfg
}

// problems describes errors by their status.
func problems(responses map[string]*huma.Response, codes ...int) map[string]*huma.Response {
	for _, code := range codes {
		responses[strconv.Itoa(code)] = &huma.Response{
			Description: http.StatusText(code),
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: schemaPrefix + "Problem"}}},
		}
	}
	return responses
}

// describeChoices says what the lists in requests may hold, which the types cannot.
func (a *API) describeChoices(doc *huma.OpenAPI) {
	choose := func(field string, item func(*huma.Schema), schemas ...string) {
		for _, name := range schemas {
			items := doc.Components.Schemas.Map()[name].Properties[field].Items
			item(items)
			items.PrecomputeMessages()
		}
	}
	among := func(names []string) func(*huma.Schema) {
		return func(s *huma.Schema) {
			for _, n := range names {
				s.Enum = append(s.Enum, n)
			}
		}
	}
	choose("scopes", among(service.Grants(a.scopes())), "CreateKeyInBody", "ChangeKeyInBody")
	choose("sessions", func(s *huma.Schema) { s.Pattern = "^[a-z0-9_-]{1,64}$" }, "CreateKeyInBody", "ChangeKeyInBody")
	choose("events", among(whatsapp.EventNames()), "CreateWebhookInBody", "ChangeWebhookInBody")
}

// describeHeaders adds what an error's header says.
func describeHeaders(doc *huma.OpenAPI) {
	header := func(name, about, kind string) map[string]*huma.Param {
		return map[string]*huma.Param{name: {Description: about, Required: true, Schema: &huma.Schema{Type: kind}}}
	}
	for _, op := range operations(doc) {
		for status, headers := range map[string]map[string]*huma.Param{
			"401": header("WWW-Authenticate", "Bearer", huma.TypeString),
			"429": header("Retry-After", "Seconds", huma.TypeInteger),
			"503": header("Retry-After", "Seconds", huma.TypeInteger),
		} {
			if r := op.Responses[status]; r != nil {
				r.Headers = headers
			}
		}
	}
}

// describeBodies adds what can be wrong with a body: too slow, too large, of another type.
func describeBodies(doc *huma.OpenAPI) {
	for _, op := range operations(doc) {
		if op.RequestBody != nil {
			delete(op.RequestBody.Content, "application/octet-stream") // of a body whose bytes are looked at too
			problems(op.Responses, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
		}
	}
}

// describeStreams adds the routes that huma does not serve.
func describeStreams(doc *huma.OpenAPI) {
	doc.AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: "/ws", OperationID: "getWs", Tags: []string{tagEvents}, Summary: "Events over WebSocket",
		Description: webSocketAbout + needs(streamScope), Extensions: scoped(streamScope),
		Responses: problems(map[string]*huma.Response{"101": {Description: "Switching protocols"}}, 400, 401, 403, 426, 429, 500, 503),
	})
	bearer := []map[string][]string{{"bearer": {}}}
	text := func(name string) *huma.Response {
		return &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{name: {Schema: &huma.Schema{Type: "string"}}}}
	}
	query := func(name, about string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: about, Schema: &huma.Schema{Type: "string"}}
	}
	doc.AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: base + "/events", OperationID: "getEvents", Tags: []string{tagEvents}, Summary: "Events as a stream (Server-Sent Events)",
		Description: eventStreamAbout + needs(streamScope), Extensions: scoped(streamScope), Security: bearer,
		Parameters: []*huma.Param{
			query("sessions", "Ids, comma-separated; without: all of one's own, those made later too"), query("events", "Names, comma-separated; without: all"),
			query("after", "The id of the last event that you have; 0: from the beginning of what is kept"),
			{Name: "Last-Event-ID", In: "header", Description: "As after, and before it", Schema: &huma.Schema{Type: "string"}},
		},
		Responses: problems(map[string]*huma.Response{"200": text("text/event-stream")}, 401, 403, 404, 410, 422, 429, 500, 503),
	})
	describeSocketIO(doc)
	doc.AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: "/metrics", OperationID: "getMetrics", Tags: []string{tagHealth}, Summary: "Metrics for Prometheus",
		Description: "For admins." + needs(scopeMetrics), Extensions: scoped(scopeMetrics), Security: bearer, Responses: problems(map[string]*huma.Response{"200": text("text/plain")}, 401, 403, 429, 500, 503),
	})
	doc.AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: "/api/v1/openapi.json", OperationID: "getOpenapiJson", Tags: []string{tagHealth}, Summary: "This document",
		Responses: problems(map[string]*huma.Response{"200": {Description: "OpenAPI 3.1", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: "object"}}}}}, 429, 500),
	})
}

// describeSocketIO adds Engine.IO's own requests, which a client library makes. The token is in the
// packets, or in a header.
func describeSocketIO(doc *huma.OpenAPI) {
	chosen := func(name string, values ...any) *huma.Param {
		return &huma.Param{Name: name, In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Enum: values}}
	}
	text := func(name string) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{name: {Schema: &huma.Schema{Type: huma.TypeString}}}
	}
	for _, path := range socketIOPaths {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			op := &huma.Operation{
				Method: method, Path: path, OperationID: strings.ToLower(method) + "SocketIo" + strings.Repeat("Slash", strings.Count(path, "/")-1),
				Tags: []string{tagEvents}, Summary: "Events over Socket.IO", Description: socketIOAbout + needs(streamScope), Extensions: scoped(streamScope), Security: []map[string][]string{{}, {"bearer": {}}},
				Parameters: []*huma.Param{
					chosen("EIO", "4"), chosen("transport", "polling", "websocket"),
					{Name: "sid", In: "query", Required: method == http.MethodPost, Description: "The connection's id, once there is one", Schema: &huma.Schema{Type: huma.TypeString}},
				},
				Responses: problems(map[string]*huma.Response{"101": {Description: "Switching protocols"}, "200": {Description: "Packets", Content: text("text/plain")}}, 400, 403, 413, 429, 500, 503),
			}
			op.Responses["400"].Content["application/json"] = &huma.MediaType{Schema: &huma.Schema{ // the library's, which clients know
				Type: huma.TypeObject, Properties: map[string]*huma.Schema{"code": {Type: huma.TypeInteger}, "message": {Type: huma.TypeString}}, Required: []string{"code", "message"},
			}}
			if method == http.MethodPost {
				op.RequestBody = &huma.RequestBody{Required: true, Content: text("text/plain")}
				delete(op.Responses, "101")
				op.Responses["200"] = &huma.Response{Description: "ok", Content: text("text/html")}
			}
			doc.AddOperation(op)
		}
	}
}

func (a *API) openAPI(c echo.Context) error {
	c.Response().Header().Set("Content-Type", "application/json")
	return encode(c.Response(), a.huma.OpenAPI())
}
