// Package picture makes of pictures what WhatsApp takes: small JPEGs as thumbnails, upright JPEGs that do
// not tell where they were taken, and stickers.
//
// Pictures come from strangers. [look.At] measures each before it is decoded, what is beyond a limit is
// refused, and a [Table] decodes only a few at a time. Begin reading in this file; decode.go knows the
// formats and the traps of their decoders, moving.go the frames of animations.
package picture

import (
	"context"
	"fmt"
	"io"

	"whatsapp-api/media/look"
)

const (
	// MaxPixels is the largest picture that is decoded: 50 megapixels of a JPEG take 75 MB.
	MaxPixels = 50_000_000
	// MaxPixelsOfOthers is the largest of the formats whose pixels take 4 bytes and more each.
	MaxPixelsOfOthers = 25_000_000
	// MaxFrames is how many frames an animation may have.
	MaxFrames = 500
	// MaxMoving is how many pixels all frames of an animation may have together.
	MaxMoving = 40_000_000
	// maxFile is the largest file in bytes of a format that its decoder takes into memory whole.
	maxFile = 16 << 20
)

// A Table is where pictures are worked on, few at a time. It is safe for concurrent use.
type Table struct {
	seats chan struct{}
}

// New makes a table at which that many pictures are worked on at once.
func New(seats int) *Table { return &Table{seats: make(chan struct{}, max(1, seats))} }

// sit looks at the file, checks it against the limits and waits for a seat, which leave gives back.
func (t *Table) sit(ctx context.Context, r io.ReaderAt, size int64) (f look.Facts, leave func(), err error) {
	if f, err = look.At(ctx, r, size); err != nil {
		return f, nil, err
	}
	if _, ok := decoders[f.MIME]; !ok {
		return f, nil, fmt.Errorf("%w: %s", look.ErrUnsupported, f.MIME)
	}
	pixels, limit := int64(f.Width)*int64(f.Height), int64(MaxPixelsOfOthers)
	if f.MIME == "image/jpeg" {
		limit = MaxPixels
	}
	if pixels > limit {
		return f, nil, &look.TooLargeError{What: "pixels", Is: pixels, Limit: limit}
	}
	select {
	case t.seats <- struct{}{}:
		return f, func() { <-t.seats }, nil
	case <-ctx.Done():
		return f, nil, ctx.Err()
	}
}

// checkMoving says whether the frames of an animation are within the limits.
func checkMoving(f look.Facts, size int64) error {
	if f.Frames > MaxFrames {
		return &look.TooLargeError{What: "frames", Is: int64(f.Frames), Limit: MaxFrames}
	}
	if all := int64(f.Frames) * int64(f.Width) * int64(f.Height); all > MaxMoving {
		return &look.TooLargeError{What: "pixels in all frames", Is: all, Limit: MaxMoving}
	}
	return checkFile(size)
}

// checkFile says whether a file may be taken into memory.
func checkFile(size int64) error {
	if size > maxFile {
		return &look.TooLargeError{What: "bytes", Is: size, Limit: maxFile}
	}
	return nil
}
