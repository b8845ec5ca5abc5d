package look

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
)

var (
	// linearPattern finds the pages in the first object of a PDF made for the web (ISO 32000-1, annex F).
	linearPattern = regexp.MustCompile(`/Linearized\b[^>]*/N (\d{1,7})\b`)
	pagesPattern  = regexp.MustCompile(`/Type\s*/Pages\b`)
	countOfPages  = regexp.MustCompile(`/Count\s+(\d{1,7})\b`)
)

// readPDF reads the number of pages where it stands in the open: in the head of a file made for the web, or
// in the root of the tree of pages, which is the one without a parent; of several the last is valid. A file
// that keeps its objects packed or encrypted does not tell here.
func readPDF(s *source, f *Facts) error {
	head, err := s.upTo(0, 1024)
	if err != nil {
		return err
	}
	if m := linearPattern.FindSubmatch(head); m != nil {
		f.Pages = number(m[1])
	}
	const overlap = 4096 // a dictionary that lies across two pieces
	for off := int64(0); off < s.size; off += maxPiece - overlap {
		b, err := s.upTo(off, maxPiece)
		if err != nil {
			return err
		}
		for _, at := range pagesPattern.FindAllIndex(b, 1000) {
			d := dictionary(b, at[0])
			if m := countOfPages.FindSubmatch(d); m != nil && !bytes.Contains(d, []byte("/Parent")) {
				f.Pages = number(m[1])
			}
		}
	}
	end, err := s.upTo(max(0, s.size-2048), 2048)
	if err != nil {
		return err
	}
	if !bytes.Contains(end, []byte("%%EOF")) {
		return fmt.Errorf("%w: it was cut off", ErrDamaged)
	}
	return nil
}

// number is that of digits, of which there are few.
func number(digits []byte) int {
	n, err := strconv.Atoi(string(digits))
	if err != nil {
		return 0
	}
	return n
}

// dictionary is the innermost dictionary around b[at:], as far as it is within 4096 bytes of there.
func dictionary(b []byte, at int) []byte {
	const far = 4096
	from, to := max(0, at-far), min(len(b), at+far)
	for k, depth := at, 0; k-2 >= from; k-- {
		switch string(b[k-2 : k]) {
		case ">>":
			depth++
			k--
		case "<<":
			if depth--; depth < 0 {
				from = k
			}
			k--
		}
	}
	for k, depth := at, 0; k+2 <= to; k++ {
		switch string(b[k : k+2]) {
		case "<<":
			depth++
			k++
		case ">>":
			if depth--; depth < 0 {
				to = k
			}
			k++
		}
	}
	return b[from:to]
}
