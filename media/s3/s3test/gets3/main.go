// Command gets3 builds the S3 server that tests run on into the user's cache folder, which takes a
// minute or two. Where it is there already, nothing is done.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"whatsapp-api/media/s3/s3test"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gets3:", err)
		os.Exit(1)
	}
}

func run() error {
	target, err := s3test.CachePath()
	if err != nil {
		return err
	}
	if _, err := exec.LookPath(target); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(target), "part-") // beside the target, so that the rename is atomic
	if err != nil {
		return err
	}
	build := exec.Command("go", "install", "github.com/versity/versitygw/cmd/versitygw@v"+s3test.Version)
	build.Dir, build.Stdout, build.Stderr = tmp, os.Stderr, os.Stderr
	build.Env = append(os.Environ(), "GOBIN="+tmp, "CGO_ENABLED=0", "GOFLAGS=")
	if err = build.Run(); err == nil {
		err = os.Rename(filepath.Join(tmp, filepath.Base(target)), target)
	}
	return errors.Join(err, os.RemoveAll(tmp))
}
