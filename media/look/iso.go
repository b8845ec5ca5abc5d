package look

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// An isoFile is what is gathered of a file of ISO/IEC 14496-12: MP4, MOV, 3GP, M4A, HEIC and AVIF.
type isoFile struct {
	s      *source
	brands []string // the major brand, then the compatible ones
	moov   bool
	scale  uint32 // of the movie's own time, in units a second
	length uint64 // of the movie in that time
	tracks []isoTrack
	steps  map[uint32]uint32 // by track, how long a sample of a fragment is if the fragment does not say
	ends   map[uint32]uint64 // by track, where its last fragment ends in the track's own time
	heif   heif
}

// An isoTrack is one track of a movie.
type isoTrack struct {
	id            uint32
	handler       string
	codec         string
	width, height uint32 // as shown, before it is turned
	turned        bool   // by a quarter
	scale         uint32
	channels      int
	samples       uint32
}

// isoHolders are the boxes that hold boxes of interest.
var isoHolders = []string{"moov", "trak", "mdia", "minf", "stbl", "mvex", "moof", "iprp", "meta"}

const (
	maxDepth  = 7  // one more than the deepest place of a box that is read
	maxTracks = 64 // of a movie
	// maxBox is how much of a box is read: all that matters of those that are read whole is in it.
	maxBox = 32 << 10
)

// readISO reads the movie's index, of fragmented movies the times of all fragments, of pictures their properties.
func readISO(s *source, f *Facts) error {
	i := &isoFile{s: s, steps: map[uint32]uint32{}, ends: map[uint32]uint64{}}
	err := i.walk(0, s.size, 0)
	f.MIME = i.mime()
	if strings.HasPrefix(f.MIME, "image/") {
		return i.picture(f, err)
	}
	i.movie(f)
	if err == nil && !i.moov {
		err = fmt.Errorf("%w: it has no index (moov)", ErrDamaged)
	}
	return err
}

// walk reads the boxes from off to end.
func (i *isoFile) walk(off, end int64, depth int) error {
	for end-off >= 8 { // some writers end a list of boxes with four zeros
		kind, body, next, err := i.s.box(off, end)
		if err != nil {
			return err
		}
		if err := i.read(kind, body, next, depth); err != nil {
			return err
		}
		off = next
	}
	return nil
}

// box is the kind of the box at off, where its content begins and where it ends.
func (s *source) box(off, end int64) (kind string, body, next int64, err error) {
	h, err := s.at(off, 8)
	if err != nil {
		return "", 0, 0, err
	}
	size := int64(binary.BigEndian.Uint32(h))
	kind, body = string(h[4:8]), off+8
	switch size {
	case 0:
		size = end - off
	case 1:
		if h, err = s.at(off, 16); err != nil {
			return "", 0, 0, err
		}
		size, body = int64(binary.BigEndian.Uint64(h[8:])), off+16
	}
	if size < body-off || size > end-off {
		return "", 0, 0, fmt.Errorf("%w: the box %q at %d does not fit", ErrDamaged, kind, off)
	}
	return kind, body, off + size, nil
}

// read reads one box, whose content is from off to end.
func (i *isoFile) read(kind string, off, end int64, depth int) error {
	switch kind {
	case "traf":
		return i.fragment(off, end)
	case "ipco":
		return i.heif.properties(i.s, off, end)
	case "trak":
		if len(i.tracks) == maxTracks {
			return &TooLargeError{What: "tracks", Is: maxTracks + 1, Limit: maxTracks}
		}
		i.tracks = append(i.tracks, isoTrack{})
	case "moov":
		i.moov = true
	case "meta": // in MOV files it has no version and flags
		if h, err := i.s.upTo(off, 8); err == nil && (len(h) < 8 || string(h[4:8]) != "hdlr") {
			off += 4
		}
	}
	if slices.Contains(isoHolders, kind) {
		if depth == maxDepth {
			return fmt.Errorf("%w: boxes in boxes in boxes", ErrDamaged)
		}
		return i.walk(off, end, depth+1)
	}
	if !slices.Contains(isoLeaves, kind) {
		return nil
	}
	b, err := i.s.at(off, int(min(end-off, maxBox)))
	if err != nil {
		return err
	}
	return i.leaf(kind, b)
}

// movie tells the facts of a film or of sound.
func (i *isoFile) movie(f *Facts) {
	f.Duration = span(i.length, uint64(i.scale))
	for _, t := range i.tracks {
		switch {
		case t.handler == "vide" && f.Video == "":
			f.Video = t.codec
			f.Width, f.Height = int(t.width), int(t.height)
			if t.turned {
				f.Width, f.Height = f.Height, f.Width
			}
		case t.handler == "soun" && f.Audio == "":
			f.Audio, f.Channels = t.codec, t.channels
		}
		f.Duration = max(f.Duration, span(i.ends[t.id], uint64(t.scale)))
	}
}

// mime is the type by brands and tracks: sound alone is never a video.
func (i *isoFile) mime() string {
	video, audio := false, false
	for _, t := range i.tracks {
		video, audio = video || t.handler == "vide", audio || t.handler == "soun"
	}
	major := ""
	if len(i.brands) > 0 {
		major = i.brands[0]
	}
	of := func(names ...string) bool {
		return slices.Contains(names, major) || (major == "mif1" || major == "msf1" || major == "miaf") &&
			slices.ContainsFunc(names, func(n string) bool { return slices.Contains(i.brands, n) })
	}
	sort := "video/"
	if audio && !video {
		sort = "audio/"
	}
	switch {
	case of("avif", "avis"):
		return "image/avif"
	case of("heic", "heix", "heim", "heis", "hevc", "hevx"):
		return "image/heic"
	case major == "mif1" || major == "msf1":
		return "image/heif"
	case major == "" || major == "qt  ":
		return sort + "quicktime"
	case strings.HasPrefix(major, "3gp") || strings.HasPrefix(major, "3gr") || strings.HasPrefix(major, "3gs"):
		return sort + "3gpp"
	case strings.HasPrefix(major, "3g2"):
		return sort + "3gpp2"
	case (major == "M4A " || major == "M4B ") && !video:
		return "audio/mp4"
	}
	return sort + "mp4"
}

// fragment adds up how long the samples of one track fragment are.
func (i *isoFile) fragment(off, end int64) error {
	var track, step uint32
	var at uint64
	for end-off >= 8 {
		kind, body, next, err := i.s.box(off, end)
		if err != nil {
			return err
		}
		b, err := i.s.upTo(body, int(min(next-body, 64)))
		if err != nil {
			return err
		}
		r := &isoBytes{b: b}
		switch kind {
		case "tfhd":
			flags := r.u32() & 0xffffff
			track = r.u32()
			step = i.steps[track]
			at = max(at, i.ends[track])
			if flags&1 != 0 {
				r.skip(8)
			}
			if flags&2 != 0 {
				r.skip(4)
			}
			if flags&8 != 0 {
				step = r.u32()
			}
		case "tfdt":
			at = r.long(r.u32()>>24 == 1)
		case "trun":
			n, err := i.run(r, body, next, step)
			if err != nil {
				return err
			}
			at += n
		}
		if r.short {
			return fmt.Errorf("%w: %s is too short", ErrDamaged, kind)
		}
		off = next
	}
	if _, known := i.ends[track]; known || len(i.ends) < maxTracks {
		i.ends[track] = max(i.ends[track], at)
	}
	return nil
}

// run is the length of a trun box, of which r has the head.
func (i *isoFile) run(r *isoBytes, off, end int64, step uint32) (sum uint64, err error) {
	flags, n := r.u32()&0xffffff, r.u32()
	if flags&0x100 == 0 {
		return uint64(n) * uint64(step), nil
	}
	entry := int64(0)
	for _, bit := range []uint32{0x100, 0x200, 0x400, 0x800} {
		if flags&bit != 0 {
			entry += 4
		}
	}
	off += 8
	for _, bit := range []uint32{1, 4} {
		if flags&bit != 0 {
			off += 4
		}
	}
	if int64(n) > (end-off)/entry {
		return 0, fmt.Errorf("%w: a trun of %d samples", ErrDamaged, n)
	}
	for k := range int64(n) {
		b, err := i.s.at(off+k*entry, 4)
		if err != nil {
			return 0, err
		}
		sum += uint64(binary.BigEndian.Uint32(b))
	}
	return sum, nil
}
