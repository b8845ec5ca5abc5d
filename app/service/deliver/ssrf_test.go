package deliver

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

func TestTargets(t *testing.T) {
	none, err := NewTargets(nil)
	require.NoError(t, err)
	for _, ip := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1",
		"192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1",
		"100::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::", "3fff::1",
	} {
		require.ErrorIs(t, none.check(netip.MustParseAddr(ip)), errTarget, ip)
	}
	for _, ip := range []string{"1.1.1.1", "8.8.8.8", "100.63.255.255", "172.32.0.1", "192.0.1.1", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450::1"} {
		require.NoError(t, none.check(netip.MustParseAddr(ip)), ip)
	}
	some, err := NewTargets([]string{"10.1.0.0/16", "fd00::/8"})
	require.NoError(t, err)
	for ip, good := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "fd12::1": true, "fe80::1": false, "127.0.0.1": false} {
		require.Equal(t, good, some.check(netip.MustParseAddr(ip)) == nil, ip)
	}
	for _, bad := range []string{"10.0.0.1", "::ffff:10.0.0.0/104"} {
		_, err = NewTargets([]string{bad})
		require.Error(t, err)
	}
}

// TestOtherSpellingsOfInside dials this machine under the names that some resolvers take for it.
func TestOtherSpellingsOfInside(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	none, err := NewTargets(nil)
	require.NoError(t, err)
	for _, host := range []string{"127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "0", "127.0.0.1.", "::ffff:127.0.0.1", "::ffff:7f00:1", "::", "localhost", "localhost.", "LocalHost"} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		c, err := none.dialer().DialContext(ctx, "tcp", net.JoinHostPort(host, port))
		cancel()
		if err == nil {
			require.NoError(t, c.Close())
		}
		require.Error(t, err, host)
	}
}

func TestURLs(t *testing.T) {
	none, err := NewTargets(nil)
	require.NoError(t, err)
	for url, good := range map[string]bool{
		"https://example.com": true, "http://example.com:8080/a?b=c": true, "https://8.8.8.8/": true, "https://[2606:4700::1111]/": true,
		"": false, "example.com": false, "//example.com": false, "ftp://example.com": false, "https:example.com": false, "https://": false, "https://:443": false,
		"https://u@example.com": false, "https://u:p@example.com": false, "https://example.com/#x": false, "https://exa mple.com": false, "https://example.com/\r\n": false,
		"http://127.0.0.1": false, "http://localhost": false, "http://LOCALHOST.:80": false, "http://x.localhost": false, "http://[::1]": false,
		"http://[::ffff:10.0.0.1]": false, "http://[fe80::1%25eth0]": false, "http://169.254.169.254/latest": false, "http://0.0.0.0": false, "file:///etc/passwd": false,
	} {
		require.Equal(t, good, none.checkURL(url) == "", "%q: %s", url, none.checkURL(url))
	}
}

// nameServer answers every question for an address with the next of ips, the last for ever.
func nameServer(t *testing.T, ips ...string) (*net.Resolver, *atomic.Int32) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	var asked atomic.Int32
	go func() {
		buf := make([]byte, 512)
		for {
			_, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			end := 12
			for buf[end] != 0 {
				end += int(buf[end]) + 1
			}
			q := buf[:end+5]
			out := append([]byte{}, q...)
			binary.BigEndian.PutUint16(out[2:], 0x8180)
			binary.BigEndian.PutUint16(out[6:], 0)
			binary.BigEndian.PutUint32(out[8:], 0)
			if binary.BigEndian.Uint16(q[end+1:]) == 1 { // A
				i := min(int(asked.Add(1)), len(ips)) - 1
				binary.BigEndian.PutUint16(out[6:], 1)
				out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				out = append(out, net.ParseIP(ips[i]).To4()...)
			}
			_, _ = conn.WriteTo(out, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}, &asked
}

// guarded is a sender with a resolver of its own.
func guarded(t *testing.T, targets *Targets, r *net.Resolver) *sender {
	s := newSender(targets, "test")
	d := targets.dialer()
	d.Resolver = r
	s.transport.DialContext = d.DialContext
	t.Cleanup(s.close)
	return s
}

func sendTo(s *sender, url string) outcome {
	return s.send(context.Background(), webhookRequest{hook: store.Webhook{ID: "w", URL: url, Timeout: 5 * time.Second, Secrets: []store.WebhookSecret{{Value: "x"}}, Headers: map[string]string{"X-Key": "k"}}, event: "e", attempt: 1, body: []byte(`{}`)})
}

func TestNamesThatPointInsideAreNotReached(t *testing.T) {
	var hits atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(inside.Close)
	port := inside.URL[strings.LastIndex(inside.URL, ":"):]
	none, err := NewTargets(nil)
	require.NoError(t, err)
	resolver, asked := nameServer(t, "127.0.0.1")
	o := sendTo(guarded(t, none, resolver), "http://public.example.org"+port)
	require.Contains(t, o.fault, "private or reserved")
	require.Positive(t, asked.Load())
	require.Contains(t, sendTo(guarded(t, none, nil), "http://localhost"+port).fault, "private or reserved")

	// A name that is allowed once and points inside when it is dialled again.
	some, err := NewTargets([]string{"127.0.0.1/32"})
	require.NoError(t, err)
	resolver, _ = nameServer(t, "127.0.0.1", "127.0.0.2")
	s := guarded(t, some, resolver)
	s.transport.DisableKeepAlives = true
	require.True(t, sendTo(s, "http://rebind.example.org"+port).delivered())
	require.Contains(t, sendTo(s, "http://rebind.example.org"+port).fault, "private or reserved")
	require.EqualValues(t, 1, hits.Load())
}

func TestRedirects(t *testing.T) {
	var hits atomic.Int32
	var key atomic.Value
	inside := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		key.Store(r.Header.Get("X-Key") + "|" + r.Method)
	}))
	l, err := net.Listen("tcp", "127.0.0.2:0")
	require.NoError(t, err)
	require.NoError(t, inside.Listener.Close())
	inside.Listener = l
	inside.Start()
	t.Cleanup(inside.Close)
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/inside":
			http.Redirect(w, r, inside.URL, http.StatusTemporaryRedirect)
		case "/1", "/2", "/3", "/4":
			http.Redirect(w, r, fmt.Sprint("/", r.URL.Path[1]-'0'-1), http.StatusPermanentRedirect)
		case "/get":
			http.Redirect(w, r, "/0", http.StatusSeeOther)
		case "/file":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		case "/0":
			if r.Method != http.MethodPost || r.Header.Get("X-Key") != "k" {
				w.WriteHeader(http.StatusBadRequest)
			}
		}
	}))
	t.Cleanup(outside.Close)
	one, err := NewTargets([]string{"127.0.0.1/32"})
	require.NoError(t, err)
	s := guarded(t, one, nil)
	require.Contains(t, sendTo(s, outside.URL+"/inside").fault, "private or reserved")
	require.Zero(t, hits.Load())
	for path, fault := range map[string]string{
		"/0": "", "/1": "", "/3": "", "/4": "more than 3 redirects", "/get": "answered 303", "/file": "redirected to where", "/nowhere": "redirected nowhere",
	} {
		o := sendTo(s, outside.URL+path)
		require.Contains(t, o.fault, fault, path)
		require.Equal(t, fault == "", o.delivered(), path)
	}
	both, err := NewTargets([]string{"127.0.0.0/8"})
	require.NoError(t, err)
	require.True(t, sendTo(guarded(t, both, nil), outside.URL+"/inside").delivered())
	require.Equal(t, "|POST", key.Load(), "own headers do not go to another host")
}

func TestBadAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server would not see the client leave
		switch r.URL.Path {
		case "/long":
			w.WriteHeader(500)
			_, _ = w.Write([]byte("oops\n" + strings.Repeat("x", 100_000)))
		case "/hang":
			<-r.Context().Done()
		case "/cut":
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	both, err := NewTargets([]string{"127.0.0.0/8"})
	require.NoError(t, err)
	s := guarded(t, both, nil)
	o := sendTo(s, server.URL+"/long")
	require.Equal(t, 500, o.status)
	require.True(t, strings.HasPrefix(o.fault, "answered 500: oops xxx"), o.fault)
	require.Less(t, len(o.fault), 300)
	require.NotEmpty(t, sendTo(s, server.URL+"/cut").fault)
	require.Contains(t, sendTo(s, secure.URL).fault, "certificate")
	o = s.send(context.Background(), webhookRequest{hook: store.Webhook{URL: server.URL + "/hang", Timeout: 20 * time.Millisecond}, body: []byte("{}")})
	require.Equal(t, "no answer in time", o.fault)
	server.Close()
	require.Contains(t, sendTo(s, server.URL).fault, "refused")
}
