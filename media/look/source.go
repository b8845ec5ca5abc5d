package look

import (
	"context"
	"errors"
	"fmt"
	"io"
)

const (
	// lookBudget is how many bytes of a file are read at most to find its facts: enough to go through
	// the largest GIF and the index of any video, and about a second of work.
	lookBudget = 512 << 20
	// maxPiece is the most that is asked of a source at once, which is also the most memory it takes.
	maxPiece = 64 << 10
	// jump is what is read where the file is not read on from where the last read ended: the header
	// of a box, whose content is then skipped.
	jump = 512
)

// A source is a file that is read in small pieces, within a budget.
type source struct {
	ctx    context.Context
	r      io.ReaderAt
	size   int64
	budget int64 // bytes that may still be read

	window []byte // a piece of the file …
	off    int64  // … which begins here
}

// at is the n bytes of the file from off on. They are good until the next call. A file that ends
// before them is damaged.
func (s *source) at(off int64, n int) ([]byte, error) {
	if off < 0 || n < 0 || n > maxPiece || off > s.size-int64(n) {
		return nil, fmt.Errorf("%w: %d bytes at %d of %d", ErrDamaged, n, off, s.size)
	}
	if off < s.off || off+int64(n) > s.off+int64(len(s.window)) {
		if err := s.fill(off, n); err != nil {
			return nil, err
		}
	}
	return s.window[off-s.off:][:n:n], nil
}

// fill moves the window to off, with n bytes at least.
func (s *source) fill(off int64, n int) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	want := jump
	if end := s.off + int64(len(s.window)); off >= s.off && off <= end {
		want = maxPiece // it is read on
	}
	want = int(min(int64(max(want, n)), s.size-off))
	if s.budget -= int64(want); s.budget < 0 {
		return &TooLargeError{What: "bytes to look through", Is: lookBudget - s.budget, Limit: lookBudget}
	}
	if cap(s.window) < want {
		s.window = make([]byte, maxPiece)
	}
	s.window, s.off = s.window[:want], off
	got, err := s.r.ReadAt(s.window, off)
	if got == want {
		return nil
	}
	s.window = s.window[:0]
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it ends at %d of %d", ErrDamaged, off+int64(got), s.size)
	}
	return err
}

// upTo is at for the n bytes from off on, or those that there are.
func (s *source) upTo(off int64, n int) ([]byte, error) {
	return s.at(off, int(max(0, min(int64(n), s.size-off))))
}
