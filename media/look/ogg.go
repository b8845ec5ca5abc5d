package look

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// An oggSound is the first track of sound of an Ogg file.
type oggSound struct {
	serial uint32
	rate   uint64 // granules a second
	skip   uint64 // granules at the beginning that are not heard
}

// readOgg reads the first page of each track, and the length from the last page of the sound.
func readOgg(s *source, f *Facts) error {
	sound := oggSound{}
	for off, n := int64(0), 0; n < maxTracks; n++ {
		h, err := s.upTo(off, 27+255)
		if err != nil {
			return err
		}
		if len(h) < 28 || string(h[:4]) != "OggS" || len(h) < 27+int(h[26]) {
			return fmt.Errorf("%w: no page at %d", ErrDamaged, off)
		}
		if h[5]&2 == 0 { // not the first page of a track: all have begun
			break
		}
		serial := binary.LittleEndian.Uint32(h[14:])
		body, size := off+27+int64(h[26]), int64(0)
		for _, l := range h[27:][:h[26]] {
			size += int64(l)
		}
		b, err := s.at(body, int(min(size, 64)))
		if err != nil {
			return err
		}
		if f.oggTrack(b, &sound) {
			sound.serial = serial
		}
		off = body + size
	}
	if f.Video != "" {
		f.MIME = "video/ogg"
	}
	if f.Audio == "" && f.Video == "" {
		return fmt.Errorf("%w: it has no track that is known", ErrDamaged)
	}
	if sound.rate == 0 {
		return nil
	}
	return f.oggLength(s, sound)
}

// oggTrack reads the first packet of a track, and says whether it is the first sound.
func (f *Facts) oggTrack(b []byte, sound *oggSound) bool {
	first := f.Audio == ""
	switch {
	case strings.HasPrefix(string(b), "\x80theora"):
		f.Video = "theora"
		return false
	case !first:
		return false
	case strings.HasPrefix(string(b), "OpusHead") && len(b) >= 19: // RFC 7845
		f.Audio, f.Channels = "opus", int(b[9])
		sound.rate, sound.skip = 48000, uint64(binary.LittleEndian.Uint16(b[10:]))
	case strings.HasPrefix(string(b), "\x01vorbis") && len(b) >= 30:
		f.Audio, f.Channels = "vorbis", int(b[11])
		sound.rate = uint64(binary.LittleEndian.Uint32(b[12:]))
	case strings.HasPrefix(string(b), "\x7fFLAC") && len(b) >= 13+18:
		f.Audio = "flac"
		v := binary.BigEndian.Uint64(b[13+4+10:])
		sound.rate, f.Channels = v>>44, int(v>>41&7)+1
	case strings.HasPrefix(string(b), "Speex   ") && len(b) >= 52:
		f.Audio, f.Channels = "speex", int(min(binary.LittleEndian.Uint32(b[48:]), 255))
		sound.rate = uint64(binary.LittleEndian.Uint32(b[36:]))
	default:
		return false
	}
	return true
}

// oggLength looks for the last page of the sound, from the end of the file on.
func (f *Facts) oggLength(s *source, sound oggSound) error {
	for end, tries := s.size, 0; end > 0 && tries < 64; tries++ {
		from := max(0, end-maxPiece)
		b, err := s.at(from, int(end-from))
		if err != nil {
			return err
		}
		for k := bytes.LastIndex(b, []byte("OggS")); k >= 0; k = bytes.LastIndex(b[:k], []byte("OggS")) {
			if len(b)-k < 27 || binary.LittleEndian.Uint32(b[k+14:]) != sound.serial {
				continue
			}
			at := binary.LittleEndian.Uint64(b[k+6:])
			if at > 1<<62 { // -1: no packet ends on this page
				continue
			}
			if at > sound.skip {
				f.Duration = span(at-sound.skip, sound.rate)
			}
			return nil
		}
		if end = from; from > 0 {
			end += 26 // a page's head may lie across
		}
	}
	return nil
}
