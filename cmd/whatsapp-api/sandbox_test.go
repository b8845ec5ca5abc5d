package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestServeWithSandbox: the server has the sandbox's routes beside its own, with their document, and a
// stream of what happens there does not hold up its end.
func TestServeWithSandbox(t *testing.T) {
	t.Chdir(t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	require.NoError(t, l.Close())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() {
		_, err := command(ctx, "", "serve", "--sandbox", "--port", port, "--log-level", "error")
		done <- err
	}()
	url := "http://127.0.0.1:" + port
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) *http.Response {
		resp, err := client.Get(url + path)
		if err != nil {
			return &http.Response{Body: http.NoBody}
		}
		return resp
	}
	require.Eventually(t, func() bool {
		resp := get("/readyz")
		_ = resp.Body.Close()
		return resp.StatusCode == 200
	}, 30*time.Second, 20*time.Millisecond)

	document := get("/sandbox/openapi.json")
	require.NoError(t, document.Body.Close())
	require.Equal(t, 200, document.StatusCode)
	stream := get("/sandbox/events")
	defer stream.Body.Close()
	require.Equal(t, "text/event-stream", stream.Header.Get("Content-Type"))
	lines := bufio.NewScanner(stream.Body)
	require.True(t, lines.Scan())
	made, err := client.Post(url+"/sandbox/phones", "application/json", strings.NewReader(`{"phone":"12025550100"}`))
	require.NoError(t, err)
	require.NoError(t, made.Body.Close())
	require.Equal(t, 201, made.StatusCode)
	for lines.Scan() && lines.Text() != "event: phone_created" {
	}
	require.NoError(t, lines.Err())

	stop()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(30 * time.Second):
		t.Fatal("the server does not end while somebody follows what happens in its sandbox")
	}
}
