package look

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// ErrUnsupported says that a file is of a type of which the wished cannot be made.
var ErrUnsupported = errors.New("the file is of a type that is not supported here")

// ErrDamaged says that a file begins as its type does but does not hold what that type needs: it was
// cut off, or bytes of it were changed.
var ErrDamaged = errors.New("the file is damaged")

// A TooLargeError says which limit a file is beyond.
type TooLargeError struct {
	What      string // what was counted: "bytes", "pixels", "frames"
	Is, Limit int64
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the file is too large: %d %s, of at most %d", e.Is, e.What, e.Limit)
}

// Facts are what a file tells of itself. What it does not tell, or what does not apply, is zero.
type Facts struct {
	MIME          string        // media type in lower case without parameters, never empty
	Width, Height int           // in pixels, as shown: turned as the file asks for
	Orientation   int           // 2 to 8 where the stored pixels must be turned for that as this value of EXIF says, else 0
	Duration      time.Duration // of sound, of video, and of one round of an animation
	Pages         int           // pages of a document, slides of a presentation
	Frames        int           // of a picture that can have several
	Animated      bool          // a picture of more than one frame
	Audio, Video  string        // codec of the first such track: opus vorbis aac mp3 amr pcm flac, h264 hevc vp8 vp9 av1 …; else the container's own word for it
	Channels      int           // of the audio track
}

// At reads the facts of the file r of size bytes. A file of no known type is
// "application/octet-stream" or "text/plain", which is no error.
//
// It wraps [ErrDamaged], or is a [TooLargeError] for a file that takes too long to look through; then
// the facts hold the MIME type and what was found until there, so that the file can still go as a
// document. Any other error comes from r or ctx.
func At(ctx context.Context, r io.ReaderAt, size int64) (Facts, error) {
	s := &source{ctx: ctx, r: r, size: size, budget: lookBudget}
	f, read, err := sniff(s)
	if err != nil || read == nil {
		return f, err
	}
	err = read(s, &f)
	if f.Width < 0 || f.Height < 0 || f.Duration < 0 || f.Pages < 0 || f.Frames < 0 { // sums that ran over
		f, err = Facts{MIME: f.MIME}, ErrDamaged
	}
	if err != nil {
		return f, fmt.Errorf("look at %s: %w", f.MIME, err)
	}
	return f, nil
}

// AtPath is [At] for the file of that name.
func AtPath(ctx context.Context, name string) (Facts, error) {
	file, err := os.Open(name)
	if err != nil {
		return Facts{}, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	info, err := file.Stat()
	if err != nil {
		return Facts{}, err
	}
	return At(ctx, file, info.Size())
}

// span is n units of which there are rate in a second. What no clock could show is zero.
func span(n, rate uint64) time.Duration {
	if rate == 0 {
		return 0
	}
	d := float64(n) / float64(rate) * float64(time.Second)
	if d > float64(1<<62) {
		return 0
	}
	return time.Duration(d)
}
