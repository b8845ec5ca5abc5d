package picture

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"whatsapp-api/media/look"
)

// stripJPEG copies a JPEG without EXIF, XMP, comments, what cameras add and what follows its end, where phones
// put further pictures with EXIF of their own. It keeps what decoders need: JFIF, the colour profile (APP2)
// and Adobe's transform (APP14). Pixels are copied as they are.
func stripJPEG(from io.Reader, to io.Writer) error {
	r, w := bufio.NewReader(from), bufio.NewWriter(to)
	marker := make([]byte, 2)
	if _, err := io.ReadFull(r, marker); err != nil {
		return cut(err)
	}
	if _, err := w.Write(marker); err != nil {
		return err
	}
	next, err := r.ReadByte()
	if err != nil {
		return cut(err)
	}
	if next != 0xff {
		return fmt.Errorf("%w: no marker before the data", look.ErrDamaged)
	}
	for {
		m, err := afterFill(r)
		if err != nil {
			return err
		}
		if m == 0xd9 {
			if _, err := w.Write([]byte{0xff, m}); err != nil {
				return err
			}
			return w.Flush()
		}
		if err := copySegment(w, r, m); err != nil {
			return err
		}
		if err := copyData(w, r, m == 0xda); err != nil {
			return err
		}
	}
}

// afterFill is the marker of which the first 0xff was read; more of them only fill.
func afterFill(r *bufio.Reader) (byte, error) {
	for {
		if b, err := r.ReadByte(); err != nil || b != 0xff {
			return b, cut(err)
		}
	}
}

// copySegment copies the segment of marker m, unless it tells of the picture.
func copySegment(w io.Writer, r *bufio.Reader, m byte) error {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return cut(err)
	}
	n := int64(binary.BigEndian.Uint16(length[:])) - 2
	if n < 0 {
		return fmt.Errorf("%w: a segment without length", look.ErrDamaged)
	}
	if m == 0xfe || m >= 0xe1 && m <= 0xef && m != 0xee {
		const profile = "ICC_PROFILE"
		if name, err := r.Peek(len(profile)); m != 0xe2 || err != nil || string(name) != profile {
			w = io.Discard
		}
	}
	if _, err := w.Write([]byte{0xff, m, length[0], length[1]}); err != nil {
		return err
	}
	_, err := io.CopyN(w, r, n)
	return cut(err)
}

// copyData copies coded data up to the next marker, of which it takes the first byte. Outside of data the
// marker must follow at once.
func copyData(w *bufio.Writer, r *bufio.Reader, data bool) error {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return cut(err)
		}
		if b != 0xff {
			if !data {
				return fmt.Errorf("%w: no marker after a segment", look.ErrDamaged)
			}
			if err := w.WriteByte(b); err != nil {
				return err
			}
			continue
		}
		next, err := r.Peek(1)
		if err != nil {
			return cut(err)
		}
		if !data || next[0] != 0 && (next[0] < 0xd0 || next[0] > 0xd7) { // not a byte of data, nor a restart in it
			return nil
		}
		if _, err := w.Write([]byte{b, next[0]}); err != nil {
			return err
		}
		if _, err := r.Discard(1); err != nil {
			return err
		}
	}
}

// cut says that a file is damaged if it ended too early.
func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // as io.ReadFull and io.CopyN return them
		return fmt.Errorf("%w: it was cut off", look.ErrDamaged)
	}
	return err
}
