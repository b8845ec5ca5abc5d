package app

import (
	"bufio"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPathsInNames puts paths where names belong, escaped and not, as no well-behaved client would
// send them: nothing is found, made or read outside.
func TestPathsInNames(t *testing.T) {
	around := t.TempDir()
	r := start(t, place{dataDir: filepath.Join(around, "data")})
	r.call("POST", "/api/v1/sessions", map[string]any{"id": "shop", "name": "Shop"}, 201)
	before := files(t, around)
	names := []string{
		"..", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5c..%5cx", "..\\..\\x", "%00", "shop%00", "shop%2f", "shop%2f..", "./shop%2f..%2fshop",
		"%252e%252e%252f", "shop;x=1", "shop%0d%0aX-Injected:1", "%c0%ae%c0%ae%2f", "%ff%fe", "~root", "%zz", "//shop", "file:%2f%2f%2fetc%2fpasswd",
	}
	get := func(path string) (int, string, http.Header) {
		c := r.wire(t, "GET "+path+" HTTP/1.1\r\nHost: server.test\r\nAuthorization: Bearer "+r.token+"\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err, path)
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode, string(raw), resp.Header
	}
	for _, name := range names {
		for _, path := range []string{
			"/api/v1/sessions/" + name, "/api/v1/sessions/" + name + "/qr", "/api/v1/users/" + name, "/api/v1/api-keys/" + name, "/api/v1/webhooks/" + name,
			"/api/v1/webhooks/" + name + "/deliveries", "/api/v1/messages/sessions/" + name + "/chats", "/api/v1/messages/sessions/shop/chats/" + name + "/messages",
			"/docs/" + name, "/docs/../" + name, "/sandbox/" + name,
		} {
			code, raw, header := get(path)
			require.Contains(t, []int{301, 307, 400, 404, 405, 422}, code, "%s: %s", path, raw)
			require.Empty(t, header.Get("X-Injected"), path)
			require.NotContains(t, raw, "root:", path)
		}
		r.call("POST", "/api/v1/sessions", map[string]any{"id": name, "name": "X"}, 422)
		r.call("POST", "/api/v1/api-keys", map[string]any{"name": "X", "scopes": []string{"*"}, "sessions": []string{name}}, 422)
		r.call("POST", "/api/v1/webhooks", map[string]any{"url": "https://example.com", "sessionId": name}, 404)
	}
	require.Len(t, r.call("GET", "/api/v1/sessions", nil, 200).list("data"), 1)
	require.Equal(t, before, files(t, around), "no file was made")
}

func files(t *testing.T, in string) (list []string) {
	require.NoError(t, filepath.WalkDir(in, func(path string, _ fs.DirEntry, err error) error {
		list = append(list, path)
		return err
	}))
	return list
}
