package stream

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"whatsapp-api/app/api"
)

// FuzzClientFrame feeds what WebSocket and Socket.IO clients send: what is taken can be said again
// and means the same.
func FuzzClientFrame(f *testing.F) {
	for _, seed := range []string{
		`{"type":"subscribe","sessions":["shop"],"events":["new_messages"],"after":0}`, `{"type":"auth","token":"a.b.c"}`, `{"after":{"shop":3}}`, `{"after":-1}`,
		`{"after":9223372036854775808}`, `{"after":null,"sessions":null}`, `[]`, `{"after":{"a":{"b":1}}}`, `{"type":"\u0000"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var frame clientFrame
		if json.Unmarshal(raw, &frame) != nil {
			return
		}
		if frame.After.one != nil && *frame.After.one < 0 {
			t.Fatal("a point before the beginning")
		}
		for _, seq := range frame.After.each {
			if seq < 0 {
				t.Fatal("a point before the beginning")
			}
		}
		var again follow
		if err := decode(raw, &again); err != nil {
			t.Fatalf("WebSocket takes what Socket.IO refuses: %v", err)
		}
	})
}

// FuzzTokenHeaders feeds the headers that carry a token.
func FuzzTokenHeaders(f *testing.F) {
	f.Add("Bearer a.b.c", "bearer, a.b.c", "whatsapp_api_token=a.b.c")
	f.Add("bearer  x", "bearer.a.b.c", ";;=")
	f.Add("Basic eA==", ",,,a..,", "whatsapp_api_token=\x00")
	f.Fuzz(func(t *testing.T, authorization, protocol, cookie string) {
		r := &http.Request{Header: http.Header{"Authorization": {authorization}, "Sec-Websocket-Protocol": {protocol}, "Cookie": {cookie}}}
		token, agreed := socketToken(r)
		if strings.TrimSpace(token) != token {
			t.Fatalf("token %q", token)
		}
		if agreed != "" && !strings.Contains(protocol, agreed) {
			t.Fatalf("%q was not offered", agreed)
		}
		_ = api.TokenOf(r)
	})
}
