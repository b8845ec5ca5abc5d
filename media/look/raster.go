package look

import (
	"encoding/binary"
	"fmt"
	"time"
)

// readPNG reads the size and, of an APNG, the number of frames, which stands before the data, and the
// orientation, which may.
func readPNG(s *source, f *Facts) error {
	h, err := s.at(8, 16)
	if err != nil {
		return err
	}
	if string(h[4:8]) != "IHDR" {
		return fmt.Errorf("%w: no IHDR", ErrDamaged)
	}
	width, height := binary.BigEndian.Uint32(h[8:]), binary.BigEndian.Uint32(h[12:])
	if width == 0 || height == 0 || width > 1<<31-1 || height > 1<<31-1 {
		return fmt.Errorf("%w: %d×%d pixels", ErrDamaged, width, height)
	}
	f.Frames = 1
	turn := uint32(1)
	for off := int64(8); ; {
		h, err := s.at(off, 8)
		if err != nil {
			return err
		}
		n := int64(binary.BigEndian.Uint32(h))
		kind := string(h[4:8])
		if kind == "IDAT" || kind == "IEND" {
			break
		}
		switch {
		case kind == "acTL" && n >= 8:
			if h, err = s.at(off+8, 4); err != nil {
				return err
			}
			f.Frames = max(1, int(binary.BigEndian.Uint32(h)))
		case kind == "eXIf":
			turn = orientation(s, off+8)
		}
		off += 12 + n
	}
	f.show(width, height, turn)
	f.Animated = f.Frames > 1
	return nil
}

// isBMP looks at more than the two letters, with which texts begin too.
func isBMP(head []byte) bool {
	if len(head) < 26 || head[0] != 'B' || head[1] != 'M' {
		return false
	}
	switch binary.LittleEndian.Uint32(head[14:]) { // the length of the header, which tells its version
	case 12, 16, 40, 52, 56, 64, 108, 124:
		return true
	}
	return false
}

func readBMP(s *source, f *Facts) error {
	h, err := s.at(0, 26)
	if err != nil {
		return err
	}
	width, height := int(binary.LittleEndian.Uint16(h[18:])), int(binary.LittleEndian.Uint16(h[20:]))
	if binary.LittleEndian.Uint32(h[14:]) != 12 {
		width, height = int(int32(binary.LittleEndian.Uint32(h[18:]))), int(int32(binary.LittleEndian.Uint32(h[22:])))
		height = max(height, -height) // below zero: its lines go from top to bottom
	}
	if width <= 0 || height == 0 {
		return fmt.Errorf("%w: %d×%d pixels", ErrDamaged, width, height)
	}
	f.Width, f.Height = width, height
	return nil
}

// readGIF walks all blocks: only they tell how many frames there are, and how long each is shown.
func readGIF(s *source, f *Facts) error {
	h, err := s.at(0, 13)
	if err != nil {
		return err
	}
	f.Width, f.Height = int(binary.LittleEndian.Uint16(h[6:])), int(binary.LittleEndian.Uint16(h[8:]))
	if f.Width == 0 || f.Height == 0 {
		return fmt.Errorf("%w: it has no width or height", ErrDamaged)
	}
	off := 13 + colours(h[10])
	delay := time.Duration(0)
	for {
		b, err := s.at(off, 1)
		if err != nil {
			return err
		}
		switch b[0] {
		case 0x21:
			if b, err = s.upTo(off, 8); err != nil {
				return err
			}
			if len(b) == 8 && b[1] == 0xf9 {
				delay = time.Duration(binary.LittleEndian.Uint16(b[4:])) * 10 * time.Millisecond
			}
			off += 2
		case 0x2c:
			if b, err = s.at(off, 11); err != nil {
				return err
			}
			if f.Frames++; f.Frames > 1 {
				f.Animated = true
			}
			f.Duration += ShownFor(delay)
			delay = 0
			off += 11 + colours(b[9])
		case 0x3b:
			return f.endGIF()
		default:
			return fmt.Errorf("%w: no block at %d", ErrDamaged, off)
		}
		if off, err = s.afterBlocks(off); err != nil {
			return err
		}
	}
}

// ShownFor is how long browsers and WhatsApp show a frame of a GIF for which the file says d:
// below 20 ms they take 100 ms.
func ShownFor(d time.Duration) time.Duration {
	if d < 20*time.Millisecond {
		return 100 * time.Millisecond
	}
	return d
}

// endGIF judges a GIF that has ended. One picture has no length.
func (f *Facts) endGIF() error {
	if f.Frames == 0 {
		return fmt.Errorf("%w: it has no picture", ErrDamaged)
	}
	if !f.Animated {
		f.Duration = 0
	}
	return nil
}

// colours is the length in bytes of the table of colours that flags tell of.
func colours(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// afterBlocks is where the sub-blocks that begin at off end.
func (s *source) afterBlocks(off int64) (int64, error) {
	for {
		b, err := s.at(off, 1)
		if err != nil {
			return 0, err
		}
		off += 1 + int64(b[0])
		if b[0] == 0 {
			return off, nil
		}
	}
}
