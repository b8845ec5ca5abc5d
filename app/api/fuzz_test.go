package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"whatsapp-api/app/service"
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
		var command any
		if json.Unmarshal(raw, &command) != nil {
			t.Fatal("not JSON, yet taken")
		}
		var again follow
		if err := reread(command, &again); err != nil {
			t.Fatalf("WebSocket takes what Socket.IO refuses: %v", err)
		}
	})
}

// FuzzReplayPoint feeds from and to of a replay.
func FuzzReplayPoint(f *testing.F) {
	for _, seed := range []string{`1`, `1.0`, `-1`, `"2026-11-24T10:00:00Z"`, `"yesterday"`, `null`, `1e400`, `{}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p *replayPoint
		err := json.Unmarshal(raw, &p)
		if err == nil && p != nil && p.Seq != 0 && !p.At.IsZero() {
			t.Fatal("both a time and a seq")
		}
		if err != nil && json.Valid(raw) && strings.Contains(err.Error(), "Go ") {
			t.Fatalf("the client is told of Go: %v", err)
		}
	})
}

// FuzzInbound feeds body, signature and address of posts of another service: only who has the
// secret, or posts from where it is allowed, gets in.
func FuzzInbound(f *testing.F) {
	f.Add([]byte(`{}`), "sha256=00", "127.0.0.1", "127.0.0.0/8")
	f.Add([]byte(``), "", "::1", "::/0")
	f.Add([]byte(`x`), "sha256=", "::ffff:10.0.0.1", "10.0.0.1")
	f.Fuzz(func(t *testing.T, body []byte, signature, address, network string) {
		const secret = "the secret of the other service"
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		good := hex.EncodeToString(mac.Sum(nil))
		signed := Inbound{Token: secret}
		if signed.signed(signature, body) == nil && !strings.EqualFold(strings.TrimPrefix(signature, "sha256="), good) {
			t.Fatal("a wrong signature got in")
		}
		if signed.admit(address) != nil || signed.signed("sha256="+good, body) != nil {
			t.Fatal("a right signature did not get in")
		}
		allowed, err := service.ParseNetworks([]string{network})
		if err == nil && (Inbound{Addresses: allowed}).admit(address) == nil {
			from, err := netip.ParseAddr(address)
			if err != nil || !from.IsValid() {
				t.Fatal("from nowhere")
			}
		}
		if (Inbound{}).admit(address) == nil {
			t.Fatal("it is off")
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
		_ = tokenOf(r)
	})
}

// FuzzPathAndQuery feeds the router and what comes before any look-up: no path makes a fault of the
// server, and every refusal is a problem.
func FuzzPathAndQuery(f *testing.F) {
	for _, seed := range [][3]string{{"GET", "/api/v1/sessions/shop", "limit=1"}, {"POST", "/api/v1/sessions/%2e%2e", ""}, {"PUT", "//", "%"}, {"TRACE", "/docs/..", "a=b;c"}, {"GET", "/ws", "EIO=4"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	a := New(Config{Logger: zap.NewNop()})
	f.Cleanup(func() { a.Close(context.Background()) })
	f.Fuzz(func(t *testing.T, method, path, query string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://server.test"+path+"?"+query, nil)
		if err != nil || r.URL.Path == "" || r.URL.Path[0] != '/' || strings.HasPrefix(r.URL.Path, "/socket.io") || r.URL.Path == "/readyz" {
			return
		}
		r.Host = "server.test"
		w := &answers{header: http.Header{}}
		a.ServeHTTP(w, r)
		require.Less(t, w.status, 500)
		if w.status >= 400 {
			require.Equal(t, "application/problem+json", w.header.Get("Content-Type"))
		}
	})
}

// answers is a ResponseWriter that notes the status.
type answers struct {
	header http.Header
	status int
}

func (a *answers) Header() http.Header         { return a.header }
func (a *answers) Write(p []byte) (int, error) { return len(p), nil }
func (a *answers) WriteHeader(status int)      { a.status = status }

// FuzzForwarded feeds the headers by which proxies say where a request came from: of who is no
// trusted proxy nothing is believed, and of one only what it has added itself.
func FuzzForwarded(f *testing.F) {
	for _, seed := range [][3]string{
		{"127.0.0.1:5", "203.0.113.7", "for=203.0.113.7"}, {"[::1]:5", "a, b, c", "\"[::1]\""}, {"@", "", ""}, {"10.0.0.1", "\x00", "for=_"}, {"[fe80::1%eth0]:1", "127.0.0.1", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	a := &API{Config: Config{Logger: zap.NewNop()}}
	behind := &API{Config: Config{Logger: zap.NewNop(), Proxies: service.Networks{netip.MustParsePrefix("192.0.2.1/32")}}}
	f.Fuzz(func(t *testing.T, remote, one, other string) {
		at := func(remote string, headers http.Header) peer {
			return a.peer(&http.Request{RemoteAddr: remote, Header: headers})
		}
		lying := http.Header{}
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "True-Client-Ip", "Cf-Connecting-Ip", "X-Client-Ip"} {
			lying[name] = []string{one, other}
		}
		honest, liar := at(remote, http.Header{}), at(remote, lying)
		require.Equal(t, honest.address, liar.address)
		require.False(t, liar.secure)
		lying["X-Forwarded-For"] = append(lying["X-Forwarded-For"], "203.0.113.9")
		lying["X-Forwarded-Proto"] = append(lying["X-Forwarded-Proto"], "http")
		told := behind.peer(&http.Request{RemoteAddr: "192.0.2.1:4", Header: lying})
		require.Equal(t, peer{address: "203.0.113.9", told: true, passed: true, trusted: true}, told)
	})
}
