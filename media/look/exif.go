package look

import (
	"encoding/binary"
	"fmt"
)

// Tags of TIFF 6.0, which EXIF uses too.
const (
	tagWidth       = 0x100
	tagHeight      = 0x101
	tagOrientation = 0x112
)

// readTIFF reads the first picture of a TIFF file and counts them all as pages.
func readTIFF(s *source, f *Facts) error {
	tags, next, order, err := firstDirectory(s, 0)
	if err != nil {
		return err
	}
	f.show(tags[tagWidth], tags[tagHeight], tags[tagOrientation])
	if f.Width == 0 || f.Height == 0 {
		return fmt.Errorf("%w: it has no width or height", ErrDamaged)
	}
	for f.Pages = 1; next != 0 && f.Pages < 10_000; f.Pages++ {
		if _, next, err = directory(s, 0, next, order); err != nil {
			return err
		}
	}
	return nil
}

// orientation is how EXIF data at base asks for its picture to be turned, 1 to 8; 1 where it says nothing
// or is not to be understood, as every viewer takes it.
func orientation(s *source, base int64) uint32 {
	tags, _, _, err := firstDirectory(s, base)
	if o := tags[tagOrientation]; err == nil && o >= 1 && o <= 8 {
		return o
	}
	return 1
}

// firstDirectory reads the first directory of the TIFF structure that begins at base.
func firstDirectory(s *source, base int64) (map[uint16]uint32, int64, binary.ByteOrder, error) {
	head, err := s.at(base, 8)
	if err != nil {
		return nil, 0, nil, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(head[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return nil, 0, nil, fmt.Errorf("%w: no TIFF header", ErrDamaged)
	}
	tags, next, err := directory(s, base, int64(order.Uint32(head[4:])), order)
	return tags, next, order, err
}

// directory reads the tags of one number each, and where the next directory is.
func directory(s *source, base, off int64, order binary.ByteOrder) (map[uint16]uint32, int64, error) {
	head, err := s.at(base+off, 2)
	if err != nil {
		return nil, 0, err
	}
	n := int64(order.Uint16(head))
	tags := map[uint16]uint32{}
	for i := range n {
		e, err := s.at(base+off+2+12*i, 12)
		if err != nil {
			return nil, 0, err
		}
		tag := order.Uint16(e)
		if tag != tagWidth && tag != tagHeight && tag != tagOrientation {
			continue
		}
		switch order.Uint16(e[2:]) {
		case 3: // SHORT
			tags[tag] = uint32(order.Uint16(e[8:]))
		case 4: // LONG
			tags[tag] = order.Uint32(e[8:])
		}
	}
	end, err := s.at(base+off+2+12*n, 4)
	if err != nil {
		return tags, 0, nil //nolint:nilerr // many writers leave the last link out
	}
	return tags, int64(order.Uint32(end)), nil
}

// show keeps a picture's width and height as they are seen after it was turned.
func (f *Facts) show(width, height, orientation uint32) {
	f.Width, f.Height = int(width), int(height)
	if orientation >= 2 && orientation <= 8 {
		f.Orientation = int(orientation)
	}
	if orientation >= 5 && orientation <= 8 {
		f.Width, f.Height = f.Height, f.Width
	}
}
