package look

import (
	"encoding/binary"
	"fmt"
)

// An mpegFrame is what the header of a frame of MPEG audio, or of AAC with ADTS, says.
type mpegFrame struct {
	aac      bool
	length   int64 // bytes
	samples  uint64
	rate     uint64
	channels int
	side     int64 // bytes between the header and what encoders write about the file
}

var (
	mpegRates = [3]uint64{44100, 48000, 32000}
	// bit rates in kbit/s by layer: of MPEG 1, then of MPEG 2 and 2.5.
	mpegBits = [2][3][15]int64{
		{
			{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
			{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
			{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
		},
		{
			{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
			{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
			{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
		},
	}
	aacRates = [16]uint64{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
)

// frameOf reads the header with which b begins.
func frameOf(b []byte) (mpegFrame, bool) {
	if len(b) < 7 || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return mpegFrame{}, false
	}
	if b[1]&0xf6 == 0xf0 { // layer 0: ADTS
		h := mpegFrame{aac: true, length: int64(b[3]&3)<<11 | int64(b[4])<<3 | int64(b[5])>>5, samples: 1024 * (uint64(b[6]&3) + 1)}
		h.rate, h.channels = aacRates[b[2]>>2&15], int(b[2]&1<<2|b[3]>>6)
		return h, h.rate > 0 && h.length > 7
	}
	version, layer := b[1]>>3&3, 3-b[1]>>1&3 // version: 0 is 2.5, 1 is none, 2 is 2, 3 is 1; layer from 0
	bitrate, rate := b[2]>>4, b[2]>>2&3
	if version == 1 || layer > 2 || bitrate == 0 || bitrate == 15 || rate == 3 {
		return mpegFrame{}, false
	}
	h := mpegFrame{rate: mpegRates[rate], channels: 2, side: 32}
	old := 0 // MPEG 1
	if version != 3 {
		old, h.side = 1, 17
		h.rate >>= 1 + (2-version)/2
	}
	if b[3]>>6 == 3 {
		h.channels = 1
		h.side = map[int64]int64{32: 17, 17: 9}[h.side]
	}
	bits := mpegBits[old][layer][bitrate] * 1000
	pad := int64(b[2] >> 1 & 1)
	switch {
	case layer == 0:
		h.samples, h.length = 384, (12*bits/int64(h.rate)+pad)*4
	case layer == 2 && old == 1:
		h.samples, h.length = 576, 72*bits/int64(h.rate)+pad
	default:
		h.samples, h.length = 1152, 144*bits/int64(h.rate)+pad
	}
	return h, h.length > 4
}

// holdsFrames says whether three frames follow each other from off on, or as many as there are to the
// end: two bytes alone are too little to know sound by.
func (s *source) holdsFrames(off int64, first mpegFrame) bool {
	next := off + first.length
	for range 2 {
		b, err := s.upTo(next, 7)
		if err != nil || next == s.size {
			return next == s.size
		}
		h, ok := frameOf(b)
		if !ok || h.rate != first.rate || h.aac != first.aac {
			return false
		}
		next += h.length
	}
	return true
}

// readMP3 finds the first frame behind the tags; the length is what the encoder wrote there, or the sum of all frames.
func readMP3(s *source, f *Facts) error {
	off, err := s.afterID3(0)
	if err != nil {
		return err
	}
	if b, err := s.upTo(off, 4); err == nil && string(b) == "fLaC" {
		f.MIME = "audio/flac"
		return f.readStreamInfo(s, off+4)
	}
	off, first, err := s.firstFrame(off)
	if err != nil {
		return err
	}
	f.Audio, f.Channels = "mp3", first.channels
	if first.aac {
		f.MIME, f.Audio = "audio/aac", "aac"
	} else if n := s.framesWritten(off, first); n > 0 {
		f.Duration = span(n*first.samples, first.rate)
		return nil
	}
	samples := uint64(0)
	for off < s.size {
		b, err := s.upTo(off, 7)
		if err != nil {
			return err
		}
		h, ok := frameOf(b)
		if !ok || h.rate != first.rate {
			break // tags at the end
		}
		samples += h.samples
		off += h.length
	}
	f.Duration = span(samples, first.rate)
	return nil
}

// afterID3 is where the ID3v2 tags at off end.
func (s *source) afterID3(off int64) (int64, error) {
	for {
		b, err := s.upTo(off, 10)
		if err != nil {
			return 0, err
		}
		if len(b) < 10 || string(b[:3]) != "ID3" {
			return off, nil
		}
		off += 10 + int64(b[6]&127)<<21 + int64(b[7]&127)<<14 + int64(b[8]&127)<<7 + int64(b[9]&127)
		if b[5]&0x10 != 0 {
			off += 10
		}
		if off > s.size {
			return 0, fmt.Errorf("%w: it ends in its tags", ErrDamaged)
		}
	}
}

// firstFrame looks for the first frame in the 64 KB from off on.
func (s *source) firstFrame(off int64) (int64, mpegFrame, error) {
	for end := min(s.size, off+maxPiece); off < end; off++ {
		b, err := s.upTo(off, 7)
		if err != nil {
			return 0, mpegFrame{}, err
		}
		if h, ok := frameOf(b); ok && s.holdsFrames(off, h) {
			return off, h, nil
		}
	}
	return 0, mpegFrame{}, fmt.Errorf("%w: it has no sound", ErrDamaged)
}

// framesWritten is the number of frames that the encoder wrote into the first one, or 0.
func (s *source) framesWritten(off int64, first mpegFrame) uint64 {
	if b, err := s.at(off+4+first.side, 12); err == nil {
		if name := string(b[:4]); (name == "Xing" || name == "Info") && b[7]&1 == 1 {
			return uint64(binary.BigEndian.Uint32(b[8:]))
		}
	}
	if b, err := s.at(off+36, 18); err == nil && string(b[:4]) == "VBRI" {
		return uint64(binary.BigEndian.Uint32(b[14:]))
	}
	return 0
}
