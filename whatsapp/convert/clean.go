package convert

import (
	"strings"
	"unicode"
)

// Limits of what is kept of what a stranger chose. WhatsApp's own clients stay far below.
const (
	maxText = 256 << 10 // bytes
	maxLine = 256       // bytes of a name of a file or a type
	maxID   = 256       // bytes
	maxName = 128       // runes
)

// CleanText is what is kept of a text: valid, and not too long.
func CleanText(s string) string {
	return cut(strings.ToValidUTF8(s, "\ufffd"), maxText)
}

// CleanName makes a name that a stranger chose fit to be shown: valid text without control
// characters and without marks that turn the direction of what stands beside it.
func CleanName(name string) string {
	name = visible(name)
	if runes := []rune(name); len(runes) > maxName {
		name = string(runes[:maxName])
	}
	return strings.TrimSpace(name)
}

// CleanID keeps an id that its sender chose printable and short enough to be a key. Ids of
// WhatsApp's clients are up to 32 upper-case letters and digits and stay as they are.
func CleanID(id string) string { return strings.TrimSpace(cut(CleanName(id), maxID)) }

// cleanLine is CleanName for what may be longer.
func cleanLine(s string) string { return strings.TrimSpace(cut(visible(s), maxLine)) }

func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u200e' || r == '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\ufeff' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// cut cuts valid text to so many bytes, between characters.
func cut(s string, most int) string {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}
