package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/deepteams/webp"
	"github.com/gen2brain/jpegn"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"whatsapp-api/media/look"
)

// decoders decode the first picture of a file of each type.
var decoders = map[string]func(*io.SectionReader) (image.Image, error){
	"image/jpeg": decodeJPEG,
	"image/png":  func(r *io.SectionReader) (image.Image, error) { return png.Decode(r) },
	"image/gif":  func(r *io.SectionReader) (image.Image, error) { return gif.Decode(r) },
	"image/webp": decodeWebP,
	"image/bmp":  func(r *io.SectionReader) (image.Image, error) { return bmp.Decode(r) },
	"image/tiff": func(r *io.SectionReader) (image.Image, error) { return tiff.Decode(r) },
}

// decode decodes the file that was found to be as f says. A decoder that fails or panics says that the file
// is damaged; what its caller's reader failed with stays what it is.
func decode(r io.ReaderAt, size int64, f look.Facts) (img image.Image, err error) {
	err = guarded(func() (err error) {
		img, err = decoders[f.MIME](io.NewSectionReader(r, 0, size))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", f.MIME, err)
	}
	return img, nil
}

// guarded calls a decoder, which may panic over bytes that nobody thought of.
func guarded(decode func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", look.ErrDamaged, p)
		}
	}()
	err = decode()
	var large *look.TooLargeError
	if err == nil || errors.As(err, &large) || errors.Is(err, look.ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w: %w", look.ErrDamaged, err)
}

// decodeJPEG takes the fast decoder, and Go's own for what that cannot do: four colours come out black, and
// it wants the whole file in memory.
func decodeJPEG(r *io.SectionReader) (image.Image, error) {
	config, err := jpeg.DecodeConfig(r)
	if err == nil && config.ColorModel != color.CMYKModel && r.Size() <= maxFile {
		var img image.Image
		fast := guarded(func() (err error) {
			if _, err = r.Seek(0, io.SeekStart); err != nil {
				return err
			}
			img, err = jpegn.Decode(r)
			return err
		})
		if fast == nil {
			return img, nil
		}
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return jpeg.Decode(r)
}

// decodeWebP decodes a still, or the first frame of an animation.
func decodeWebP(r *io.SectionReader) (image.Image, error) {
	if err := checkFile(r.Size()); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	img, err := webp.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return fullRange(img), nil
}

// fullRange stretches the planes of a lossy WebP, which are in the range of video (16 to 235, colours to 240):
// Go reads them in that of JPEG, and red would be 239 of 255.
func fullRange(img image.Image) image.Image {
	p, ok := img.(*image.YCbCr)
	if !ok {
		return img
	}
	var light, colour [256]uint8
	for i := range 256 {
		light[i] = uint8(min(255, max(0, ((i-16)*255+109)/219)))
		colour[i] = uint8(min(255, max(0, 128+((i-128)*255)/224)))
	}
	for i, v := range p.Y {
		p.Y[i] = light[v]
	}
	for i, v := range p.Cb {
		p.Cb[i] = colour[v]
	}
	for i, v := range p.Cr {
		p.Cr[i] = colour[v]
	}
	return p
}
