package nodetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// ErrMissing says that Node.js, or a package, is not there and cannot be had.
var ErrMissing = errors.New("the client needs Node.js and its packages")

// Packages gives the folder whose node_modules has the packages of files' package.json and
// package-lock.json. They are installed once per lock file, in the user's cache, under name. ErrMissing.
func Packages(ctx context.Context, name string, files fs.FS) (dir string, err error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%w: %w", ErrMissing, err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMissing, err)
	}
	lock, err := fs.ReadFile(files, "package-lock.json")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	dir = filepath.Join(cache, "whatsapp-api", name+"-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if err := install(ctx, dir, files); err != nil {
			return "", fmt.Errorf("%w: install %s: %w", ErrMissing, name, err)
		}
	}
	return dir, nil
}

// Script gives the path of a script to be run with node, which whoever asked removes. files has
// it as client.mjs, and what Packages needs. ErrMissing.
func Script(ctx context.Context, name string, files fs.FS) (path string, err error) {
	dir, err := Packages(ctx, name, files)
	if err != nil {
		return "", err
	}
	script, err := fs.ReadFile(files, "client.mjs")
	if err != nil {
		return "", err
	}
	to, err := os.CreateTemp(dir, "client-*.mjs") // Node looks for packages beside the script
	if err != nil {
		return "", err
	}
	_, err = to.Write(script)
	return to.Name(), errors.Join(err, to.Close())
}

// install installs beside the place and then moves, so that a broken installation is never
// found.
func install(ctx context.Context, dir string, files fs.FS) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }() // moved, or of no use
	for _, name := range []string{"package.json", "package-lock.json"} {
		raw, err := fs.ReadFile(files, name)
		if err == nil {
			err = os.WriteFile(filepath.Join(temp, name), raw, 0o600)
		}
		if err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = temp
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	if err := os.Rename(temp, dir); err != nil {
		if _, there := os.Stat(dir); there != nil { // else somebody else was faster
			return err
		}
	}
	return nil
}

// Need is Script for a test, which is skipped where something is missing, unless REQUIRE_ALL=1
// says that nothing may be skipped.
func Need(t testing.TB, name string, files fs.FS) string {
	t.Helper()
	path, err := Script(t.Context(), name, files)
	must(t, err)
	t.Cleanup(func() { _ = os.Remove(path) })
	return path
}

// NeedPackages is Packages for a test, which is skipped as Need says.
func NeedPackages(t testing.TB, name string, files fs.FS) string {
	t.Helper()
	dir, err := Packages(t.Context(), name, files)
	must(t, err)
	return dir
}

func must(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv("REQUIRE_ALL") != "1":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}
