package look

import (
	"bytes"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// octets is the type of what has none.
const octets = "application/octet-stream"

// A reading finds the facts of a file of one format.
type reading func(*source, *Facts) error

// magics are the formats whose facts are read, by how their files begin: "?" stands for any byte.
// The readings of containers (WebM, ISO media, Ogg, ZIP) say the exact type, by what is inside.
var magics = []struct {
	begin string
	mime  string
	read  reading
}{
	{"\xff\xd8\xff", "image/jpeg", readJPEG},
	{"\x89PNG\r\n\x1a\n", "image/png", readPNG},
	{"GIF87a", "image/gif", readGIF},
	{"GIF89a", "image/gif", readGIF},
	{"RIFF????WEBP", "image/webp", readWebP},
	{"RIFF????WAVE", "audio/wav", readWAV},
	{"II*\x00", "image/tiff", readTIFF},
	{"MM\x00*", "image/tiff", readTIFF},
	{"\x1aE\xdf\xa3", "video/x-matroska", readMatroska},
	{"OggS", "audio/ogg", readOgg},
	{"fLaC", "audio/flac", readFLAC},
	{"#!AMR\n", "audio/amr", readAMR},
	{"#!AMR-WB\n", "audio/amr-wb", readAMR},
	{"ID3", "audio/mpeg", readMP3},
	{"%PDF-", "application/pdf", readPDF},
	{"PK\x03\x04", "application/zip", readZIP},
	{"PK\x05\x06", "application/zip", readZIP},
}

// boxes of which the first of an ISO media file is one: MOV files need not begin with ftyp.
var firstBoxes = []string{"ftyp", "moov", "mdat", "wide", "free", "skip", "pnot"}

// sniff says the type of a file by its first bytes, and how its facts are read, if they can be.
func sniff(s *source) (Facts, reading, error) {
	head, err := s.upTo(0, 3072) // what mimetype looks at
	if err != nil {
		return Facts{MIME: octets}, nil, err
	}
	for _, m := range magics {
		if begins(head, m.begin) {
			return Facts{MIME: m.mime}, m.read, nil
		}
	}
	if isBMP(head) {
		return Facts{MIME: "image/bmp"}, readBMP, nil
	}
	if len(head) >= 8 {
		for _, box := range firstBoxes {
			if string(head[4:8]) == box {
				return Facts{MIME: "video/mp4"}, readISO, nil
			}
		}
	}
	if h, ok := frameOf(head); ok && s.holdsFrames(0, h) {
		return Facts{MIME: "audio/mpeg"}, readMP3, nil
	}
	return Facts{MIME: textual(head)}, nil, nil
}

// begins says whether head begins with magic, in which "?" is any byte.
func begins(head []byte, magic string) bool {
	if len(head) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != head[i] {
			return false
		}
	}
	return true
}

// textual is the type of a file whose facts are not read: a text, or one of the many that mimetype knows.
func textual(head []byte) string {
	body := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(body) >= 11 && strings.EqualFold(string(body[:11]), "BEGIN:VCARD") {
		return "text/vcard"
	}
	name, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	if name == "audio/mpeg" || name == "audio/aac" {
		return octets // it begins with the two bytes of a frame, but no frames follow
	}
	return strings.ToLower(strings.TrimSpace(name))
}
