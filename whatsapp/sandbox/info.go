package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Info is what a client needs to know to connect to a sandbox instead of to
// WhatsApp. Its JSON is the answer to GET /sandbox.
type Info struct {
	WebSocketURL  string `json:"webSocketUrl" doc:"For clients that take the address as a setting"`
	Address       string `json:"address" doc:"Host and port of the one TLS address"`
	CaPem         string `json:"caPem" doc:"The authority that signed the TLS certificate"`
	CertPublicKey string `json:"certPublicKey" doc:"Base64 of the 32 bytes to trust in the Noise handshake"`
	MediaHost     string `json:"mediaHost" doc:"What the server names as media host"`
}

// CertKey is the key to trust in the Noise handshake. A whatsmeow client reads
// it from a variable of its package, which must be set before the first
// connection and concerns the whole process; this package never sets it.
func (i Info) CertKey() ([32]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(i.CertPublicKey)
	if err != nil {
		return [32]byte{}, fmt.Errorf("certPublicKey: %w", err)
	}
	if len(raw) != 32 {
		return [32]byte{}, fmt.Errorf("certPublicKey has %d bytes, needs 32", len(raw))
	}
	return [32]byte(raw), nil
}

// HTTPClient makes a client whose every request, whatever host it names, goes
// to the sandbox, over TLS that trusts the sandbox's own authority alone.
func (i Info) HTTPClient() (*http.Client, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(i.CaPem)) {
		return nil, errors.New("caPem holds no certificate")
	}
	host, _, err := net.SplitHostPort(i.Address)
	if err != nil {
		return nil, fmt.Errorf("address of the sandbox: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%w: %s", ErrNotLoopback, i.Address)
	}
	var dialer net.Dialer
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", i.Address)
		},
		TLSClientConfig:     &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 20 * time.Second,
		IdleConnTimeout:     30 * time.Second,
	}}, nil
}

// Fetch asks a running sandbox for its Info. controlURL is the address of its
// control routes, without the path, such as http://127.0.0.1:8444.
func Fetch(ctx context.Context, controlURL string) (Info, error) {
	var info Info
	u, err := url.Parse(controlURL)
	if err != nil {
		return info, fmt.Errorf("sandbox address: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return info, fmt.Errorf("sandbox address %q is not an http address", controlURL)
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/sandbox"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return info, fmt.Errorf("ask the sandbox: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return info, fmt.Errorf("ask the sandbox: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return info, fmt.Errorf("ask the sandbox: %s answers %s", u.Redacted(), res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&info); err != nil {
		return info, fmt.Errorf("read the sandbox's answer: %w", err)
	}
	return info, nil
}
