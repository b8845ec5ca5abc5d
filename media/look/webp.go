package look

import (
	"encoding/binary"
	"fmt"
	"time"
)

// uint24 is a number of three bytes, as WebP has them.
func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// readWebP walks the chunks (the WebP container specification): the canvas stands in VP8X, or the
// size in the first picture; each ANMF is a frame.
func readWebP(s *source, f *Facts) error {
	turn := uint32(1)
	var width, height uint32
	for off := int64(12); off+8 <= s.size; {
		h, err := s.at(off, 8)
		if err != nil {
			return err
		}
		kind, n := string(h[:4]), int64(binary.LittleEndian.Uint32(h[4:]))
		body := off + 8
		if n > s.size-body {
			return fmt.Errorf("%w: the chunk %q ends after the file", ErrDamaged, kind)
		}
		switch {
		case kind == "VP8X":
			if h, err = s.at(body, 10); err != nil {
				return err
			}
			width, height = 1+uint24(h[4:]), 1+uint24(h[7:])
		case (kind == "VP8 " || kind == "VP8L") && f.Frames == 0:
			f.Frames = 1
			w, h, err := sizeOfVP8(s, kind, body)
			if err != nil {
				return err
			}
			if width != 0 && (w != width || h != height) {
				return fmt.Errorf("%w: a picture of %d×%d on a canvas of %d×%d", ErrDamaged, w, h, width, height)
			}
			width, height = w, h
		case kind == "ANMF":
			d, err := frameOfWebP(s, body, n, width, height)
			if err != nil {
				return err
			}
			f.Frames++
			f.Duration += d
		case kind == "EXIF":
			if h, err := s.at(body, 6); err == nil && string(h) == "Exif\x00\x00" {
				body += 6 // some writers keep the mark that JPEG needs
			}
			turn = orientation(s, body)
		}
		off += 8 + n + n&1
	}
	if f.Frames == 0 || width == 0 || height == 0 {
		return fmt.Errorf("%w: it has no picture", ErrDamaged)
	}
	if f.Animated = f.Frames > 1; !f.Animated {
		f.Duration = 0
	}
	f.show(width, height, turn)
	return nil
}

// frameOfWebP is how long the frame of n bytes at off is shown. Its picture must be as large as the frame says, and
// lie on the canvas: who decodes it takes memory for what the picture itself says.
func frameOfWebP(s *source, off, n int64, width, height uint32) (time.Duration, error) {
	b, err := s.at(off, 16)
	if err != nil {
		return 0, err
	}
	x, y, w, h := 2*uint24(b), 2*uint24(b[3:]), 1+uint24(b[6:]), 1+uint24(b[9:])
	d := time.Duration(uint24(b[12:])) * time.Millisecond
	if x+w > width || y+h > height {
		return 0, fmt.Errorf("%w: a frame lies beside the canvas", ErrDamaged)
	}
	for end := off + n; ; {
		if off += 16; off+8 > end {
			return 0, fmt.Errorf("%w: a frame has no picture", ErrDamaged)
		}
		if b, err = s.at(off, 8); err != nil {
			return 0, err
		}
		kind, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		if kind == "VP8 " || kind == "VP8L" {
			inW, inH, err := sizeOfVP8(s, kind, off+8)
			if err == nil && (inW != w || inH != h) {
				err = fmt.Errorf("%w: a picture of %d×%d in a frame of %d×%d", ErrDamaged, inW, inH, w, h)
			}
			return d, err
		}
		off += 8 + size + size&1 - 16
	}
}

// sizeOfVP8 reads the size from the header of a lossy or lossless picture.
func sizeOfVP8(s *source, kind string, off int64) (width, height uint32, err error) {
	h, err := s.at(off, 10)
	if err != nil {
		return 0, 0, err
	}
	if kind == "VP8 " {
		if string(h[3:6]) != "\x9d\x01\x2a" {
			return 0, 0, fmt.Errorf("%w: no key frame", ErrDamaged)
		}
		return uint32(binary.LittleEndian.Uint16(h[6:])) & 0x3fff, uint32(binary.LittleEndian.Uint16(h[8:])) & 0x3fff, nil
	}
	if h[0] != 0x2f {
		return 0, 0, fmt.Errorf("%w: no VP8L signature", ErrDamaged)
	}
	bits := binary.LittleEndian.Uint32(h[1:])
	return 1 + bits&0x3fff, 1 + bits>>14&0x3fff, nil
}
