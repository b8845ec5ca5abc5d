package look

import (
	"encoding/binary"
	"fmt"
)

// readJPEG walks the segments before the picture's data: size from the frame header, orientation from EXIF.
func readJPEG(s *source, f *Facts) error {
	turn := uint32(1)
	for off := int64(2); ; {
		m, err := s.at(off, 2)
		if err != nil {
			return err
		}
		if m[0] != 0xff {
			return fmt.Errorf("%w: no marker at %d", ErrDamaged, off)
		}
		marker := m[1]
		if marker == 0xff { // a fill byte
			off++
			continue
		}
		if marker == 0x01 || marker >= 0xd0 && marker <= 0xd8 { // without content
			off += 2
			continue
		}
		if marker == 0xd9 || marker == 0xda {
			return fmt.Errorf("%w: its data comes before its size", ErrDamaged)
		}
		h, err := s.at(off+2, 2)
		if err != nil {
			return err
		}
		n := int64(binary.BigEndian.Uint16(h))
		if marker == 0xe1 && n >= 16 {
			if e, err := s.at(off+4, 6); err == nil && string(e) == "Exif\x00\x00" {
				turn = orientation(s, off+10)
			}
		}
		if marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc {
			return f.readSOF(s, off+4, turn)
		}
		off += 2 + max(n, 2)
	}
}

// readSOF reads the frame header at off.
func (f *Facts) readSOF(s *source, off int64, turn uint32) error {
	h, err := s.at(off, 5)
	if err != nil {
		return err
	}
	height, width := binary.BigEndian.Uint16(h[1:]), binary.BigEndian.Uint16(h[3:])
	if width == 0 || height == 0 {
		return fmt.Errorf("%w: it has no width or height", ErrDamaged)
	}
	f.show(uint32(width), uint32(height), turn)
	return nil
}
