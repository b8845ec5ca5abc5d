package store

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// MaxWords bounds how many words of one text are searchable.
const MaxWords = 512

// maxWord bounds the length of one searchable word, in runes.
const maxWord = 64

// Words cuts text into the words by which it is found: lower case, without accents,
// each once, in order. Both back ends index and search by these, so that a search
// finds the same on both.
func Words(text string) []string {
	var words []string
	seen := map[string]bool{}
	fields := strings.FieldsFunc(norm.NFKD.String(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)
	})
	for _, f := range fields {
		w := strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Mn, r) {
				return -1
			}
			return unicode.ToLower(r)
		}, f)
		if runes := []rune(w); len(runes) > maxWord {
			w = string(runes[:maxWord])
		}
		if w == "" || seen[w] {
			continue
		}
		seen[w] = true
		if words = append(words, w); len(words) == MaxWords {
			break
		}
	}
	return words
}
