package look

import (
	"encoding/binary"
	"fmt"
	"time"
)

// readWAV reads the format and how many bytes of sound there are.
func readWAV(s *source, f *Facts) error {
	rate := uint64(0) // bytes a second
	for off := int64(12); off+8 <= s.size; {
		h, err := s.at(off, 8)
		if err != nil {
			return err
		}
		n, body := int64(binary.LittleEndian.Uint32(h[4:])), off+8
		switch string(h[:4]) {
		case "fmt ":
			if h, err = s.at(body, 16); err != nil {
				return err
			}
			f.Audio, f.Channels = wavCodec(binary.LittleEndian.Uint16(h)), int(binary.LittleEndian.Uint16(h[2:]))
			rate = uint64(binary.LittleEndian.Uint32(h[8:]))
		case "data":
			if rate == 0 {
				return fmt.Errorf("%w: its data come before their format", ErrDamaged)
			}
			if n == 0 || n > s.size-body { // written as a stream, or cut: what there is can be heard
				n = s.size - body
			}
			f.Duration = span(uint64(n), rate)
			return nil
		}
		off = body + n + n&1
	}
	return fmt.Errorf("%w: it has no sound", ErrDamaged)
}

// wavCodec is our word for a WAVE format tag.
func wavCodec(tag uint16) string {
	switch tag {
	case 1, 3, 0xfffe:
		return "pcm"
	case 6:
		return "alaw"
	case 7:
		return "mulaw"
	case 0x55:
		return "mp3"
	}
	return fmt.Sprintf("wav-%04x", tag)
}

// readFLAC reads STREAMINFO, which comes first.
func readFLAC(s *source, f *Facts) error { return f.readStreamInfo(s, 4) }

// readStreamInfo reads the block of metadata at off.
func (f *Facts) readStreamInfo(s *source, off int64) error {
	h, err := s.at(off, 4+18)
	if err != nil {
		return err
	}
	v := binary.BigEndian.Uint64(h[4+10:])
	if h[0]&0x7f != 0 || v>>44 == 0 {
		return fmt.Errorf("%w: no STREAMINFO", ErrDamaged)
	}
	f.Audio, f.Channels, f.Duration = "flac", int(v>>41&7)+1, span(v&(1<<36-1), v>>44)
	return nil
}

// Bytes of a frame of AMR by its mode, with the byte that says it (RFC 4867); 0: there is no such mode.
var (
	amrFrames   = [16]int64{13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1}
	amrWBFrames = [16]int64{18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1}
)

// readAMR counts the frames, of 20 ms each.
func readAMR(s *source, f *Facts) error {
	off, frames := int64(6), amrFrames
	f.Audio, f.Channels = "amr", 1
	if f.MIME == "audio/amr-wb" {
		off, frames, f.Audio = 9, amrWBFrames, "amr-wb"
	}
	for off < s.size {
		b, err := s.at(off, 1)
		if err != nil {
			return err
		}
		n := frames[b[0]>>3&15]
		if n == 0 || off+n > s.size {
			return fmt.Errorf("%w: no frame at %d", ErrDamaged, off)
		}
		off += n
		f.Duration += 20 * time.Millisecond
	}
	return nil
}
