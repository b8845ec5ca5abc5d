package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"whatsapp-api/media"
)

// fault says what was being done. Whatever a disk says is not for ever: it may be full, gone for a
// while, or not ours to write to until somebody mends that.
func fault(doing string, err error) error {
	var path *fs.PathError
	var link *os.LinkError
	var call syscall.Errno
	switch {
	case errors.Is(err, media.ErrOwned):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.As(err, &path), errors.As(err, &link), errors.As(err, &call):
		return fmt.Errorf("%s: %w: %w", doing, media.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// lookFault is fault of a look at a file: that it is not there is no fault of the disk.
func lookFault(doing string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", doing, media.ErrNotFound)
	}
	return fault(doing, err)
}

// syncDir has the names in a folder on the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) { // not every file system can
		err = nil
	}
	return errors.Join(err, d.Close())
}

// onlyWriter hides that a file could read by itself, which would go around the buffer.
type onlyWriter struct{ io.Writer }

// until ends a reader with its context.
func until(ctx context.Context, r io.Reader) io.Reader { return &untilReader{ctx, r} }

type untilReader struct {
	ctx context.Context
	r   io.Reader
}

func (u *untilReader) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
