package picture

import (
	"image"
	"image/draw"
)

// placed is where the pixel x, y of a picture of w × h pixels is after the turn that EXIF's orientation asks
// for (EXIF 2.3, tag 0x112): row and column that are stored first are top and left at 1.
func placed(orientation, x, y, w, h int) (int, int) {
	switch orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	case 8:
		return y, w - 1 - x
	}
	return x, y
}

// turnPlane turns a plane of w × h samples of step bytes each.
func turnPlane(orientation int, to []uint8, toStride int, from []uint8, stride, w, h, step int) {
	for y := range h {
		x0, y0 := placed(orientation, 0, y, w, h)
		x1, y1 := placed(orientation, 1, y, w, h)
		at, next := y0*toStride+x0*step, (y1-y0)*toStride+(x1-x0)*step
		row := from[y*stride:]
		if step == 1 {
			for x := range w {
				to[at] = row[x]
				at += next
			}
			continue
		}
		for x := range w {
			copy(to[at:at+step], row[x*step:])
			at += next
		}
	}
}

// upright is img, turned as orientation says; 0 and 1 leave it.
func upright(img image.Image, orientation int) image.Image {
	if orientation < 2 || orientation > 8 {
		return img
	}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	box := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		box = image.Rect(0, 0, h, w)
	}
	if p, ok := img.(*image.YCbCr); ok && p.Rect.Min == (image.Point{}) {
		if ratio, ok := turnedRatio(p.SubsampleRatio, orientation >= 5); ok {
			out := image.NewYCbCr(box, ratio)
			turnPlane(orientation, out.Y, out.YStride, p.Y, p.YStride, w, h, 1)
			cw, ch := out.CStride, len(out.Cb)/out.CStride
			if orientation >= 5 {
				cw, ch = ch, cw
			}
			turnPlane(orientation, out.Cb, out.CStride, p.Cb, p.CStride, cw, ch, 1)
			turnPlane(orientation, out.Cr, out.CStride, p.Cr, p.CStride, cw, ch, 1)
			return out
		}
	}
	from, out := toNRGBA(img), image.NewNRGBA(box)
	turnPlane(orientation, out.Pix, out.Stride, from.Pix, from.Stride, w, h, 4)
	return out
}

// turnedRatio is how colours are spread over pixels after a turn, by a quarter or not, if Go has a word for it.
func turnedRatio(r image.YCbCrSubsampleRatio, quarter bool) (image.YCbCrSubsampleRatio, bool) {
	switch {
	case !quarter || r == image.YCbCrSubsampleRatio420 || r == image.YCbCrSubsampleRatio444:
		return r, true
	case r == image.YCbCrSubsampleRatio422:
		return image.YCbCrSubsampleRatio440, true
	case r == image.YCbCrSubsampleRatio440:
		return image.YCbCrSubsampleRatio422, true
	}
	return 0, false
}

// toNRGBA is img in four bytes a pixel, from 0, 0 on.
func toNRGBA(img image.Image) *image.NRGBA {
	if p, ok := img.(*image.NRGBA); ok && p.Rect.Min == (image.Point{}) {
		return p
	}
	out := image.NewNRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}
