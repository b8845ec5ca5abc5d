package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// disk is a small file system of its own for what the store keeps, or a plain folder where
// none may be mounted.
type disk struct {
	dir     string
	mounted bool
}

// openDisk mounts a disk of a size such as 64m. When that is not allowed it says so, and
// goes on without.
func openDisk(dir, size string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	d := &disk{dir: dir}
	if err := mount(dir, size); err != nil {
		progress("full disks are SKIPPED: no file system may be mounted here (%v)", err)
		return d, nil
	}
	d.mounted = true
	return d, nil
}

func (d *disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill leaves no room. It may be called again, for room that came free meanwhile.
func (d *disk) fill() (err error) {
	f, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for size := 1 << 20; size > 0; {
		switch n, err := f.Write(make([]byte, size)); {
		case errors.Is(err, syscall.ENOSPC) || errors.Is(err, io.ErrShortWrite):
			if n == 0 {
				size /= 2
			}
		case err != nil:
			return fmt.Errorf("fill the disk: %w", err)
		}
	}
	return nil
}

func (d *disk) free() error { return os.Remove(d.ballast()) }

func (d *disk) close() error {
	if !d.mounted {
		return nil
	}
	return unmount(d.dir)
}
