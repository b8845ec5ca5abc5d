package api

import (
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/app/service"
)

// TestPeer reads where a request comes from: past proxies that are trusted, from the right, and of
// nobody else.
func TestPeer(t *testing.T) {
	proxies, err := service.ParseNetworks([]string{"10.0.0.0/8", "fd00::/8", "::ffff:192.0.2.0/120"})
	require.NoError(t, err)
	a := &API{Config: Config{Proxies: proxies}}
	for _, c := range []struct {
		about, from string
		forwarded   []string
		proto       string
		want        peer
	}{
		{"nobody in between", "203.0.113.7:5", nil, "", peer{address: "203.0.113.7", told: true}},
		{"a stranger lies", "203.0.113.7:5", []string{"127.0.0.1"}, "https", peer{address: "203.0.113.7", told: true, passed: true}},
		{"one proxy", "10.0.0.1:5", []string{"203.0.113.7"}, "https", peer{address: "203.0.113.7", told: true, passed: true, trusted: true, secure: true}},
		{"a liar behind one", "10.0.0.1:5", []string{"127.0.0.1, 203.0.113.7"}, "http", peer{address: "203.0.113.7", told: true, passed: true, trusted: true}},
		{"a liar whose header stays beside", "10.0.0.1:5", []string{"127.0.0.1", "203.0.113.7"}, "", peer{address: "203.0.113.7", told: true, passed: true, trusted: true}},
		{"three proxies", "[fd00::1]:5", []string{"8.8.8.8, 203.0.113.7, 10.1.1.1,10.2.2.2"}, "https", peer{address: "203.0.113.7", told: true, passed: true, trusted: true, secure: true}},
		{"from a proxy's own network", "10.0.0.1:5", []string{"10.9.9.9"}, "", peer{address: "10.9.9.9", told: true, passed: true, trusted: true}},
		{"with port and brackets", "10.0.0.1:5", []string{"[2001:db8::7]:1234"}, "", peer{address: "2001:db8::7", told: true, passed: true, trusted: true}},
		{"IPv4 written as IPv6", "[::ffff:10.0.0.1]:5", []string{"::ffff:203.0.113.7"}, "", peer{address: "203.0.113.7", told: true, passed: true, trusted: true}},
		{"a network written as IPv6", "192.0.2.9:5", []string{"203.0.113.7:80"}, "", peer{address: "203.0.113.7", told: true, passed: true, trusted: true}},
		{"a proxy that says nothing", "10.0.0.1:5", nil, "https", peer{address: "10.0.0.1", trusted: true, secure: true}},
		{"a proxy that says nonsense", "10.0.0.1:5", []string{"unknown"}, "", peer{address: "10.0.0.1", passed: true, trusted: true}},
		{"nonsense before a proxy", "10.0.0.1:5", []string{"unknown, 10.0.0.2"}, "", peer{address: "10.0.0.2", told: true, passed: true, trusted: true}},
		{"a list of schemes", "10.0.0.1:5", []string{"203.0.113.7"}, "https, http", peer{address: "203.0.113.7", told: true, passed: true, trusted: true}},
	} {
		r := &http.Request{RemoteAddr: c.from, Header: http.Header{}}
		if c.forwarded != nil {
			r.Header["X-Forwarded-For"] = c.forwarded
		}
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		require.Equal(t, c.want, a.peer(r), c.about)
	}
	require.True(t, a.peer(&http.Request{RemoteAddr: "203.0.113.7:5", TLS: &tls.ConnectionState{}}).secure)
}
