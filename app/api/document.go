package api

import (
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/whatsapp/convert"
)

const about = `Self-hosted WhatsApp backend. Log in at ` + "`POST /api/v1/users/login`" + ` and send the token, or an API key, as ` + "`Authorization: Bearer …`" + `.
Errors are application/problem+json (RFC 9457) with a stable ` + "`code`" + `. Lists are ` + "`{data, nextCursor}`" + `; pass nextCursor as ` + "`cursor`" + ` for the next page.`

// Chapter is a part of the document: its operations have its name as tag.
type Chapter struct{ Name, About string }

// ChapterHealth has what serves those who look after the server.
const ChapterHealth = "health"

// document is the frame of the OpenAPI document; huma fills in the endpoints.
func document(version string, chapters []Chapter) huma.Config {
	cfg := huma.DefaultConfig("whatsapp-api", version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", "", nil
	cfg.Info.Description = about
	cfg.Info.License = &huma.License{Name: "MIT"}
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

// Problems describes errors by their status, beside other answers.
func Problems(responses map[string]*huma.Response, codes ...int) map[string]*huma.Response {
	for _, code := range codes {
		responses[strconv.Itoa(code)] = &huma.Response{
			Description: http.StatusText(code),
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: SchemaPrefix + "Problem"}}},
		}
	}
	return responses
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
			Problems(op.Responses, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
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
	describeRoutes(doc, a.Routes)
	describeHeaders(doc)
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
			Method: http.MethodGet, OperationID: "getOpenapiJson", Tags: []string{ChapterHealth}, Summary: "This document",
			Responses: Problems(map[string]*huma.Response{"200": {Description: "OpenAPI 3.1", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: "object"}}}}}, 429, 500),
		}},
	}
}
