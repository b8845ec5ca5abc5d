package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// picture uploads a file as the client does, and makes the message of it.
func picture(t *testing.T, c *client, file []byte) *waE2E.ImageMessage {
	t.Helper()
	up, err := c.Upload(within(t), file, whatsmeow.MediaImage)
	require.NoError(t, err)
	return &waE2E.ImageMessage{
		URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileEncSHA256: up.FileEncSHA256, FileSHA256: up.FileSHA256,
		FileLength: &up.FileLength, Mimetype: proto.String("image/jpeg"),
	}
}

// ask sends a request to the media server as any client may.
func ask(t *testing.T, s *Server, method, path string, body io.Reader, header http.Header) (*http.Response, []byte) {
	t.Helper()
	web, err := s.Info().HTTPClient()
	require.NoError(t, err)
	defer web.CloseIdleConnections()
	req, err := http.NewRequestWithContext(within(t), method, "https://"+s.Info().MediaHost+path, body)
	require.NoError(t, err)
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := web.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, raw
}

func TestClientUploadsAndDownloads(t *testing.T) {
	s, _, bob, c := pair(t)
	other := linked(t, s, bob)
	for _, size := range []int{1, 70_000, 6 << 20} {
		file := bytes.Repeat([]byte("a picture "), size/10+1)[:size]
		m := picture(t, c, file)
		for range 2 { // any number of times, and by whoever has the key
			got, err := other.Download(within(t), m)
			require.NoError(t, err)
			require.True(t, bytes.Equal(file, got))
		}
	}
	up, err := c.UploadReader(within(t), bytes.NewReader([]byte("a file")), nil, whatsmeow.MediaDocument)
	require.NoError(t, err)
	require.NoError(t, c.DeleteMedia(within(t), whatsmeow.MediaHistory, up.DirectPath, up.FileEncSHA256, ""))
	res, _ := ask(t, s, http.MethodGet, up.DirectPath, nil, nil)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Empty(t, s.Stats().Unanswered)
}

func TestFilesInParts(t *testing.T) {
	s, _, _, c := pair(t)
	m := picture(t, c, []byte("a picture"))
	_, whole := ask(t, s, http.MethodGet, m.GetDirectPath(), nil, nil)
	require.Equal(t, m.GetFileEncSHA256(), sumOf(whole))
	res, part := ask(t, s, http.MethodGet, m.GetDirectPath(), nil, http.Header{"Range": {"bytes=3-9"}})
	require.Equal(t, http.StatusPartialContent, res.StatusCode)
	require.Equal(t, whole[3:10], part)
}

func sumOf(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// TestUploadsAreChecked uploads what a client must not.
func TestUploadsAreChecked(t *testing.T) {
	s := openServer(t)
	file := []byte("encrypted")
	token, other := base64.URLEncoding.EncodeToString(sumOf(file)), base64.URLEncoding.EncodeToString(sumOf([]byte("other")))
	auth := "?auth=" + s.mediaAuth()
	for path, status := range map[string]int{
		"/mms/image/" + token + auth: 200,
		"/mms/document/" + base64.RawURLEncoding.EncodeToString(sumOf(file)) + auth: 200, // as Baileys writes it
		"/mms/image/" + token:                401,
		"/mms/image/" + token + "?auth=none": 401,
		"/mms/image/" + other + auth:         422,
		"/mms/image/short" + auth:            400,
		"/mms/never/" + token + auth:         400,
		"/mms/image/" + base64.RawURLEncoding.EncodeToString([]byte("not so long")) + auth: 400,
	} {
		res, raw := ask(t, s, http.MethodPost, path, bytes.NewReader(file), nil)
		require.Equal(t, status, res.StatusCode, path)
		var answer map[string]string
		if status != 200 {
			require.Error(t, json.Unmarshal(raw, &answer), "what has a url counts as success")
			continue
		}
		require.NoError(t, json.Unmarshal(raw, &answer))
		require.Equal(t, "https://"+s.Info().MediaHost+answer["direct_path"], answer["url"])
	}
	for _, path := range []string{"/v/none", "/v/" + string(bytes.Repeat([]byte("0"), 64)), "/v/..%2f..%2fowner"} {
		res, _ := ask(t, s, http.MethodGet, path, nil, nil)
		require.Equal(t, http.StatusNotFound, res.StatusCode)
	}
}

func TestFaultsOfFiles(t *testing.T) {
	s, _, _, c := pair(t)
	m := picture(t, c, []byte("a picture"))
	for code, want := range map[int]error{403: whatsmeow.ErrMediaDownloadFailedWith403, 404: whatsmeow.ErrMediaDownloadFailedWith404, 410: whatsmeow.ErrMediaDownloadFailedWith410} {
		require.NoError(t, s.AddFaults(Fault{Kind: FaultDownload, Code: code}))
		_, err := c.Download(within(t), m)
		require.ErrorIs(t, err, want)
	}
	require.NoError(t, s.AddFaults(Fault{Kind: FaultUpload, Code: 503}))
	_, err := c.Upload(within(t), []byte("another"), whatsmeow.MediaImage)
	require.ErrorContains(t, err, "503")
	require.NoError(t, s.AddFaults(Fault{Kind: FaultSlowMedia, DelayMs: int(time.Hour / time.Millisecond), Count: -1}))
	ctx, cancel := context.WithCancel(within(t))
	failed := make(chan error, 1)
	go func() {
		_, err := c.Download(ctx, m)
		failed <- err
	}()
	cancel()
	require.Error(t, <-failed)
	s.ClearFaults()
	_, err = c.Download(within(t), m)
	require.NoError(t, err)
	for _, wrong := range []Fault{{Kind: FaultDownload}, {Kind: FaultSlowMedia}, {Kind: FaultUpload, Code: 503, Phone: "12025550100"}} {
		require.ErrorIs(t, s.AddFaults(wrong), ErrInvalid)
	}
}

// TestFilesOutliveTheServer starts a server anew: its files are there, and what clients remember of
// the media server still holds. With fresh data they are gone.
func TestFilesOutliveTheServer(t *testing.T) {
	dir := t.TempDir()
	file := []byte("encrypted")
	path := "/mms/image/" + base64.URLEncoding.EncodeToString(sumOf(file)) + "?auth="
	var auth, direct string
	for i, status := range []int{http.StatusOK, http.StatusOK, http.StatusNotFound} {
		s, err := Open(Config{Root: rootKey(), DataDir: dir, Log: testLog(t), Fresh: i == 2})
		require.NoError(t, err)
		if i == 0 {
			auth = s.mediaAuth()
			_, raw := ask(t, s, http.MethodPost, path+auth, bytes.NewReader(file), nil)
			var answer map[string]string
			require.NoError(t, json.Unmarshal(raw, &answer))
			direct = answer["direct_path"]
		}
		require.Equal(t, i < 2, auth == s.mediaAuth())
		res, _ := ask(t, s, http.MethodGet, direct, nil, nil)
		require.Equal(t, status, res.StatusCode)
		require.NoError(t, s.Close())
	}
	require.DirExists(t, filepath.Join(dir, mediaFolder))
	without, err := Open(Config{Root: rootKey(), Log: testLog(t)})
	require.NoError(t, err)
	require.DirExists(t, without.mediaTemp)
	require.NoError(t, without.Close())
	_, err = os.Stat(without.mediaTemp)
	require.ErrorIs(t, err, os.ErrNotExist)
}
