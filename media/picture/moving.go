package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"io"
	"time"

	"github.com/deepteams/webp"
	"github.com/deepteams/webp/animation"

	"whatsapp-api/media/look"
)

// A shown is one step of an animation: the whole canvas, which the next step changes, and for how long it is seen.
type shown func(canvas *image.NRGBA, d time.Duration) error

// eachFrame shows the steps of a GIF or a WebP in their order.
func eachFrame(r io.ReaderAt, size int64, f look.Facts, show shown) error {
	file := io.NewSectionReader(r, 0, size)
	if f.MIME == "image/gif" {
		return eachOfGIF(file, show)
	}
	return eachOfWebP(file, show)
}

func eachOfGIF(file *io.SectionReader, show shown) error {
	var g *gif.GIF
	err := guarded(func() (err error) {
		g, err = gif.DecodeAll(file)
		return err
	})
	if err != nil {
		return err
	}
	canvas := image.NewNRGBA(image.Rect(0, 0, g.Config.Width, g.Config.Height))
	var kept *image.NRGBA
	for i, p := range g.Image {
		if g.Disposal[i] == gif.DisposalPrevious {
			kept = &image.NRGBA{Pix: bytes.Clone(canvas.Pix), Stride: canvas.Stride, Rect: canvas.Rect}
		}
		draw.Draw(canvas, p.Rect, p, p.Rect.Min, draw.Over)
		if err := show(canvas, look.ShownFor(time.Duration(g.Delay[i])*10*time.Millisecond)); err != nil {
			return err
		}
		switch g.Disposal[i] {
		case gif.DisposalBackground: // which every viewer takes as transparent
			draw.Draw(canvas, p.Rect, image.Transparent, image.Point{}, draw.Src)
		case gif.DisposalPrevious:
			canvas = kept
		}
	}
	return nil
}

func eachOfWebP(file *io.SectionReader, show shown) error {
	b, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	var a *animation.Animation
	err = guarded(func() (err error) {
		a, err = animation.DecodeBytes(b)
		return err
	})
	if err != nil {
		return err
	}
	canvas := image.NewNRGBA(image.Rect(0, 0, a.CanvasWidth, a.CanvasHeight))
	for _, frame := range a.Frames {
		var img image.Image
		if err := guarded(func() (err error) {
			img, err = decodeFrame(frame)
			return err
		}); err != nil {
			return err
		}
		box := img.Bounds().Sub(img.Bounds().Min).Add(image.Pt(frame.OffsetX, frame.OffsetY))
		how := draw.Over
		if frame.Blend == animation.BlendNone {
			how = draw.Src
		}
		draw.Draw(canvas, box, img, img.Bounds().Min, how)
		if err := show(canvas, frame.Duration); err != nil {
			return err
		}
		if frame.Dispose == animation.DisposeBackground {
			draw.Draw(canvas, box, image.Transparent, image.Point{}, draw.Src)
		}
	}
	return nil
}

// decodeFrame decodes a frame. One without transparency goes through the decoder of stills, since that of frames
// gives it in the range of video.
func decodeFrame(f animation.Frame) (image.Image, error) {
	if len(f.AlphaData) > 0 || len(f.BitstreamData) > 0 && f.BitstreamData[0] == 0x2f {
		return animation.FrameDecoderFunc(f.BitstreamData, f.AlphaData)
	}
	img, err := webp.Decode(bytes.NewReader(riff(chunk("VP8 ", f.BitstreamData))))
	if err != nil {
		return nil, err
	}
	return fullRange(img), nil
}

// chunk is a chunk of a RIFF file.
func chunk(kind string, content []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(content)))
	b = append(b, content...)
	if len(content)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

// riff is a WebP file of chunks.
func riff(chunks ...[]byte) []byte {
	return chunk("RIFF", append([]byte("WEBP"), bytes.Join(chunks, nil)...))
}

// pictureOf is what is in the WebP file of a still that is a picture: its ALPH and VP8, or its VP8L.
func pictureOf(still []byte) ([]byte, error) {
	var out []byte
	for b := still[min(12, len(still)):]; len(b) >= 8; {
		n := 8 + int(binary.LittleEndian.Uint32(b[4:]))
		n += n % 2
		if n > len(b) {
			break
		}
		if kind := string(b[:4]); kind == "ALPH" || kind == "VP8 " || kind == "VP8L" {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	if out == nil {
		return nil, fmt.Errorf("%w: no picture in it", look.ErrDamaged)
	}
	return out, nil
}
