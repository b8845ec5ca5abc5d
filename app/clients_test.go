package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"whatsapp-api/whatsapp/sandbox/nodetest"
)

const (
	openAPITools = "../configs/openapi"    // the linter and the generators, pinned
	clientsDir   = "testdata/clients"      // what is written on what they make
	toolPatience = 3 * time.Minute         // with one program, on a busy machine
	pythonClient = "whatsapp_api"          // the package's name
	pythonLocked = "requirements.txt"      // all packages, with their hashes
	pythonTool   = "openapi_python_client" // the module
)

// tool runs a program and gives back what it printed.
func tool(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), toolPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), out)
	return string(out)
}

// TestDocumentIsClean lints the document: no error, and no warning either.
func TestDocumentIsClean(t *testing.T) {
	tools := nodetest.NeedPackages(t, "openapi", os.DirFS(openAPITools))
	doc, err := OpenAPI("dev")
	require.NoError(t, err)
	at := filepath.Join(t.TempDir(), "openapi.json")
	require.NoError(t, os.WriteFile(at, doc, 0o600))
	out := tool(t, openAPITools, nil, filepath.Join(tools, "node_modules/.bin/spectral"), "lint", at, "--ruleset", "spectral.yaml", "--fail-severity", "hint")
	require.Contains(t, out, "No results")
}

// described starts a server, and writes the document that it gives into the folder.
func described(t *testing.T, dir string) *rig {
	r := start(t, place{dataDir: t.TempDir()})
	code, doc, _ := r.raw("GET", "/api/v1/openapi.json", nil)
	require.Equal(t, 200, code)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "openapi.json"), doc, 0o600))
	return r
}

// give copies what clients are made of into the folder.
func give(t *testing.T, dir string, files ...string) {
	for _, name := range files {
		raw, err := os.ReadFile(filepath.Join(clientsDir, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), raw, 0o600))
	}
}

// TestTypeScriptClient makes types of the document, compiles a client that is written on them as
// strictly as it goes, and lets it link a session, send, and read.
func TestTypeScriptClient(t *testing.T) {
	tools := nodetest.NeedPackages(t, "openapi", os.DirFS(openAPITools))
	dir, err := os.MkdirTemp(tools, "client-") // packages are looked for in the folders above
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	r := described(t, dir)
	give(t, dir, "client.ts", "tsconfig.json")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type":"module"}`), 0o600))
	bin := filepath.Join(tools, "node_modules/.bin")
	tool(t, dir, nil, filepath.Join(bin, "openapi-typescript"), "openapi.json", "--output", "schema.ts")
	tool(t, dir, nil, filepath.Join(bin, "tsc"), "--project", ".")
	out := tool(t, dir, nil, "node", "client.js", r.url, theWorld.control, adminEmail, adminPassword)
	require.Equal(t, "ok", strings.TrimSpace(out))
}

// TestPythonClient does the same with a package for Python, each module of which is imported.
func TestPythonClient(t *testing.T) {
	packages := pythonPackages(t)
	dir := t.TempDir()
	r := described(t, dir)
	give(t, dir, "client.py", "python.yaml")
	env := []string{"PYTHONPATH=" + packages, "PYTHONDONTWRITEBYTECODE=1"}
	out := tool(t, dir, env, "python3", "-m", pythonTool, "generate", "--path", "openapi.json", "--config", "python.yaml", "--meta", "none", "--output-path", pythonClient)
	require.Equal(t, 1, strings.Count(out, "WARNING"), out)
	require.Contains(t, out, "WARNING parsing POST /socket.io", "what only a library of Socket.IO can use is left out, and nothing else")
	out = tool(t, dir, env, "python3", "client.py", r.url, theWorld.control, adminEmail, adminPassword)
	require.Regexp(t, `^ok \d{3}`, out)
}

// pythonPackages is the folder with the generator for Python and what it stands on, installed once
// per list in the user's cache. The test is skipped where they cannot be had, as nodetest.Need says.
func pythonPackages(t *testing.T) string {
	t.Helper()
	locked, err := os.ReadFile(filepath.Join(openAPITools, pythonLocked))
	require.NoError(t, err)
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	sum := sha256.Sum256(locked)
	dir := filepath.Join(cache, "whatsapp-api", "openapi-python-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(dir), 0o750))
	temp, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	require.NoError(t, err)
	defer func() { _ = os.RemoveAll(temp) }() // moved, or of no use
	out, err := exec.CommandContext(t.Context(), "python3", "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "--target", temp,
		"--requirement", filepath.Join(openAPITools, pythonLocked)).CombinedOutput()
	if err != nil && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skipf("the generator for Python cannot be installed: %v\n%s", err, out)
	}
	require.NoError(t, err, "%s", out)
	if err := os.Rename(temp, dir); err != nil {
		require.DirExists(t, dir, "%v", err) // else somebody else was faster
	}
	return dir
}
