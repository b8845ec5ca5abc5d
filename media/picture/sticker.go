package picture

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/draw"
	"io"
	"time"

	"github.com/deepteams/webp"

	"whatsapp-api/media/look"
)

// What WhatsApp takes as a sticker (its sticker sample apps say so).
const (
	StickerSide      = 512       // pixels, both ways
	MaxStill         = 100 << 10 // bytes
	MaxMovingSticker = 500 << 10 // bytes
)

// qualities are tried one after the other until a sticker is small enough. share is about how large it is, beside the best.
var qualities = []struct {
	quality float32
	share   float64
}{{75, 1}, {50, 0.55}, {25, 0.3}, {8, 0.1}, {0, 0.05}}

// Sticker writes the picture r of size bytes to w as WebP of 512×512 pixels, with its transparency; one of another
// shape gets a transparent border. Animations keep their frames and times. A WebP that is a sticker already
// goes through byte for byte.
//
// It wraps [look.ErrUnsupported] or [look.ErrDamaged], or is a [look.TooLargeError], also where no quality makes it
// small enough; else the error is of r, w or ctx.
func (t *Table) Sticker(ctx context.Context, r io.ReaderAt, size int64, w io.Writer) error {
	f, leave, err := t.sit(ctx, r, size)
	if err != nil {
		return err
	}
	defer leave()
	limit := int64(MaxStill)
	moving := f.Animated && f.MIME != "image/png"
	if moving {
		limit = MaxMovingSticker
		if err := checkMoving(f, size); err != nil {
			return err
		}
	}
	if f.MIME == "image/webp" && f.Width == StickerSide && f.Height == StickerSide && f.Orientation == 0 && size <= limit {
		_, err := io.Copy(w, io.NewSectionReader(r, 0, size))
		return err
	}
	work := still
	if moving {
		work = animated
	}
	b, err := work(ctx, r, size, f, limit)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// still makes a sticker of one picture.
func still(ctx context.Context, r io.ReaderAt, size int64, f look.Facts, limit int64) ([]byte, error) {
	img, err := decode(r, size, f)
	if err != nil {
		return nil, err
	}
	canvas := squared(img, f.Orientation)
	return smallEnough(ctx, limit, func(quality float32) ([]byte, int64, error) {
		b, err := encodeStill(canvas, quality)
		return b, int64(len(b)), err
	})
}

// smallEnough tries qualities until what encode makes is within limit. encode also tells how large that is or, if it
// gave up on the way, would have been: by this, qualities that cannot do are left out.
func smallEnough(ctx context.Context, limit int64, encode func(quality float32) ([]byte, int64, error)) ([]byte, error) {
	best, size := 0.0, int64(0) // how large the best quality would be, as far as it is known
	for i, q := range qualities {
		if best*q.share > 1.2*float64(limit) && i < len(qualities)-1 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var b []byte
		var err error
		if b, size, err = encode(q.quality); err != nil {
			return nil, err
		}
		if size <= limit {
			return b, nil
		}
		best = float64(size) / q.share
	}
	return nil, &look.TooLargeError{What: "bytes of a sticker", Is: size, Limit: limit}
}

// squared is img in the middle of a sticker, upright.
func squared(img image.Image, orientation int) *image.NRGBA {
	w, h := within(img.Bounds().Dx(), img.Bounds().Dy(), StickerSide, true)
	fit := toNRGBA(upright(scaled(img, w, h), orientation))
	if fit.Rect.Dx() == StickerSide && fit.Rect.Dy() == StickerSide {
		return fit
	}
	out := image.NewNRGBA(image.Rect(0, 0, StickerSide, StickerSide))
	at := image.Pt((StickerSide-fit.Rect.Dx())/2, (StickerSide-fit.Rect.Dy())/2)
	draw.Draw(out, fit.Rect.Add(at), fit, image.Point{}, draw.Src)
	return out
}

func encodeStill(img image.Image, quality float32) ([]byte, error) {
	var b bytes.Buffer
	options := webp.DefaultOptions()
	options.Quality = quality
	if err := webp.Encode(&b, img, options); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// animated makes a sticker of an animation. For each quality it goes through the frames anew, so that never more than
// two of them are in memory, and stops where the sticker is too large already.
func animated(ctx context.Context, r io.ReaderAt, size int64, f look.Facts, limit int64) ([]byte, error) {
	return smallEnough(ctx, limit, func(quality float32) ([]byte, int64, error) {
		m := newMoving(quality)
		err := eachFrame(r, size, f, func(canvas *image.NRGBA, d time.Duration) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			next := squared(canvas, f.Orientation)
			if next == canvas { // which the next frame changes
				next = &image.NRGBA{Pix: bytes.Clone(canvas.Pix), Stride: canvas.Stride, Rect: canvas.Rect}
			}
			if err := m.add(next, d); err != nil {
				return err
			}
			if int64(m.size) > limit {
				return errFull
			}
			return nil
		})
		switch frames := int64(len(m.chunks) - 2); { // without the two that begin it
		case errors.Is(err, errFull):
			return nil, max(int64(m.size)*int64(f.Frames)/frames, limit+1), nil
		case err != nil:
			return nil, 0, err
		}
		b := riff(m.chunks...)
		return b, int64(len(b)), nil
	})
}

// errFull ends the frames of a sticker that is too large.
var errFull = errors.New("the sticker is full")

// A moving is an animated sticker in the making.
type moving struct {
	quality float32
	last    *image.NRGBA
	chunks  [][]byte
	size    int // bytes of chunks
}

// newMoving begins the container of an animation (the WebP container specification): VP8X with the canvas, and
// ANIM for one without end.
func newMoving(quality float32) *moving {
	head := make([]byte, 10)
	head[0] = 0x02 | 0x10 // it is animated and has transparency
	putUint24(head[4:], StickerSide-1)
	putUint24(head[7:], StickerSide-1)
	return &moving{quality: quality, chunks: [][]byte{chunk("VP8X", head), chunk("ANIM", make([]byte, 6))}}
}

// add writes the box in which next differs from the frame before, which it replaces there, and keeps next.
func (m *moving) add(next *image.NRGBA, d time.Duration) error {
	box := next.Rect
	if m.last != nil {
		box = differing(m.last, next)
	}
	m.last = next
	part := image.NewNRGBA(image.Rect(0, 0, box.Dx(), box.Dy()))
	draw.Draw(part, part.Rect, next, box.Min, draw.Src)
	b, err := encodeStill(part, m.quality)
	if err != nil {
		return err
	}
	picture, err := pictureOf(b)
	if err != nil {
		return err
	}
	frame := make([]byte, 16, 16+len(picture))
	putUint24(frame, box.Min.X/2)
	putUint24(frame[3:], box.Min.Y/2)
	putUint24(frame[6:], box.Dx()-1)
	putUint24(frame[9:], box.Dy()-1)
	putUint24(frame[12:], int(min(d/time.Millisecond, 1<<24-1)))
	frame[15] = 0x02 // it is not blended
	c := chunk("ANMF", append(frame, picture...))
	m.chunks, m.size = append(m.chunks, c), m.size+len(c)
	return nil
}

// differing is the box of all pixels in which two frames differ, from even coordinates on; it is never empty.
func differing(a, b *image.NRGBA) image.Rectangle {
	box := image.Rectangle{}
	for y := range a.Rect.Dy() {
		p, q := a.Pix[y*a.Stride:][:a.Stride], b.Pix[y*b.Stride:][:b.Stride]
		if bytes.Equal(p, q) {
			continue
		}
		from, to := 0, len(p)
		for p[from] == q[from] {
			from++
		}
		for p[to-1] == q[to-1] {
			to--
		}
		box = box.Union(image.Rect(from/4, y, (to+3)/4, y+1))
	}
	box.Min.X &^= 1
	box.Min.Y &^= 1
	return box.Union(image.Rectangle{Min: box.Min, Max: box.Min.Add(image.Pt(2, 2))})
}

// putUint24 writes n in three bytes, as WebP has numbers.
func putUint24(b []byte, n int) {
	b[0], b[1], b[2] = byte(n), byte(n>>8), byte(n>>16)
}
