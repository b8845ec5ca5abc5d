package media

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// Intake reads a file on its way into a place: it counts and hashes what goes by, and ends with
// ErrTooLarge where the file is larger than allowed.
type Intake struct {
	r    io.Reader
	most int64
	hash hash.Hash
	size int64
	err  error // of r
}

// NewIntake makes an intake of r for at most so many bytes.
func NewIntake(r io.Reader, most int64) *Intake {
	return &Intake{r: r, most: most, hash: sha256.New()}
}

// Read reads on.
func (i *Intake) Read(p []byte) (int, error) {
	if i.err != nil {
		return 0, i.err
	}
	n, err := i.r.Read(p)
	i.hash.Write(p[:n]) // never fails, see hash.Hash
	if i.size += int64(n); i.size > i.most {
		n, err = 0, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, i.most)
	}
	i.err = err
	return n, err
}

// Broken is the error with which the file itself ended, as opposed to one of the place; nil if it
// was read to its end, or is not yet.
func (i *Intake) Broken() error {
	if errors.Is(i.err, io.EOF) {
		return nil
	}
	return i.err
}

// Blob is the file that was read so far, put at this time.
func (i *Intake) Blob(at time.Time) Blob {
	return Blob{Sum: Sum(i.hash.Sum(nil)), Size: i.size, At: at}
}
