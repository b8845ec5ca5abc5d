package mongotest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Version of the mongod that getmongod keeps.
const Version = "6.0.5"

// errNoServer says that there is no mongod, and how to get one.
var errNoServer = errors.New("no mongod found: run `task mongod` (or `go run ./store/mongo/mongotest/getmongod`), " +
	"put mongod on the PATH, or set MONGODB_TEST_URI")

// CachePath is where getmongod keeps its mongod.
func CachePath() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "whatsapp-api", "mongod-"+Version, "mongod"), nil
}

// Find returns the mongod to start: the one on the PATH, else the one in the cache.
func Find() (string, error) {
	if path, err := exec.LookPath("mongod"); err == nil {
		return path, nil
	}
	path, err := CachePath()
	if err != nil {
		return "", errors.Join(errNoServer, err)
	}
	if path, err = exec.LookPath(path); err != nil {
		return "", errNoServer
	}
	return path, nil
}

// missing skips the test, or fails it where everything must run.
func missing(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errNoServer) && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skip(err)
	}
	t.Fatal(err)
}
