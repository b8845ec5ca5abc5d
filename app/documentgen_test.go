package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"whatsapp-api/whatsapp/sandbox"
)

// filled is a server with something of everything, and the names of it all.
type filled struct {
	tokens map[string]string   // by who; an empty one for nobody
	names  map[string][]string // values of parameters and fields that mean something, by name
	ids    map[string][]string // of {id}, by the noun before it
	spare  map[string][]string // what may be deleted, by the noun
}

// fill makes sessions, messages, users, keys, webhooks and deliveries.
func fill(t *testing.T, r *rig) *filled {
	ana, bob := r.link("shop"), phone(t, "Bob")
	_, err := bob.Send(t.Context(), sandbox.Outgoing{To: ana.Number(), Text: "Do you have bread?"})
	require.NoError(t, err)
	r.awaitEvent("shop", 0, named("new_messages"))
	send := "/api/v1/messages/sessions/shop/send/message"
	r.call("POST", send, map[string]any{"to": bob.Number(), "text": "Yes."}, 201)
	quoted := r.call("GET", "/api/v1/messages/sessions/shop/chats/"+strings.TrimPrefix(bob.Number(), "+")+"/messages", nil, 200).list("data")[1]
	r.call("POST", send, map[string]any{"to": bob.Number(), "text": "Until eight.", "quotedMessageId": quoted.str("id")}, 201)
	eve := r.call("POST", "/api/v1/users", map[string]any{"email": "eve@example.com", "name": "Eve", "password": "another password"}, 201)
	r.call("POST", "/api/v1/users", map[string]any{"email": "mal@example.com", "name": "Mal", "password": "another password"}, 201)
	user := r.as("eve@example.com", "another password")
	user.call("POST", "/api/v1/sessions", map[string]any{"id": "hers", "name": "Hers"}, 201)
	key := r.call("POST", "/api/v1/api-keys", map[string]any{"name": "All", "scopes": []string{"*"}}, 201)
	limited := r.call("POST", "/api/v1/api-keys", map[string]any{"name": "Some", "scopes": []string{"*"}, "sessions": []string{"shop"}, "addresses": []string{"127.0.0.0/8"}}, 201)
	w := &filled{
		tokens: map[string]string{"admin": r.token, "user": user.token, "key": key.str("key"), "nobody": "", "stranger": "x.y.z"},
		names: map[string][]string{
			"sessionId": {"shop", "hers", "none"}, "chatId": {bob.Number(), "34699999999", "a@g.us"}, "deliveryId": {"dlv_none"}, "to": {bob.Number(), "+34 600"},
			"quotedMessageId": {quoted.str("id"), "none"}, "url": {"http://127.0.0.1:1/hook", "https://[::1]:1/"}, "sessions": {"shop"}, "events": {"new_messages"},
			"scopes": {"*", "messages:read", "sessions:*"}, "addresses": {"10.0.0.0/8"}, "retryFor": {"0s", "90m"}, "email": {"eve@example.com", "nobody@example.com"},
			"chats": {bob.Number()}, "senders": {bob.Number()}, "wait": {"0"}, "chat": {bob.Number()}, "from": {bob.Number()},
		},
		ids:   map[string][]string{"api-keys": {limited.str("id"), "key_none"}, "users": {eve.str("id"), "usr_none"}},
		spare: map[string][]string{"api-keys": {"key_none"}, "users": {"usr_none"}},
	}
	for _, body := range []map[string]any{
		{"url": "http://127.0.0.1:1/hook", "sessionId": "shop", "events": []string{"message_sent"}, "headers": map[string]string{"X-A": "b"}, "retryFor": "1s"}, {"url": "http://127.0.0.1:1/all"},
	} {
		w.ids["webhooks"] = append(w.ids["webhooks"], r.call("POST", "/api/v1/webhooks", body, 201).str("id"))
	}
	r.call("POST", send, map[string]any{"to": bob.Number(), "text": "For the webhooks."}, 201)
	hook := w.ids["webhooks"][0]
	r.awaitDelivery(hook)
	w.names["deliveryId"] = append(w.names["deliveryId"], r.call("GET", "/api/v1/webhooks/"+hook+"/deliveries", nil, 200).list("data")[0].str("id"))
	for i := range 3 {
		id := fmt.Sprintf("spare-%d", i)
		r.call("POST", "/api/v1/sessions", map[string]any{"id": id, "name": "Spare"}, 201)
		w.spare["sessions"] = append(w.spare["sessions"], id)
		w.spare["webhooks"] = append(w.spare["webhooks"], r.call("POST", "/api/v1/webhooks", map[string]any{"url": "http://127.0.0.1:1/"}, 201).str("id"))
	}
	t.Cleanup(propertyClient.CloseIdleConnections)
	return w
}

// hostile are texts that have broken other programs.
var hostile = []string{
	"", " ", "..", "../../etc/passwd", "..\\..\\x", "%2e%2e%2f", "a/b", "\x00", "a\x00b", "a\r\nX-Injected: 1", "';--", "{{7*7}}", "${jndi:ldap://127.0.0.1}", "null", "-1", "1e999",
	"99999999999999999999", "NaN", "\u202eevil", "\ufeff", "\U0001f4a9", "é́́", "<script>", "0x7f000001", "017700000001", strings.Repeat("A", 5000), strings.Repeat("[", 300),
}

// draw makes a request for an operation.
func (w *filled) draw(t *rapid.T, o operation) query {
	who := rapid.SampledFrom([]string{"admin", "admin", "admin", "user", "key", "nobody", "stranger"}).Draw(t, "who")
	q := query{method: o.method, header: http.Header{}}
	if token := w.tokens[who]; token != "" {
		q.header.Set("Authorization", "Bearer "+token)
	}
	path, values := o.path, url.Values{}
	for _, p := range o.described.list("parameters") {
		name, schema := p.str("name"), p.obj("schema")
		wild := rapid.IntRange(0, 7).Draw(t, "wild "+name) == 0
		if p["required"] != true && rapid.Bool().Draw(t, "without "+name) {
			continue
		}
		var text string
		switch {
		case wild:
			q.odd = true
			text = rapid.SampledFrom(hostile).Draw(t, name)
		case name == "id" || name == "sessionId" && p.str("in") == "path":
			text = rapid.SampledFrom(w.pathIDs(o, name)).Draw(t, name)
		case name == "sessions" || name == "events" || len(w.names[name]) > 0:
			text = rapid.SampledFrom(w.names[name]).Draw(t, name)
		default:
			text = strings.TrimSuffix(fmt.Sprint(w.valid(t, o.c, name, schema)), ".0") // as text, 1.0 is not 1
		}
		switch p.str("in") {
		case "path":
			if text == "" || text == "." || text == ".." { // of no segment: another route
				text = "x"
			}
			path = strings.Replace(path, "{"+name+"}", url.PathEscape(text), 1)
		case "query":
			values.Set(name, text)
		case "header":
			if !strings.ContainsFunc(text, unicode.IsControl) { // the client would not send it
				q.header.Set(name, text)
			}
		}
	}
	q.target = path
	if len(values) > 0 {
		q.target += "?" + values.Encode()
	}
	if o.described["requestBody"] != nil {
		w.drawBody(t, o, &q)
	}
	return q
}

// pathIDs are what {id} or {sessionId} may be in an operation: what is deleted is not needed any more.
func (w *filled) pathIDs(o operation, name string) []string {
	noun := strings.Split(strings.TrimPrefix(o.path, "/api/v1/"), "/")[0]
	switch {
	case o.method == http.MethodDelete || strings.HasSuffix(o.path, "/disconnect") || strings.HasSuffix(o.path, "/stop"):
		if noun == "messages" {
			noun = "sessions"
		}
		return append([]string{"none"}, w.spare[noun]...)
	case name == "sessionId":
		return w.names[name]
	}
	return w.ids[noun]
}

// drawBody makes a body of the document's, or one that breaks it.
func (w *filled) drawBody(t *rapid.T, o operation, q *query) {
	content := o.described.obj("requestBody").obj("content")
	if content["application/json"] == nil {
		q.odd = true
		q.header.Set("Content-Type", "text/plain")
		q.body = []byte(rapid.SampledFrom(hostile).Draw(t, "body"))
		return
	}
	q.header.Set("Content-Type", "application/json")
	body := w.valid(t, o.c, "", content.obj("application/json").obj("schema"))
	switch rapid.IntRange(0, 7).Draw(t, "body") {
	case 0:
		body = w.spoil(t, body)
		q.odd, q.broken = true, !o.fits(body)
	case 1:
		raw := rapid.SampledFrom([]string{"", "{", "[]", "null", "1", `"x"`, "\xff", `{"a":1}x`, strings.Repeat(`{"a":`, 20_000), `{"name":"\ud800"}`}).Draw(t, "raw")
		q.odd, q.body = true, []byte(raw)
		return
	case 2:
		q.odd = true
		q.header.Set("Content-Type", rapid.SampledFrom([]string{"text/plain", "application/xml", "multipart/form-data", "x", "application/x-www-form-urlencoded"}).Draw(t, "type"))
	}
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatalf("%v", err)
	}
	q.body = raw
}

// spoil changes one field of an object.
func (w *filled) spoil(t *rapid.T, body any) any {
	fields, ok := body.(map[string]any)
	wrong := rapid.SampledFrom([]any{nil, 1.5, -1, 1 << 40, true, "", strings.Repeat("x", 100_000), []any{}, []any{1, nil}, map[string]any{}, map[string]any{"a": 1}}).Draw(t, "wrong")
	if !ok || len(fields) == 0 || rapid.IntRange(0, 5).Draw(t, "whole") == 0 {
		return wrong
	}
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	name := rapid.SampledFrom(append(names, "unknownField")).Draw(t, "field")
	if rapid.Bool().Draw(t, "leave out") {
		delete(fields, name)
	} else {
		fields[name] = wrong
	}
	return fields
}

// valid makes a value of a schema; name is that of the field it is for.
func (w *filled) valid(t *rapid.T, c *contract, name string, schema object) any {
	if ref := schema.str("$ref"); ref != "" {
		schema = c.doc.obj("components").obj("schemas").obj(strings.TrimPrefix(ref, "#/components/schemas/"))
	}
	for _, choice := range []string{"oneOf", "anyOf"} {
		if of := schema.list(choice); len(of) > 0 {
			return w.valid(t, c, name, rapid.SampledFrom(of).Draw(t, choice))
		}
	}
	if enum, ok := schema["enum"].([]any); ok {
		return rapid.SampledFrom(enum).Draw(t, name)
	}
	kind, ok := schema["type"].(string)
	if !ok {
		kinds, _ := schema["type"].([]any)
		kind = fmt.Sprint(rapid.SampledFrom(kinds).Draw(t, "type of "+name))
	}
	least := func(key string, otherwise int) int {
		if n, ok := schema[key].(float64); ok {
			return int(n)
		}
		return otherwise
	}
	switch kind {
	case "null":
		return nil
	case "boolean":
		return rapid.Bool().Draw(t, name)
	case "integer", "number":
		from := least("minimum", -10)
		n := rapid.IntRange(from, least("maximum", from+100_000)).Draw(t, name)
		if rapid.IntRange(0, 3).Draw(t, "spelling of "+name) == 0 { // as some languages write whole numbers
			return json.Number(strconv.Itoa(n) + ".0")
		}
		return n
	case "array":
		n := rapid.IntRange(least("minItems", 0), least("minItems", 0)+2).Draw(t, "length of "+name)
		list := []any{}
		for range n {
			list = append(list, w.valid(t, c, name, schema.obj("items")))
		}
		return list
	case "object":
		return w.validObject(t, c, schema)
	}
	return w.validText(t, name, schema, least)
}

func (w *filled) validObject(t *rapid.T, c *contract, schema object) any {
	required, _ := schema["required"].([]any)
	fields := map[string]any{}
	var names []string
	for name := range schema.obj("properties") {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if slices.Contains(required, any(name)) || rapid.Bool().Draw(t, "with "+name) {
			fields[name] = w.valid(t, c, name, schema.obj("properties").obj(name))
		}
	}
	if more := schema.obj("additionalProperties"); more != nil && rapid.Bool().Draw(t, "more") {
		fields[rapid.SampledFrom([]string{"X-A", "host", "a b", ""}).Draw(t, "name")] = w.valid(t, c, "value", more)
	}
	return fields
}

func (w *filled) validText(t *rapid.T, name string, schema object, least func(string, int) int) any {
	if known := w.names[name]; len(known) > 0 && rapid.IntRange(0, 3).Draw(t, "known "+name) > 0 {
		return rapid.SampledFrom(known).Draw(t, name)
	}
	if name == "url" { // what is made up would be looked up
		return "http://127.0.0.1:1/" + rapid.StringMatching(`[a-z?=&%#]{0,20}`).Draw(t, name)
	}
	if p := schema.str("pattern"); p != "" {
		return rapid.StringMatching(p).Draw(t, name)
	}
	switch schema.str("format") {
	case "date-time":
		return rapid.SampledFrom([]string{"2026-11-24T10:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999+14:00", "2100-02-28T00:00:00-00:00"}).Draw(t, name)
	case "email":
		return "a@example.com"
	}
	from := least("minLength", 0)
	text := rapid.StringN(from, min(from+12, least("maxLength", from+12)), -1).Draw(t, name)
	if rapid.IntRange(0, 5).Draw(t, "hostile "+name) == 0 {
		if h := rapid.SampledFrom(hostile).Draw(t, name); len([]rune(h)) >= from && len([]rune(h)) <= least("maxLength", 1000) {
			return h
		}
	}
	return text
}

// awaitDelivery waits until a webhook has a delivery in its log.
func (r *rig) awaitDelivery(hook string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		return len(r.call("GET", "/api/v1/webhooks/"+hook+"/deliveries", nil, 200).list("data")) > 0
	}, time.Minute, 20*time.Millisecond)
}
