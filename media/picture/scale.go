package picture

import (
	"image"

	"golang.org/x/image/draw"
)

// within is the size of a picture of w × h made to fit side × side. It is never made larger unless grow is set.
func within(w, h, side int, grow bool) (int, int) {
	long := max(w, h)
	if long <= side && !grow {
		return w, h
	}
	return max(1, (w*side+long/2)/long), max(1, (h*side+long/2)/long)
}

// scaled is img in w × h pixels. A large one is first brought to twice that with a cheap filter: the good one
// alone would take half a second for a photo.
func scaled(img image.Image, w, h int) *image.NRGBA {
	box := img.Bounds()
	if box.Dx() > 4*w || box.Dy() > 4*h {
		half := image.NewRGBA(image.Rect(0, 0, min(box.Dx(), 2*w), min(box.Dy(), 2*h)))
		draw.ApproxBiLinear.Scale(half, half.Rect, img, box, draw.Src, nil)
		img, box = half, half.Rect
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Scale(out, out.Rect, img, box, draw.Src, nil)
	return toNRGBA(out)
}
