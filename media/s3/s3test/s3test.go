// Package s3test starts throw-away S3 servers for tests: versitygw, which the command gets3 builds into
// the user's cache. Whatever happens to the test binary, on Linux its servers die with it.
package s3test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"whatsapp-api/servertest"
)

// Version of versitygw that gets3 keeps.
const Version = "1.8.0"

// What a server is asked with.
const (
	AccessKey = "access-of-tests"
	SecretKey = "secret-of-tests"
	Region    = "us-east-1"
	Bucket    = "files"
)

var errNoServer = errors.New("no S3 server found: run `task s3` (or `go run ./media/s3/s3test/gets3`), or put versitygw on the PATH")

// CachePath is where gets3 keeps its versitygw.
func CachePath() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "whatsapp-api", "versitygw-"+Version, "versitygw"), nil
}

func find() (string, error) {
	if path, err := exec.LookPath("versitygw"); err == nil {
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

// Server is a server with the bucket Bucket.
type Server struct {
	program string
	dir     string
	port    int
	process *servertest.Process // nil: killed
}

// Start starts a server, and stops it at the end of the test.
func Start(t testing.TB) *Server {
	t.Helper()
	program, err := find()
	if errors.Is(err, errNoServer) && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skip(err)
	}
	s := &Server{program: program}
	if err == nil {
		s.port, err = servertest.FreePort()
	}
	if err == nil {
		s.dir, err = os.MkdirTemp(servertest.DataDir(), "s3-")
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Kill(), os.RemoveAll(s.dir)); err != nil {
			t.Errorf("stop versitygw: %v", err)
		}
	})
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Join(s.dir, "data", Bucket), 0o700), os.Mkdir(filepath.Join(s.dir, "meta"), 0o700))
	}
	if err == nil {
		err = s.Restart()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// URL is the endpoint.
func (s *Server) URL() string { return "http://" + s.address() }

func (s *Server) address() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// Kill ends the server; its files stay.
func (s *Server) Kill() error {
	if s.process == nil {
		return nil
	}
	err := s.process.Kill()
	s.process = nil
	return err
}

// Restart starts a server that was killed, on the same files and port.
func (s *Server) Restart() error {
	if err := s.Kill(); err != nil {
		return err
	}
	log := &bytes.Buffer{}
	cmd := exec.CommandContext(context.Background(), s.program, "--port", s.address(), "--access", AccessKey, "--secret", SecretKey, "--region", Region, "--quiet",
		"posix", "--sidecar", filepath.Join(s.dir, "meta"), filepath.Join(s.dir, "data"))
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "AWS_") && !strings.HasPrefix(e, "ROOT_") && !strings.HasPrefix(e, "VGW_") { // its settings
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Stdout, cmd.Stderr = log, log
	process, err := servertest.Start(cmd, s.port, func() string { return fmt.Sprintf("%.2000s", log) })
	s.process = process
	return err
}
