package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// command runs a command line and returns what it printed.
func command(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := root()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	return out.String(), err
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"sandbox", "--help"}, {"create-admin", "--help"}, {"config", "--help"}, {"openapi", "--help"}, {"version", "--help"}, {"licenses", "--help"}} {
		out, err := command(t.Context(), "", args...)
		require.NoError(t, err)
		require.Contains(t, out, "Usage:", args)
		require.NotContains(t, out, "TODO")
	}
	for _, args := range [][]string{{"dance"}, {"serve", "--nope"}, {"serve", "extra"}, {"serve", "--sandbox", "--sandbox-at", "http://127.0.0.1:1"}} {
		_, err := command(t.Context(), "", args...)
		require.Error(t, err, args)
	}
}

// TestLicenses: what obliges whoever gives the binary on is in it.
func TestLicenses(t *testing.T) {
	out, err := command(t.Context(), "", "licenses")
	require.NoError(t, err)
	for _, part := range []string{"GNU GENERAL PUBLIC LICENSE", "== go.mau.fi/libsignal", "== go.mau.fi/whatsmeow", "Mozilla Public License", "== Go, its runtime", "== Scalar"} {
		require.Contains(t, out, part)
	}
}

func TestVersionAndDocument(t *testing.T) {
	out, err := command(t.Context(), "", "version")
	require.NoError(t, err)
	require.NotEmpty(t, strings.TrimSpace(out))
	out, err = command(t.Context(), "", "openapi")
	require.NoError(t, err)
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &doc))
	require.Contains(t, doc["paths"], "/api/v1/users/login")
}

func TestConfig(t *testing.T) {
	t.Chdir(t.TempDir())
	out, err := command(t.Context(), "", "config", "--port", "8080", "--jwt-secret", "keep this to yourself")
	require.NoError(t, err)
	require.Regexp(t, `PORT\s+8080\s+flag`, out)
	require.NotContains(t, out, "yourself")
	out, err = command(t.Context(), "", "config", "--port", "x", "--app-env", "moon")
	require.ErrorContains(t, err, "PORT")
	require.ErrorContains(t, err, "APP_ENV")
	require.Contains(t, out, "SETTING", "the list is shown all the same")
	_, err = command(t.Context(), "", "serve", "--port", "x", "--app-env", "moon")
	require.ErrorContains(t, err, "PORT")
}

func TestCreateAdminBesideARunningServer(t *testing.T) {
	t.Chdir(t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	require.NoError(t, l.Close())
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := command(ctx, "", "serve", "--host", "127.0.0.1", "--port", port, "--log-level", "error")
		done <- err
	}()
	url := "http://127.0.0.1:" + port
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	require.Eventually(t, func() bool {
		resp, err := client.Get(url + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == 200
	}, 30*time.Second, 20*time.Millisecond)

	create := []string{"create-admin", "--email", "Root@Example.com", "--password-stdin"}
	_, err = command(t.Context(), "short\n", create...)
	require.ErrorContains(t, err, "password")
	_, err = command(t.Context(), "", create...)
	require.Error(t, err)
	out, err := command(t.Context(), "a long password\n", create...)
	require.NoError(t, err)
	require.Contains(t, out, "root@example.com")
	_, err = command(t.Context(), "a long password\n", create...)
	require.ErrorContains(t, err, "taken")
	_, err = command(t.Context(), "a long password\n", "create-admin", "--password-stdin")
	require.ErrorContains(t, err, "--email")
	_, err = command(t.Context(), "second@example.com\na long password\n", "create-admin")
	require.NoError(t, err, "it asks for what was not given")

	resp, err := client.Post(url+"/api/v1/users/login", "application/json", strings.NewReader(`{"email":"root@example.com","password":"a long password"}`))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
	resp, err = client.Get(url + "/sandbox")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 404, resp.StatusCode, "the sandbox's routes exist in no other mode")
	stop()
	require.NoError(t, <-done)
	info, err := os.Stat("data/whatsapp-api.db")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	_, err = command(t.Context(), "", "serve", "--sandbox-at", "http://127.0.0.1:1", "--port", "0")
	require.Error(t, err, "there is no sandbox")
}

func TestSandboxIsForThisMachineAlone(t *testing.T) {
	for _, args := range [][]string{{"sandbox", "--control", "0.0.0.0:0", "--listen", "127.0.0.1:0"}, {"sandbox", "--control", "127.0.0.1:0", "--listen", "0.0.0.0:0"}} {
		_, err := command(t.Context(), "", args...)
		require.ErrorContains(t, err, "loopback", args)
	}
}

// What a sandbox cannot read stays, unless it is told to begin anew.
func TestSandboxBeginsAnew(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "sandbox.db")
	require.NoError(t, os.WriteFile(file, []byte("no database, and long enough not to be an empty one"), 0o600))
	args := []string{"sandbox", "--control", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--data", dir}
	_, err := command(t.Context(), "", args...)
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "--fresh")
	ended, end := context.WithCancel(t.Context())
	end()
	_, err = command(ended, "", append(args, "--fresh")...)
	require.True(t, err == nil || errors.Is(err, context.Canceled), "%v", err)
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "SQLite format 3", string(raw[:15]))
}
