package sound

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"

	"whatsapp-api/media/look"
)

// maxPacket is the longest packet of Opus that is taken, in bytes: 48 frames of 1275 and their lengths (RFC 6716).
const maxPacket = 62 << 10

// packets are those of the first track of an Ogg file (RFC 3533), one after the other.
type packets struct {
	r      *bufio.Reader
	serial string   // of the track
	lacing []byte   // lengths that are left of the page
	head   [27]byte // of the page
	table  [255]byte
	packet []byte
}

// next is the next packet, good until the following call; io.EOF after the last.
func (p *packets) next() ([]byte, error) {
	p.packet = p.packet[:0]
	for {
		if len(p.lacing) == 0 {
			if err := p.page(); err != nil {
				return nil, err
			}
			continue
		}
		n := int(p.lacing[0])
		p.lacing = p.lacing[1:]
		if len(p.packet)+n > maxPacket {
			return nil, fmt.Errorf("%w: a packet of more than %d bytes", look.ErrDamaged, maxPacket)
		}
		at := len(p.packet)
		p.packet = slices.Grow(p.packet, n)[:at+n]
		if _, err := io.ReadFull(p.r, p.packet[at:]); err != nil {
			return nil, cut(err)
		}
		if n < 255 {
			return p.packet, nil
		}
	}
}

// page goes to the next page of the track, over those of others.
func (p *packets) page() error {
	for {
		if _, err := io.ReadFull(p.r, p.head[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return io.EOF
			}
			return cut(err)
		}
		if string(p.head[:4]) != "OggS" {
			return fmt.Errorf("%w: no page where one must be", look.ErrDamaged)
		}
		lacing := p.table[:p.head[26]]
		if _, err := io.ReadFull(p.r, lacing); err != nil {
			return cut(err)
		}
		serial := string(p.head[14:18])
		if p.serial == "" {
			p.serial = serial
		}
		if serial == p.serial {
			p.lacing = lacing
			return nil
		}
		size := 0
		for _, n := range lacing {
			size += int(n)
		}
		if _, err := p.r.Discard(size); err != nil {
			return cut(err)
		}
	}
}

// cut says that a file is damaged if it ended too early.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it was cut off", look.ErrDamaged)
	}
	return err
}
