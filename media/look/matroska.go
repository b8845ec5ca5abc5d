package look

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"
)

// Elements of Matroska (RFC 9559) that are read or gone into.
const (
	mkHeader, mkDocType                            = 0x1a45dfa3, 0x4282
	mkSegment, mkInfo, mkScale, mkDuration         = 0x18538067, 0x1549a966, 0x2ad7b1, 0x4489
	mkTracks, mkTrack, mkType, mkCodec             = 0x1654ae6b, 0xae, 0x83, 0x86
	mkVideo, mkWidth, mkHeight, mkAudio, mkChannel = 0xe0, 0xb0, 0xba, 0xe1, 0x9f
	mkCluster, mkTime, mkGroup, mkBlock, mkSimple  = 0x1f43b675, 0xe7, 0xa0, 0xa1, 0xa3
)

// A matroska is what is gathered of a WebM or MKV file.
type matroska struct {
	doc      string
	scale    uint64  // nanoseconds of a unit of time
	duration float64 // units
	cluster  uint64  // when the cluster begins, in units
	last     uint64  // when the last block begins, in units
	tracks   []mkTrackFacts
}

type mkTrackFacts struct {
	kind          uint64 // 1 video, 2 audio
	codec         string
	width, height uint64
	channels      uint64
}

// readMatroska walks the elements as one flat list, since recordings of browsers do not say how long
// the outer ones are. It ends at the first block, if the file says its length before.
func readMatroska(s *source, f *Facts) error {
	m := &matroska{scale: 1_000_000}
	err := m.walk(s)
	m.tell(f)
	if err == nil && len(m.tracks) == 0 {
		err = fmt.Errorf("%w: it has no tracks", ErrDamaged)
	}
	return err
}

func (m *matroska) walk(s *source) error {
	for off := int64(0); off < s.size; {
		id, size, body, err := element(s, off)
		if err != nil {
			return err
		}
		switch id {
		case mkCluster:
			if m.duration > 0 && len(m.tracks) > 0 {
				return nil
			}
			off = body
			continue
		case mkTrack:
			if len(m.tracks) == maxTracks {
				return &TooLargeError{What: "tracks", Is: maxTracks + 1, Limit: maxTracks}
			}
			m.tracks = append(m.tracks, mkTrackFacts{channels: 1})
			off = body
			continue
		case mkHeader, mkSegment, mkInfo, mkTracks, mkVideo, mkAudio, mkGroup:
			off = body
			continue
		}
		if size < 0 || size > s.size-body {
			return fmt.Errorf("%w: the element %x at %d ends after the file", ErrDamaged, id, off)
		}
		b, err := s.at(body, int(min(size, 64)))
		if err != nil {
			return err
		}
		m.element(id, b)
		off = body + size
	}
	return nil
}

// element reads the head of an element at off; size is -1 where it is not known.
func element(s *source, off int64) (id uint64, size, body int64, err error) {
	h, err := s.upTo(off, 12)
	if err != nil {
		return 0, 0, 0, err
	}
	if len(h) < 2 || h[0] < 0x10 {
		return 0, 0, 0, fmt.Errorf("%w: no element at %d", ErrDamaged, off)
	}
	n := bits.LeadingZeros8(h[0]) + 1
	if len(h) <= n {
		return 0, 0, 0, fmt.Errorf("%w: it ends in an element at %d", ErrDamaged, off)
	}
	id = bigEndian(h[:n])
	h = h[n:]
	k := bits.LeadingZeros8(h[0]) + 1
	if k > 8 || len(h) < k {
		return 0, 0, 0, fmt.Errorf("%w: no length at %d", ErrDamaged, off+int64(n))
	}
	mask := uint64(1)<<(7*k) - 1
	v := bigEndian(h[:k]) & mask
	body = off + int64(n+k)
	if v == mask {
		return id, -1, body, nil
	}
	return id, int64(v), body, nil
}

// bigEndian is a number of up to 8 bytes.
func bigEndian(b []byte) (n uint64) {
	for _, c := range b[:min(len(b), 8)] {
		n = n<<8 | uint64(c)
	}
	return n
}

// element reads an element with the content b, of which there are 64 bytes at most.
func (m *matroska) element(id uint64, b []byte) {
	var t mkTrackFacts
	if len(m.tracks) > 0 {
		last := &m.tracks[len(m.tracks)-1]
		t = *last
		defer func() { *last = t }()
	}
	switch id {
	case mkDocType:
		m.doc = string(b)
	case mkScale:
		m.scale = bigEndian(b)
	case mkDuration:
		switch len(b) {
		case 4:
			m.duration = float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
		case 8:
			m.duration = math.Float64frombits(binary.BigEndian.Uint64(b))
		}
	case mkType:
		t.kind = bigEndian(b)
	case mkCodec:
		t.codec = string(b)
	case mkWidth:
		t.width = bigEndian(b)
	case mkHeight:
		t.height = bigEndian(b)
	case mkChannel:
		t.channels = bigEndian(b)
	case mkTime:
		m.cluster = bigEndian(b)
	case mkBlock, mkSimple:
		if n := bits.LeadingZeros8(firstByte(b)) + 1; len(b) >= n+2 {
			at := int64(m.cluster) + int64(int16(binary.BigEndian.Uint16(b[n:])))
			m.last = max(m.last, uint64(max(0, at)))
		}
	}
}

func firstByte(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

// tell writes down what was gathered.
func (m *matroska) tell(f *Facts) {
	sort := "audio/"
	for _, t := range m.tracks {
		name := strings.ToLower(strings.TrimRight(t.codec, "\x00"))
		name = strings.TrimPrefix(strings.TrimPrefix(name, "a_"), "v_")
		switch {
		case t.kind == 1:
			if sort = "video/"; f.Video == "" {
				f.Video, f.Width, f.Height = mkCodecName(name), int(min(t.width, 1<<30)), int(min(t.height, 1<<30))
			}
		case t.kind == 2 && f.Audio == "":
			f.Audio, f.Channels = mkCodecName(name), int(min(t.channels, 255))
		}
	}
	if len(m.tracks) == 0 {
		sort = "video/"
	}
	if f.MIME = sort + "x-matroska"; strings.TrimRight(m.doc, "\x00") == "webm" {
		f.MIME = sort + "webm"
	}
	length := m.duration
	if !(length > 0) {
		length = float64(m.last)
	}
	if d := length * float64(m.scale); d > 0 && d < float64(1<<62) {
		f.Duration = time.Duration(d)
	}
}

// mkCodecName is our word for a codec of Matroska, without its V_ or A_.
func mkCodecName(name string) string {
	switch {
	case name == "mpeg4/iso/avc":
		return "h264"
	case name == "mpegh/iso/hevc":
		return "hevc"
	case strings.HasPrefix(name, "aac"):
		return "aac"
	case name == "mpeg/l3":
		return "mp3"
	case strings.HasPrefix(name, "pcm"):
		return "pcm"
	}
	return strings.ToValidUTF8(name, "?")
}
