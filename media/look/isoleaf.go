package look

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// isoLeaves are the boxes that are read whole.
var isoLeaves = []string{"ftyp", "mvhd", "tkhd", "mdhd", "hdlr", "stsd", "stsz", "trex", "pitm", "ipma"}

// isoBytes is the content of a box, read from its beginning. Past the end everything is zero, and short is true.
type isoBytes struct {
	b     []byte
	short bool
}

func (r *isoBytes) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.short = nil, true
		return make([]byte, n)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *isoBytes) skip(n int)  { r.take(n) }
func (r *isoBytes) u8() uint8   { return r.take(1)[0] }
func (r *isoBytes) u16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *isoBytes) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

// long is a number of 8 bytes if wide, else of 4.
func (r *isoBytes) long(wide bool) uint64 {
	if wide {
		return binary.BigEndian.Uint64(r.take(8))
	}
	return uint64(r.u32())
}

// leaf reads the box of that kind with the content b.
func (i *isoFile) leaf(kind string, b []byte) error {
	r := &isoBytes{b: b}
	if kind == "ftyp" {
		i.brands = append(i.brands, string(r.take(4)))
		for r.skip(4); len(r.b) >= 4 && len(i.brands) < 32; {
			i.brands = append(i.brands, string(r.take(4)))
		}
		return i.whole(kind, r)
	}
	head := r.u32()
	version, flags := head>>24, head&0xffffff
	switch kind {
	case "mvhd":
		r.skip(8 << (version & 1))
		i.scale = r.u32()
		i.length = known(r.long(version == 1), version == 1)
	case "trex":
		track := r.u32()
		r.skip(4)
		if len(i.steps) < maxTracks {
			i.steps[track] = r.u32()
		}
	case "pitm":
		i.heif.primary = r.u32or16(version > 0)
	case "ipma":
		i.heif.associations(r, version > 0, flags&1 == 1)
	default:
		if len(i.tracks) == 0 {
			return nil // the hdlr of a meta box
		}
		i.tracks[len(i.tracks)-1].leaf(kind, r, version)
	}
	return i.whole(kind, r)
}

// whole complains if r ended too early.
func (i *isoFile) whole(kind string, r *isoBytes) error {
	if r.short {
		return fmt.Errorf("%w: %s is too short", ErrDamaged, kind)
	}
	return nil
}

// known is a length, or 0 for the value of all ones by which writers say that they do not know it.
func known(n uint64, wide bool) uint64 {
	if n == 1<<32-1 && !wide || n == 1<<64-1 {
		return 0
	}
	return n
}

func (r *isoBytes) u32or16(wide bool) uint32 {
	if wide {
		return r.u32()
	}
	return uint32(r.u16())
}

// leaf reads a box of a track.
func (t *isoTrack) leaf(kind string, r *isoBytes, version uint32) {
	switch kind {
	case "tkhd":
		r.skip(8 << (version & 1))
		t.id = r.u32()
		r.skip(4 + 4<<(version&1) + 16)
		a, b := int32(r.u32()), int32(r.u32())
		t.turned = a == 0 && b != 0 // the picture's x-axis goes up or down
		r.skip(28)
		t.width, t.height = r.u32()>>16, r.u32()>>16
	case "mdhd":
		r.skip(8 << (version & 1))
		t.scale = r.u32()
	case "hdlr":
		r.skip(4)
		if h := string(r.take(4)); t.handler == "" { // MOV has a second one, of the data
			t.handler = h
		}
	case "stsz":
		r.skip(4)
		t.samples = r.u32()
	case "stsd":
		if r.u32() == 0 {
			return
		}
		r.skip(4)
		t.codec = codecName(string(r.take(4)))
		if t.handler == "soun" {
			r.skip(16)
			t.channels = int(r.u16())
		}
	}
}

// codecName is our word for a codec's four letters, or these without blanks.
func codecName(four string) string {
	switch four {
	case "avc1", "avc3":
		return "h264"
	case "hvc1", "hev1":
		return "hevc"
	case "vp08":
		return "vp8"
	case "vp09":
		return "vp9"
	case "av01":
		return "av1"
	case "s263", "h263", "H263":
		return "h263"
	case "mp4a":
		return "aac"
	case "Opus":
		return "opus"
	case "fLaC":
		return "flac"
	case ".mp3":
		return "mp3"
	case "samr":
		return "amr"
	case "sawb":
		return "amr-wb"
	case "sowt", "twos", "lpcm", "in24", "fl32", "ipcm", "fpcm":
		return "pcm"
	}
	return strings.ToLower(strings.TrimSpace(strings.ToValidUTF8(four, "?")))
}
