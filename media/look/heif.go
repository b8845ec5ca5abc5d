package look

import "fmt"

// maxProperties is how many properties of a HEIF file are kept; a grid of 48 MP has a few.
const maxProperties = 4096

// A heif is what a HEIC or AVIF file says of its pictures (ISO/IEC 23008-12).
type heif struct {
	primary uint32 // the picture that is shown
	props   []heifProperty
	of      map[uint32][]int // by picture, its properties, counted from 1
}

// A heifProperty is the size, the shown part or the turn of pictures; others are kept empty, since they count.
type heifProperty struct {
	width, height uint32
	turned        bool // by a quarter
}

// properties reads the ipco box, whose content is from off to end.
func (h *heif) properties(s *source, off, end int64) error {
	for end-off >= 8 {
		kind, body, next, err := s.box(off, end)
		if err != nil {
			return err
		}
		if len(h.props) == maxProperties {
			return &TooLargeError{What: "properties", Is: maxProperties + 1, Limit: maxProperties}
		}
		p := heifProperty{}
		b, err := s.upTo(body, int(min(next-body, 16)))
		if err != nil {
			return err
		}
		r := &isoBytes{b: b}
		switch kind {
		case "ispe":
			r.skip(4)
			p.width, p.height = r.u32(), r.u32()
		case "clap": // the part that is shown, as fractions
			width, of := r.u32(), max(1, r.u32())
			height, by := r.u32(), max(1, r.u32())
			p.width, p.height = width/of, height/by
		case "irot":
			p.turned = r.u8()&1 == 1 // in quarters against the clock
		}
		if r.short {
			return fmt.Errorf("%w: %s is too short", ErrDamaged, kind)
		}
		h.props = append(h.props, p)
		off = next
	}
	return nil
}

// associations reads the ipma box: which property is whose.
func (h *heif) associations(r *isoBytes, longIDs, longIndexes bool) {
	h.of = map[uint32][]int{}
	for n := r.u32(); n > 0 && !r.short; n-- {
		item := r.u32or16(longIDs)
		for k := r.u8(); k > 0 && !r.short; k-- {
			if longIndexes {
				h.of[item] = append(h.of[item], int(r.u16()&0x7fff))
			} else {
				h.of[item] = append(h.of[item], int(r.u8()&0x7f))
			}
		}
	}
}

// picture tells the facts of a HEIC or AVIF picture, of which the boxes were read with the outcome err.
func (i *isoFile) picture(f *Facts, err error) error {
	turned := false
	for _, index := range i.heif.of[i.heif.primary] {
		if index < 1 || index > len(i.heif.props) {
			continue
		}
		p := i.heif.props[index-1]
		turned = turned != p.turned
		if p.width > 0 && p.height > 0 {
			f.Width, f.Height = int(p.width), int(p.height)
		}
	}
	if turned {
		f.Width, f.Height = f.Height, f.Width
	}
	f.Frames = 1
	for _, t := range i.tracks { // of a sequence
		if t.handler == "pict" && t.samples > 1 {
			f.Frames, f.Animated, f.Duration = int(t.samples), true, span(i.length, uint64(i.scale))
			if f.Width == 0 {
				f.Width, f.Height = int(t.width), int(t.height)
			}
		}
	}
	if err == nil && (f.Width == 0 || f.Height == 0) {
		err = fmt.Errorf("%w: it has no width or height", ErrDamaged)
	}
	return err
}
