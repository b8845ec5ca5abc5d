package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
)

// Errors that every place returns, wrapped with what it was doing.
var (
	// ErrNotFound says that no file with this content is kept here.
	ErrNotFound = errors.New("file not found")
	// ErrTooLarge says that a file has more bytes than were allowed. Nothing of it is kept.
	ErrTooLarge = errors.New("file too large")
	// ErrUnavailable says that the place cannot be reached or cannot be written to now (server
	// away, disk full). Try again later.
	ErrUnavailable = errors.New("place of files unavailable")
	// ErrOwned says that another server, with another store, keeps its files in this place: each
	// would delete what the other needs.
	ErrOwned = errors.New("another server keeps its files here")
)

// Sum is the SHA-256 of a file's bytes, and its name in every place.
type Sum [sha256.Size]byte

// String is the sum in hexadecimal, lower case.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// ParseSum reads what String writes.
func ParseSum(text string) (s Sum, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(s) || hex.EncodeToString(raw) != text {
		return s, fmt.Errorf("%q is not a SHA-256 in hexadecimal", text)
	}
	return Sum(raw), nil
}

// Blob is a file that is kept.
type Blob struct {
	Sum  Sum
	Size int64     // bytes
	At   time.Time // when its content was put last, by the clock of the place
}

// Blobs is a place that keeps files. It is safe for concurrent use, and holds no more than a few
// megabytes of a file in memory at a time, however large the file is.
type Blobs interface {
	// Put reads r to its end and keeps what it read, at most so many bytes. The file is there whole
	// once Put has returned, also after a power cut, and not at all before. Content that is kept
	// already is put anew: its At is now. ErrTooLarge, ErrUnavailable, or the error of r.
	Put(ctx context.Context, r io.Reader, most int64) (Blob, error)
	// Open reads length bytes from offset on; a negative length reads to the end. Of what lies
	// behind the end there is nothing to read. Close the reader. ErrNotFound, ErrUnavailable.
	Open(ctx context.Context, sum Sum, offset, length int64) (io.ReadCloser, error)
	// Stat tells of a file without its bytes. ErrNotFound, ErrUnavailable.
	Stat(ctx context.Context, sum Sum) (Blob, error)
	// Remove deletes a file, if it was put last before this time: what somebody has just put
	// stays, since its record may be on the way. It says whether the file is gone now.
	Remove(ctx context.Context, sum Sum, before time.Time) (gone bool, err error)
	// Walk tells of all files in the order of their sums. It ends with the error of fn.
	Walk(ctx context.Context, fn func(Blob) error) error
	// Sweep removes what uploads left behind that were broken off and began before this time.
	Sweep(ctx context.Context, before time.Time) error
	// Close frees what the place holds. Readers that are open may fail afterwards.
	Close() error
}
