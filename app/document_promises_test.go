package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/app/codes"
)

// documented is the document of this build.
var documented = sync.OnceValues(func() (object, error) {
	raw, err := OpenAPI("test")
	if err != nil {
		return nil, err
	}
	var doc object
	return doc, json.Unmarshal(raw, &doc)
})

// component is a schema of the document by its reference.
func component(doc object, ref string) object {
	return doc.obj("components").obj("schemas").obj(ref[strings.LastIndex(ref, "/")+1:])
}

// operationAt finds the operation that serves a path; nil when there is none.
func operationAt(doc object, method, path string) object {
	given := strings.Split(path, "/")
	var best object
	fewest := len(given) + 1 // parameters: /users/me comes before /users/{id}
	for known, item := range doc.obj("paths") {
		parts, holes := strings.Split(known, "/"), 0
		same := len(parts) == len(given)
		for i := 0; same && i < len(parts); i++ {
			if strings.HasPrefix(parts[i], "{") {
				holes++
			} else {
				same = parts[i] == given[i]
			}
		}
		if op := object(item.(map[string]any)).obj(strings.ToLower(method)); same && op != nil && holes < fewest {
			best, fewest = op, holes
		}
	}
	return best
}

// codesOf lists the codes that an operation may answer with.
func codesOf(doc, op object) []any {
	for status, r := range op.obj("responses") {
		if status[0] < '4' {
			continue
		}
		ref := object(r.(map[string]any)).obj("content").obj("application/problem+json").obj("schema").str("$ref")
		enum, _ := component(doc, ref).list("allOf")[1].obj("properties").obj("code")["enum"].([]any)
		return enum
	}
	return nil
}

// checkCode is part of every call that a test makes: a refusal has one of the codes that the document has for the
// operation, with a status that the document has as well.
func checkCode(method, at string, status int, header http.Header, body []byte) error {
	if !strings.HasPrefix(header.Get("Content-Type"), "application/problem+json") || len(body) == 0 {
		return nil
	}
	doc, err := documented()
	if err != nil {
		return err
	}
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	op := operationAt(doc, method, strings.TrimSuffix(u.EscapedPath(), "/"))
	if op == nil { // no_such_route, method_not_allowed
		return nil
	}
	var p object
	if err := json.Unmarshal(body, &p); err != nil {
		return err
	}
	known := codesOf(doc, op)
	switch code := p.str("code"); {
	case !slices.Contains(known, any(code)):
		return fmt.Errorf("%s answers with %s, which is not among its codes: %v", op.str("operationId"), code, known)
	case op.obj("responses")[fmt.Sprint(status)] == nil:
		return fmt.Errorf("%s answers with %d, which is not documented", op.str("operationId"), status)
	case !strings.Contains(op.obj("responses").obj(fmt.Sprint(status)).str("description"), "`"+code+"`"):
		return fmt.Errorf("%s answers with %d %s, and the document has another status for it", op.str("operationId"), status, code)
	}
	return nil
}

// TestEveryCodeIsOfAnOperation: what the API may answer with, some operation says that it may, but for what is
// answered where there is none.
func TestEveryCodeIsOfAnOperation(t *testing.T) {
	doc, err := documented()
	require.NoError(t, err)
	nowhere := []codes.Code{codes.NoSuchRoute, codes.MethodNotAllowed, codes.NotLoopback, codes.AlreadyExists} // the last is of races that end otherwise
	said := map[any]bool{}
	for _, item := range doc.obj("paths") {
		for _, op := range item.(map[string]any) {
			for _, code := range codesOf(doc, op.(map[string]any)) {
				said[code] = true
			}
		}
	}
	for _, r := range codes.All() {
		require.Equal(t, r.In(codes.Answer) && !slices.Contains(nowhere, r.Code), said[string(r.Code)], r.Code)
	}
}

// TestExamples: every example is as its own schema says, and every text that a reader could not guess has one.
func TestExamples(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()})
	c := contractOf(t, r)
	fits := func(value any, at ...string) {
		t.Helper()
		s, err := c.schema(slices.Clone(at)...)
		require.NoError(t, err, at)
		require.NoError(t, s.Validate(value), "%v", at)
	}
	for _, o := range c.operations() {
		method := strings.ToLower(o.method)
		bodies := map[string]object{"requestBody": o.described.obj("requestBody")}
		for status, r := range o.described.obj("responses") {
			bodies["responses/"+status] = object(r.(map[string]any))
		}
		for where, body := range bodies {
			if m := body.obj("content").obj("application/json"); m != nil {
				at := append([]string{"paths", o.path, method}, strings.Split(where, "/")...)
				fits(m["example"], append(at, "content", "application/json", "schema")...)
			}
		}
		for i, p := range o.described.list("parameters") {
			if p["example"] != nil {
				fits(p["example"], "paths", o.path, method, "parameters", fmt.Sprint(i), "schema")
			}
			_, choice := p.obj("schema")["enum"]
			require.True(t, p["example"] != nil || choice || p.obj("schema").str("type") != "string", "%s: %s has no example", o, p.str("name"))
		}
	}
	for name, s := range c.doc.obj("components").obj("schemas") {
		for field, p := range object(s.(map[string]any)).obj("properties") {
			p := object(p.(map[string]any))
			examples, _ := p["examples"].([]any)
			for _, e := range examples {
				fits(e, "components", "schemas", name, "properties", field)
			}
			text := p["type"] == "string" || slices.Contains(kinds(p), any("string"))
			guessed := p["enum"] != nil || p["const"] != nil || p.str("format") == "date-time"
			require.True(t, !text || guessed || len(examples) > 0, "%s.%s has no example", name, field)
		}
	}
}

func kinds(s object) []any {
	list, _ := s["type"].([]any)
	return list
}

// TestAnswersMayGrow: a client that was made of this document takes fields of later releases, while a request with
// a field that nobody knows is refused.
func TestAnswersMayGrow(t *testing.T) {
	doc, err := documented()
	require.NoError(t, err)
	asked, answered := map[string]bool{}, map[string]bool{}
	var reach func(v any, names map[string]bool, closed bool)
	reach = func(v any, names map[string]bool, closed bool) {
		switch v := v.(type) {
		case map[string]any:
			if _, ok := v["properties"].(map[string]any); ok && v["type"] != nil {
				require.Equal(t, closed, v["additionalProperties"] == false, "%v", slices.Sorted(maps.Keys(v)))
			}
			if ref, ok := v["$ref"].(string); ok && !names[ref] {
				names[ref] = true
				reach(map[string]any(component(doc, ref)), names, closed)
			}
			for key, part := range v {
				if key != "example" && key != "examples" {
					reach(part, names, closed)
				}
			}
		case []any:
			for _, part := range v {
				reach(part, names, closed)
			}
		}
	}
	for _, item := range doc.obj("paths") {
		for _, op := range item.(map[string]any) {
			op := object(op.(map[string]any))
			reach(map[string]any(op.obj("requestBody")), asked, true)
			reach(map[string]any(op.obj("responses")), answered, false)
		}
	}
	require.NotEmpty(t, asked)
	for name := range asked {
		require.NotContains(t, answered, name, "it cannot be closed and open at once")
	}
}

// TestOperationIDs: they are names of methods and tools, so they are for ever. A new one is added here; none goes.
func TestOperationIDs(t *testing.T) {
	doc, err := documented()
	require.NoError(t, err)
	var ids []string
	for _, item := range doc.obj("paths") {
		for _, op := range item.(map[string]any) {
			ids = append(ids, object(op.(map[string]any)).str("operationId"))
		}
	}
	slices.Sort(ids)
	require.Equal(t, strings.Fields(`
		answerEvent cleanUpMessages createApiKey createSession createUser createWebhook deleteApiKey deleteMessage deleteSession deleteUser deleteWebhook editMessage getApiKey getChat
		getLiveness getMe getMessage getMetrics getOpenApi getQrCode getReadiness getSession getSessionHealth getUser getWebhook listApiKeys listAudit
		listChats listDeliveries listEvents listMessages listReceipts listSessions listUsers listWebhooks logIn logOut openWebSocket pauseWebhook pinMessage pollSocketIo
		pushSocketIo reactToMessage receiveMessages replayWebhook resumeWebhook retryDelivery rotateApiKey rotateWebhookSecret sendContact sendEvent sendLocation sendMessage sendPoll sendReaction setMyPassword
		setUserPassword startSession stopSession streamEvents testWebhook unlinkSession updateApiKey updateMe updateSession updateUser updateWebhook voteInPoll`), ids)
}
