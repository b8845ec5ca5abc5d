package picture

import (
	"bytes"
	"context"
	"image"
	"image/draw"
	"image/jpeg"
	"io"
)

const (
	// ThumbnailSide is the longer side of a thumbnail in pixels.
	ThumbnailSide = 100
	// MaxThumbnail is its largest size in bytes: it travels in the message itself.
	MaxThumbnail = 6 << 10
	// photoQuality is that of pictures that must be encoded anew.
	photoQuality = 90
)

// Thumbnail is a small upright JPEG of the picture r of size bytes, of its first frame if it has several.
//
// It wraps [media.ErrUnsupported] or [media.ErrDamaged], or is a [media.TooLargeError].
func (t *Table) Thumbnail(ctx context.Context, r io.ReaderAt, size int64) ([]byte, error) {
	f, leave, err := t.sit(ctx, r, size)
	if err != nil {
		return nil, err
	}
	defer leave()
	img, err := decode(r, size, f)
	if err != nil {
		return nil, err
	}
	w, h := within(img.Bounds().Dx(), img.Bounds().Dy(), ThumbnailSide, false)
	small := onWhite(upright(scaled(img, w, h), f.Orientation))
	for quality := 70; ; quality -= 15 {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, small, &jpeg.Options{Quality: quality}); err != nil {
			return nil, err
		}
		if b.Len() <= MaxThumbnail || quality <= 10 {
			return b.Bytes(), nil
		}
	}
}

// onWhite is img as it is seen on white paper: a JPEG has no transparency.
func onWhite(img image.Image) image.Image {
	if o, ok := img.(interface{ Opaque() bool }); ok && o.Opaque() {
		return img
	}
	out := image.NewRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Over)
	return out
}

// Photo writes the picture r of size bytes to w as an upright JPEG that tells neither the place nor the camera. A JPEG
// keeps its pixels as they are, and all its bytes if it tells nothing, unless it must be turned.
//
// It wraps [media.ErrUnsupported] or [media.ErrDamaged], or is a [media.TooLargeError]; else the error is of r, w or ctx.
// What was written until then is worth nothing.
func (t *Table) Photo(ctx context.Context, r io.ReaderAt, size int64, w io.Writer) error {
	f, leave, err := t.sit(ctx, r, size)
	if err != nil {
		return err
	}
	defer leave()
	if f.MIME == "image/jpeg" && f.Orientation == 0 {
		return stripJPEG(io.NewSectionReader(r, 0, size), w)
	}
	img, err := decode(r, size, f)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return jpeg.Encode(w, onWhite(upright(img, f.Orientation)), &jpeg.Options{Quality: photoQuality})
}
