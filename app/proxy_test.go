package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"whatsapp-api/configs"
)

// nginxConf is a reverse proxy as the guide shows it.
const nginxConf = `daemon off;
master_process off;
pid DIR/pid;
error_log stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi; uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen PROXY ssl;
    ssl_certificate DIR/cert.pem;
    ssl_certificate_key DIR/key.pem;
    location / {
      proxy_pass SERVER;
      proxy_http_version 1.1;
      proxy_set_header Host $host:$server_port;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }
    location /silent/ { proxy_pass SERVER/; proxy_set_header X-Forwarded-For ""; }
  }
}
`

// behindNginx puts a real nginx in front of a server and returns its URL. Without one on this
// machine the test is skipped, and fails where REQUIRE_ALL is set.
func behindNginx(t *testing.T, server string) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // is not on everybody's PATH
		if _, err := os.Stat(program); err != nil {
			if os.Getenv("REQUIRE_ALL") == "1" {
				t.Fatal("there is no nginx, and REQUIRE_ALL is set")
			}
			t.Skip("there is no nginx on this machine")
		}
	}
	dir := t.TempDir()
	certificate(t, dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	at := l.Addr().String()
	require.NoError(t, l.Close())
	conf := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(conf, []byte(strings.NewReplacer("DIR", dir, "PROXY", at, "SERVER", server).Replace(nginxConf)), 0o600))
	cmd := exec.Command(program, "-p", dir, "-c", conf, "-e", "stderr")
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait() // its state says that it was stopped
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, 10*time.Second, 10*time.Millisecond, "nginx does not listen")
	return "https://" + at
}

// certificate writes a key and a certificate that it has signed itself.
func certificate(t *testing.T, dir string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
}

// clientFrom is a client with this loopback address, which trusts everybody.
func clientFrom(address string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
}

// asked makes a request and reads the answer to its end.
func asked(t *testing.T, c *http.Client, method, url, token string, body any, headers ...string) (int, object, http.Header) {
	t.Helper()
	raw := []byte(nil)
	if body != nil {
		raw = mustJSON(t, body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(raw))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err = io.ReadAll(resp.Body)
	require.NoError(t, err)
	var o object
	if len(raw) > 0 && strings.Contains(resp.Header.Get("Content-Type"), "json") {
		require.NoError(t, json.Unmarshal(raw, &o), "%s", raw)
	}
	return resp.StatusCode, o, resp.Header
}

// TestBehindAProxy looks at the server from behind a real nginx: it counts, allows and notes the
// client, not the proxy, and knows that the client speaks TLS.
func TestBehindAProxy(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) {
		c.TrustedProxies, c.WebhookAllowedIPs, c.RateLimit = []string{"127.0.0.1"}, []string{"127.0.0.1", "127.0.0.2", "127.0.0.5"}, 5
	})
	front := behindNginx(t, r.url)
	ann, bob := clientFrom("127.0.0.2"), clientFrom("127.0.0.3")
	login := map[string]any{"email": adminEmail, "password": adminPassword}

	code, got, header := asked(t, ann, "POST", front+"/api/v1/users/login", "", login)
	require.Equal(t, 200, code)
	require.Contains(t, header.Get("Set-Cookie"), "Secure")
	require.NotEmpty(t, header.Get("Strict-Transport-Security"))
	token := got.str("token")
	_, _, header = r.raw("POST", "/api/v1/users/login", login, "X-Forwarded-Proto", "http")
	require.NotContains(t, header.Get("Set-Cookie"), "Secure")
	require.Empty(t, header.Get("Strict-Transport-Security"))

	limited := false // nobody else's limit
	for range 60 {
		code, got, header := asked(t, ann, "GET", front+"/livez", "", nil)
		if limited = code == 429; limited {
			require.Equal(t, "too_many_attempts", got.str("code"))
			require.NotEmpty(t, header.Get("Retry-After"))
			break
		}
	}
	require.True(t, limited)
	code, _, _ = asked(t, bob, "GET", front+"/livez", "", nil)
	require.Equal(t, 200, code)
	code, _, _ = asked(t, ann, "GET", front+"/livez", "", nil, "X-Forwarded-For", "203.0.113.99")
	require.Equal(t, 429, code, "a client that lies stays who it is")

	body := map[string]any{"sessionId": "shop", "messages": []map[string]any{{"id": "x", "chat": "34600000777", "timestamp": "2026-11-24T10:00:00Z"}}}
	code, _, _ = asked(t, bob, "POST", front+"/api/v1/messages/webhook", "", body)
	require.Equal(t, 401, code)
	code, _, _ = asked(t, bob, "POST", front+"/api/v1/messages/webhook", "", body, "X-Forwarded-For", "127.0.0.2")
	require.Equal(t, 401, code)
	code, _, _ = asked(t, bob, "POST", front+"/silent/api/v1/messages/webhook", "", body)
	require.Equal(t, 401, code, "a proxy that does not say whose request it is lets nobody in, though it is in the list itself")
	code, _, _ = asked(t, clientFrom("127.0.0.5"), "POST", r.url+"/api/v1/messages/webhook", "", body, "X-Forwarded-For", "203.0.113.9")
	require.Equal(t, 404, code, "who is no proxy is who it is: let in, and there is no such session")

	code, made, _ := asked(t, bob, "POST", front+"/api/v1/api-keys", token, map[string]any{"name": "Bob's", "scopes": []string{"*"}, "addresses": []string{"127.0.0.3/32"}})
	require.Equal(t, 201, code)
	code, _, _ = asked(t, bob, "GET", front+"/api/v1/users/me", made.str("key"), nil)
	require.Equal(t, 200, code)
	code, got, _ = asked(t, clientFrom("127.0.0.4"), "GET", front+"/api/v1/users/me", made.str("key"), nil)
	require.Equal(t, 403, code)
	require.Equal(t, "address_not_allowed", got.str("code"))
	require.Eventually(t, func() bool {
		for _, e := range r.call("GET", "/api/v1/audit", nil, 200).list("data") {
			if e.str("action") == "POST /api/v1/api-keys" {
				return e.str("address") == "127.0.0.3"
			}
		}
		return false
	}, 10*time.Second, 300*time.Millisecond)
}

// TestStreamsBehindAProxy follows events through a real nginx.
func TestStreamsBehindAProxy(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) { c.TrustedProxies = []string{"127.0.0.1"} })
	front := behindNginx(t, r.url)
	client := clientFrom("127.0.0.2")
	conn, _, err := websocket.Dial(t.Context(), strings.Replace(front, "http", "ws", 1)+"/ws", &websocket.DialOptions{
		HTTPClient: client, HTTPHeader: http.Header{"Authorization": {"Bearer " + r.token}, "Origin": {front}},
	})
	require.NoError(t, err)
	ws := &wsClient{t, conn}
	require.Equal(t, "authenticated", ws.next().str("type"))
	ws.say(map[string]any{"type": "subscribe"})
	require.Equal(t, "subscribed", ws.next().str("type"))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", front+"/api/v1/events", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+r.token)
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	require.True(t, lines.Scan())

	r.call("POST", "/api/v1/sessions", map[string]any{"id": "shop", "name": "Shop"}, 201)
	r.call("POST", "/api/v1/sessions/shop/listen", nil, 200)
	require.NotEmpty(t, ws.next().str("event"))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data:") {
			break
		}
	}
	require.NoError(t, lines.Err(), "an event comes at once")
}

// TestRefusalsCarryCORS looks whether the page of a front end can read why it was refused.
func TestRefusalsCarryCORS(t *testing.T) {
	r := start(t, place{dataDir: t.TempDir()}, func(c *configs.Config) {
		c.FrontendURL, c.RateLimit = []string{"https://app.example.com"}, 1
	})
	limited := false
	for range 40 {
		code, _, header := r.raw("GET", "/livez", nil, "Origin", "https://app.example.com")
		require.Equal(t, "https://app.example.com", header.Get("Access-Control-Allow-Origin"), code)
		if limited = code == 429; limited {
			require.Contains(t, header.Get("Access-Control-Expose-Headers"), "Retry-After")
			break
		}
	}
	require.True(t, limited)
	code, _, header := r.raw("OPTIONS", "/api/v1/users/me", nil, "Origin", "https://app.example.com", "Access-Control-Request-Method", "PATCH")
	require.Equal(t, 204, code)
	for _, method := range []string{"HEAD", "PATCH"} {
		require.Contains(t, header.Get("Access-Control-Allow-Methods"), method)
	}
}
