package app

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logText keeps what a log writes.
type logText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) Sync() error { return nil }

func (l *logText) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.b.String(), "\n"), "\n")
}

// TestLineBreaksInInputs puts line breaks into everything that could reach a header or a line of the
// log, in both forms of log: no input begins a line of its own, and none makes a header.
func TestLineBreaksInInputs(t *testing.T) {
	const mark = "INJECTED"
	const evil = "x\r\n" + mark + ": 1\n" + mark + "\u2028" + mark + "\x1b[31m"
	inJSON, inConsole := &logText{}, &logText{}
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.ISO8601TimeEncoder
	log := zap.New(zapcore.NewTee(
		zapcore.NewCore(zapcore.NewJSONEncoder(encoding), inJSON, zap.DebugLevel), zapcore.NewCore(zapcore.NewConsoleEncoder(encoding), inConsole, zap.DebugLevel),
	))
	r := startWith(t, place{dataDir: t.TempDir()}, log)
	r.call("POST", "/api/v1/sessions", map[string]any{"id": "shop", "name": "Shop"}, 201)
	escaped := "x%0d%0a" + mark + "%3a%201%0a" + mark
	clean := func(method, path string, body any, headers ...string) {
		code, raw, header := r.raw(method, path, body, headers...)
		require.Less(t, code, 500, "%s %s: %s", method, path, raw)
		for name, values := range header {
			require.NotContains(t, name+strings.Join(values, " "), mark)
		}
	}
	for _, path := range []string{
		"/api/v1/sessions/" + escaped, "/api/v1/users/" + escaped, "/api/v1/webhooks/" + escaped, "/api/v1/api-keys/" + escaped, "/" + escaped, "/docs/" + escaped,
		"/api/v1/sessions?cursor=" + escaped, "/api/v1/events?sessions=" + escaped, "/api/v1/audit?userId=" + escaped, "/api/v1/messages/sessions/shop/chats/" + escaped + "/messages",
	} {
		for _, method := range []string{"GET", "PUT", "DELETE", "POST"} {
			clean(method, path, map[string]any{"name": evil})
		}
	}
	for path, body := range map[string]map[string]any{
		"/api/v1/users/login": {"email": evil, "password": evil},
		"/api/v1/users":       {"email": evil, "name": evil, "password": evil, "role": evil},
		"/api/v1/sessions":    {"id": evil, "name": evil},
		"/api/v1/webhooks":    {"url": "https://example.com/" + evil, "headers": map[string]string{"X-A": evil, evil: "x"}, "events": []string{evil}, "format": evil, "retryFor": evil},
		"/api/v1/api-keys":    {"name": evil, "scopes": []string{evil}, "sessions": []string{evil}, "addresses": []string{evil}},
		"/api/v1/messages/sessions/shop/send/message": {"to": evil, "text": evil, "quotedMessageId": evil},
		"/api/v1/messages/sessions/shop/cleanup":      {"before": evil},
	} {
		clean("POST", path, body)
	}
	const flat = "x\t" + mark // a client cannot send more in a header
	for _, header := range []string{"X-Request-Id", "Idempotency-Key", "User-Agent", "X-Forwarded-For", "X-Real-Ip", "Forwarded", "Referer", "Accept", "Last-Event-Id", "X-Forwarded-Proto", "Cookie"} {
		clean("GET", "/api/v1/sessions/shop", nil, header, flat)
		clean("POST", "/api/v1/sessions/none/stop", nil, header, flat)
	}
	for _, e := range r.call("GET", "/api/v1/audit?limit=200", nil, 200).list("data") {
		require.Equal(t, "127.0.0.1", e.str("address"), "headers do not say where a request comes from")
	}
	// What Go's own client would not send.
	c := r.wire(t, "GET /livez HTTP/1.1\r\nHost: server.test\r\nX-Request-Id: a\rb\r\nConnection: close\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	require.Equal(t, 400, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
	r.stop()

	for _, line := range inJSON.lines() {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry), "%q", line)
		require.NotContains(t, entry["msg"], mark)
	}
	for _, line := range inConsole.lines() {
		moment, _, _ := strings.Cut(line, "\t")
		_, err := time.Parse("2006-01-02T15:04:05.000Z0700", moment)
		require.NoError(t, err, "not a line of ours: %q", line)
		require.NotContains(t, line, "\x1b")
	}
}
