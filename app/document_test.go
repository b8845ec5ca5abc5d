package app

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"whatsapp-api/configs"
)

// contract is the OpenAPI document as a client takes it: what may be asked, and what may come back.
type contract struct {
	doc     object
	schemas *jsonschema.Compiler
}

// documentURL is where the compiler finds the document.
const documentURL = "http://server.test/openapi.json"

func contractOf(t *testing.T, r *rig) *contract {
	code, raw, _ := r.raw("GET", "/api/v1/openapi.json", nil)
	require.Equal(t, 200, code)
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	closeAnswers(parsed.(map[string]any))
	require.NoError(t, c.AddResource(documentURL, parsed))
	var doc object
	require.NoError(t, json.Unmarshal(raw, &doc))
	return &contract{doc, c}
}

// closeAnswers has no fields but those that are documented: to clients answers are open, since later releases
// have more, but this one has to document all that it sends.
func closeAnswers(doc object) {
	for _, s := range doc.obj("components").obj("schemas") {
		if s := object(s.(map[string]any)); s["properties"] != nil && s["additionalProperties"] == nil {
			s["additionalProperties"] = false
		}
	}
}

// schema compiles the one that stands at this path of the document.
func (c *contract) schema(path ...string) (*jsonschema.Schema, error) {
	for i, p := range path {
		path[i] = url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return c.schemas.Compile(documentURL + "#/" + strings.Join(path, "/"))
}

// operation is one of the document's.
type operation struct {
	c            *contract
	method, path string
	described    object
}

func (o operation) String() string { return o.method + " " + o.path }

func (c *contract) operations() (list []operation) {
	for _, path := range slices.Sorted(maps.Keys(c.doc.obj("paths"))) {
		item := c.doc.obj("paths").obj(path)
		for _, method := range slices.Sorted(maps.Keys(item)) {
			list = append(list, operation{c, strings.ToUpper(method), path, item.obj(method)})
		}
	}
	return list
}

// has says whether a path is that of some operation: /users/me is one of /users/{id}, too.
func (c *contract) has(method, path string) bool {
	given := strings.Split(path, "/")
	for known, item := range c.doc.obj("paths") {
		parts := strings.Split(known, "/")
		same := len(parts) == len(given) && object(item.(map[string]any))[strings.ToLower(method)] != nil
		for i := range parts {
			same = same && (parts[i] == given[i] || strings.HasPrefix(parts[i], "{"))
		}
		if same {
			return true
		}
	}
	return false
}

// answer is what came back, read to its end unless it is a stream.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// check says where an answer is not as documented.
func (o operation) check(a answer) error {
	status := fmt.Sprint(a.status)
	documented, there := o.described.obj("responses")[status].(map[string]any)
	switch {
	case a.status == http.StatusInternalServerError:
		return fmt.Errorf("an internal error")
	case !there:
		return fmt.Errorf("status %s is not documented", status)
	}
	for name, h := range object(documented).obj("headers") {
		if object(h.(map[string]any))["required"] == true && a.header.Get(name) == "" {
			return fmt.Errorf("status %s has no header %s", status, name)
		}
	}
	content := object(documented).obj("content")
	if len(content) == 0 {
		if len(a.body) > 0 {
			return fmt.Errorf("status %s has an undocumented body", status)
		}
		return nil
	}
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil || content[kind] == nil {
		return fmt.Errorf("status %s has content type %q", status, a.header.Get("Content-Type"))
	}
	if !strings.HasSuffix(kind, "json") {
		return nil
	}
	s, err := o.c.schema("paths", o.path, strings.ToLower(o.method), "responses", status, "content", kind, "schema")
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// beyond are the fields of which a document cannot say all: what is in the store, what time it is,
// what other fields say.
var beyond = []string{
	"addresses", "after", "before", "chat", "currentPassword", "expiresAt", "filters.chats", "filters.senders", "from", "headers", "Last-Event-ID", "mentions", "olderThanDays", "ownerId", "retryFor", "to", "url",
	"quotedChatId", "mentionsAll", "contacts", "options", "maxSelections", "closesAt", "emoji", "startsAt", "endsAt",
}

// justified says what a refusal complains of that the document could have said.
func (a answer) justified() error {
	if a.status != http.StatusUnprocessableEntity && a.status != http.StatusBadRequest {
		return nil
	}
	var p object
	if err := json.Unmarshal(a.body, &p); err != nil || p.str("code") != "validation_failed" {
		return err
	}
	for _, e := range p.list("errors") {
		field, _, _ := strings.Cut(e.str("field"), "[") // the list, of what is in one
		if !slices.Contains(beyond, field) {
			return fmt.Errorf("the document allows it, yet %s is refused: %s", e.str("field"), e.str("message"))
		}
	}
	return nil
}

// fits says whether a body is one that the document allows.
func (o operation) fits(body any) bool {
	s, err := o.c.schema("paths", o.path, strings.ToLower(o.method), "requestBody", "content", "application/json", "schema")
	if err != nil {
		return false
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return false
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	return err == nil && s.Validate(v) == nil
}

// TestEveryAnswerIsAsDocumented asks every operation of the document what makes sense and what does
// not, as an admin, a user, a key, and nobody. Each answer must be one of the document's: its
// status, its content type, and no field more or less. What breaks the document is never done.
func TestEveryAnswerIsAsDocumented(t *testing.T) {
	for name, value := range map[string]string{"rapid.checks": "15", "rapid.nofailfile": "true"} {
		f := flag.Lookup(name).Value
		before := f.String()
		require.NoError(t, f.Set(value))
		t.Cleanup(func() { require.NoError(t, f.Set(before)) })
	}
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.RateLimit, c.WebhookAllowedIPs = 0, []string{"127.0.0.1"} })
	w := fill(t, r)
	c := contractOf(t, r)
	all := c.operations()
	const logout = "/api/v1/users/logout" // the last, since it ends the tokens that the others need
	slices.SortStableFunc(all, func(x, y operation) int {
		switch {
		case x.path == logout && y.path != logout:
			return 1
		case y.path == logout && x.path != logout:
			return -1
		}
		return 0
	})
	for _, o := range all {
		t.Run(o.String(), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				q := w.draw(rt, o)
				a := q.send(rt, r.url)
				if err := o.check(a); err != nil {
					rt.Fatalf("%s\n%s\n%v: %s", q, err, a.status, a.body)
				}
				if err := checkCode(q.method, q.target, a.status, a.header, a.body); err != nil {
					rt.Fatalf("%s\n%s", q, err)
				}
				if err := a.justified(); err != nil && !q.odd {
					rt.Fatalf("%s\n%s", q, err)
				}
				if q.broken && a.status < 400 {
					rt.Fatalf("%s\nbreaks the document, yet it was done: %v: %s", q, a.status, a.body)
				}
			})
		})
	}
}

// TestWholeNumberWithFraction sends integers as some languages write them.
func TestWholeNumberWithFraction(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	r.call("POST", "/api/v1/sessions", object{"id": "shop", "name": "Shop"}, 201)
	cleanup := "/api/v1/messages/sessions/shop/cleanup"
	r.call("POST", cleanup, object{"olderThanDays": json.RawMessage("30.0"), "dryRun": true}, 200)
	wrong := r.call("POST", cleanup, object{"olderThanDays": json.RawMessage("30.5"), "dryRun": true}, 422)
	require.Equal(t, "olderThanDays", wrong.list("errors")[0].str("field"))
}

// TestPollsAreAsDocumented asks Engine.IO's routes what package socketio answers by itself.
func TestPollsAreAsDocumented(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	all := contractOf(t, r).operations()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	ask := func(method, query string, body []byte, status int, headers ...string) answer {
		req, err := http.NewRequestWithContext(t.Context(), method, r.url+"/socket.io/?EIO=4&transport="+query, bytes.NewReader(body))
		require.NoError(t, err)
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := transport.RoundTrip(req)
		require.NoError(t, err)
		defer func() { require.NoError(t, resp.Body.Close()) }()
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, status, resp.StatusCode, "%s %s: %s", method, query, raw)
		a := answer{status: status, header: resp.Header, body: raw}
		o := all[slices.IndexFunc(all, func(o operation) bool { return o.method == method && o.path == "/socket.io" })]
		require.NoError(t, o.check(a), "%s %s", method, query)
		require.NoError(t, checkCode(method, "/socket.io", status, a.header, a.body))
		return a
	}
	connect := func() string {
		var opened struct{ SID string }
		require.NoError(t, json.Unmarshal(ask("GET", "polling", nil, 200).body[1:], &opened))
		return "polling&sid=" + opened.SID
	}
	ask("POST", connect(), []byte("40"), 200)
	ask("POST", connect(), []byte("40"), 400, "Content-Type", "application/octet-stream")
	ask("POST", connect(), bytes.Repeat([]byte("x"), 2<<20), 413)
	ask("POST", connect(), []byte("41"), 200) // ends the connection
	ask("POST", "polling&sid=unknown", []byte("40"), 400)
	ask("POST", "websocket", nil, 400, "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	ask("GET", "carrier", nil, 400)
}

// TestOtherMethodsAreRefused tries what the document does not have.
func TestOtherMethodsAreRefused(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	c := contractOf(t, r)
	for path, item := range c.doc.obj("paths") {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT2"} {
			head := method == http.MethodHead && c.has(http.MethodGet, path) && !strings.HasPrefix(path, "/socket.io")
			if c.has(method, path) || head { // what can be got has a head
				continue
			}
			code, raw, header := r.raw(method, path, nil)
			require.Equal(t, http.StatusMethodNotAllowed, code, "%s %s", method, path)
			require.Equal(t, "application/problem+json", header.Get("Content-Type"))
			for known := range item.(map[string]any) {
				require.Contains(t, header.Get("Allow"), strings.ToUpper(known), "%s %s", method, path)
			}
			if method != http.MethodHead {
				var p object
				require.NoError(t, json.Unmarshal(raw, &p))
				require.Equal(t, "method_not_allowed", p.str("code"))
			}
		}
	}
}

// query is a request that was drawn.
type query struct {
	method, target string
	header         http.Header
	body           []byte
	odd            bool // it may be one that the document does not allow
	broken         bool // it is not one of the document's
}

func (q query) String() string {
	h := q.header.Clone()
	h.Del("Authorization")
	return fmt.Sprintf("%s %s %v %.2000s", q.method, q.target, h, q.body)
}

var propertyClient = &http.Client{Transport: &http.Transport{}}

func (q query) send(t *rapid.T, base string) answer {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var body io.Reader
	if q.body != nil {
		body = bytes.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, base+q.target, body)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	req.Header = q.header
	resp, err := propertyClient.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	defer func() { _ = resp.Body.Close() }()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return a // it has no end
	}
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return a
}
