package api

import (
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/api/examples"
	"whatsapp-api/whatsapp/convert"
)

const about = `Self-hosted WhatsApp backend. Log in at ` + "`POST /api/v1/users/login`" + ` and send the token, or an API key, as ` + "`Authorization: Bearer …`" + `.
Errors are application/problem+json (RFC 9457) with a stable ` + "`code`" + `, one of those that the operation lists; /docs/en/errors says what each means and what to do. Lists are ` + "`{data, nextCursor}`" + `; pass nextCursor as ` + "`cursor`" + ` for the next page.`

// Chapter is a part of the document: its operations have its name as tag.
type Chapter struct{ Name, About string }

// ChapterHealth has what serves those who look after the server.
const ChapterHealth = "health"

// document is the frame of the OpenAPI document; huma fills in the endpoints.
func document(version string, chapters []Chapter) huma.Config {
	cfg := huma.DefaultConfig("whatsapp-api", documentVersion(version))
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", "", nil
	cfg.Info.Description = about
	cfg.Info.License = &huma.License{Name: "MIT", Identifier: "MIT"}
	cfg.Info.Contact = &huma.Contact{Name: "The whatsapp-api authors"}
	cfg.Servers = []*huma.Server{{URL: "/", Description: "The server that this document is from"}}
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	cfg.Formats = map[string]huma.Format{"application/json": format, "json": format}
	cfg.DefaultFormat = "application/json"
	cfg.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[convert.Time](), reflect.TypeFor[time.Time]())
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "An access token or an API key. The cookie that a login sets does too, on pages of the same origin"},
	}
	for _, c := range chapters {
		cfg.Tags = append(cfg.Tags, &huma.Tag{Name: c.Name, Description: c.About})
	}
	return cfg
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

// describeBodies says that bodies are JSON.
func describeBodies(doc *huma.OpenAPI) {
	for _, op := range operations(doc) {
		if op.RequestBody != nil {
			delete(op.RequestBody.Content, "application/octet-stream") // of a body whose bytes are looked at too
		}
	}
}

// describe adds to the document what huma does not write: the order is that of what builds on what.
func (a *API) describe() {
	doc := a.huma.OpenAPI()
	scopes := a.Scopes()
	for _, more := range a.Describe {
		more(doc, scopes)
	}
	describeNulls(doc)
	describeBodies(doc)
	for _, op := range operations(doc) {
		a.codes[op.OperationID] = append(a.codes[op.OperationID], takenCodes(op)...)
	}
	a.describeRoutes(doc) // which say for themselves what they refuse
	for _, op := range operations(doc) {
		describeCodes(doc, op, a.codes[op.OperationID])
	}
	describeHeaders(doc)
	describeGrowth(doc)
	describePlainly(doc)
	examples.Fill(doc)
}

// documentRoute serves the document.
func (a *API) documentRoute() Route {
	return Route{
		Methods: []string{http.MethodGet}, Path: Base + "/openapi.json",
		Handle: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", "application/json")
			return encode(w, a.huma.OpenAPI())
		},
		Operations: []*huma.Operation{{
			Method: http.MethodGet, OperationID: "getOpenApi", Tags: []string{ChapterHealth}, Summary: "This document",
			Description: "OpenAPI 3.1. Generators make clients of it; /docs shows it.",
			Responses:   map[string]*huma.Response{"200": {Description: "OpenAPI 3.1", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: "object"}, Example: map[string]any{"openapi": "3.1.0"}}}}},
		}},
	}
}
