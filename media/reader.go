package media

import (
	"context"
	"errors"
	"io"
)

// Reader reads a file of a place from wherever it is told to, as http.ServeContent wants it. Each
// Seek that moves it opens the file anew at the next Read. Close it.
type Reader struct {
	ctx   context.Context
	blobs Blobs
	blob  Blob
	at    int64
	open  io.ReadCloser // nil: not open
}

// NewReader makes a reader of a file that is kept. ctx bounds all its reads.
func NewReader(ctx context.Context, blobs Blobs, blob Blob) *Reader {
	return &Reader{ctx: ctx, blobs: blobs, blob: blob}
}

// Read reads on. A file that ends before its size is io.ErrUnexpectedEOF.
func (r *Reader) Read(p []byte) (int, error) {
	if r.at >= r.blob.Size {
		return 0, io.EOF
	}
	if r.open == nil {
		open, err := r.blobs.Open(r.ctx, r.blob.Sum, r.at, -1)
		if err != nil {
			return 0, err
		}
		r.open = open
	}
	n, err := r.open.Read(p)
	r.at += int64(n)
	if errors.Is(err, io.EOF) && r.at < r.blob.Size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Seek moves to where the next Read begins.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.blob.Size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning of a file")
	}
	var err error
	if offset != r.at {
		err = r.Close()
	}
	r.at = offset
	return offset, err
}

// Close frees what is open.
func (r *Reader) Close() error {
	if r.open == nil {
		return nil
	}
	open := r.open
	r.open = nil
	return open.Close()
}
