package look

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Types of Office documents by the folder in which their content is.
var officeFolders = []struct{ folder, mime string }{
	{"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
}

// An entry is a file in an archive, as the archive's directory has it.
type entry struct {
	off    int64 // where its own header is
	packed int64
	method uint16
}

// readZIP tells Office documents and others from plain archives by the archive's directory, which is at its end:
// what comes first in it may be anything. Nothing is unpacked but, of a document, the text of its properties.
func readZIP(s *source, f *Facts) error {
	if mime := s.declaredType(); mime != "" {
		f.MIME = mime
		return nil
	}
	off, n, err := s.directoryOfZIP()
	if err != nil {
		return err
	}
	var props entry
	types, folder := false, ""
	for range n {
		h, err := s.at(off, 46)
		if err != nil {
			return err
		}
		if string(h[:4]) != "PK\x01\x02" {
			return fmt.Errorf("%w: no entry at %d", ErrDamaged, off)
		}
		e := entry{off: int64(binary.LittleEndian.Uint32(h[42:])), packed: int64(binary.LittleEndian.Uint32(h[20:])), method: binary.LittleEndian.Uint16(h[10:])}
		size := int64(binary.LittleEndian.Uint16(h[28:]))
		rest := int64(binary.LittleEndian.Uint16(h[30:])) + int64(binary.LittleEndian.Uint16(h[32:]))
		name, err := s.at(off+46, int(min(size, 256)))
		if err != nil {
			return err
		}
		switch string(name) {
		case "[Content_Types].xml":
			types = true
		case "docProps/app.xml":
			props = e
		case "AndroidManifest.xml":
			f.MIME = "application/vnd.android.package-archive"
		}
		for _, o := range officeFolders {
			if folder == "" && strings.HasPrefix(string(name), o.folder) {
				folder = o.mime
			}
		}
		off += 46 + size + rest
	}
	if types && folder != "" {
		f.MIME = folder
		f.Pages = s.pagesOf(props)
	}
	return nil
}

// declaredType is the type that OpenDocument files and EPUB have as their first entry, not packed.
func (s *source) declaredType() string {
	h, err := s.at(0, 38)
	if err != nil || string(h[30:38]) != "mimetype" || binary.LittleEndian.Uint16(h[8:]) != 0 {
		return ""
	}
	n := binary.LittleEndian.Uint32(h[18:])
	b, err := s.at(38+int64(binary.LittleEndian.Uint16(h[28:])), int(min(n, 128)))
	if err != nil || !typePattern.Match(b) {
		return ""
	}
	return string(b)
}

var typePattern = regexp.MustCompile(`^application/[a-z0-9.+-]+$`)

// directoryOfZIP is where the directory begins and how many entries it has.
func (s *source) directoryOfZIP() (int64, int, error) {
	from := max(0, s.size-maxPiece)
	b, err := s.at(from, int(s.size-from))
	if err != nil {
		return 0, 0, err
	}
	k := bytes.LastIndex(b, []byte("PK\x05\x06"))
	if k < 0 || len(b)-k < 22 {
		return 0, 0, fmt.Errorf("%w: it has no directory", ErrDamaged)
	}
	n, off := int(binary.LittleEndian.Uint16(b[k+10:])), int64(binary.LittleEndian.Uint32(b[k+16:]))
	if n == 1<<16-1 || off == 1<<32-1 {
		return 0, 0, nil // of ZIP64: an archive as large as that is no document
	}
	return off, n, nil
}

// countPattern finds what Word and PowerPoint write about their documents.
var countPattern = regexp.MustCompile(`<(?:Pages|Slides)>(\d{1,6})</`)

// pagesOf reads the number of pages or slides from the properties of a document; 0 where it does not say.
func (s *source) pagesOf(e entry) int {
	h, err := s.at(e.off, 30)
	if err != nil || string(h[:4]) != "PK\x03\x04" || e.packed == 0 {
		return 0
	}
	body := e.off + 30 + int64(binary.LittleEndian.Uint16(h[26:])) + int64(binary.LittleEndian.Uint16(h[28:]))
	packed, err := s.upTo(body, int(min(e.packed, maxPiece)))
	if err != nil {
		return 0
	}
	text := packed
	if e.method == 8 {
		unpacked := flate.NewReader(bytes.NewReader(packed))
		if text, err = io.ReadAll(io.LimitReader(unpacked, maxPiece)); err != nil {
			return 0
		}
	}
	m := countPattern.FindSubmatch(text)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return 0
	}
	return n
}
