package mongo

import "strings"

// phoneDigits returns the digits of a search that is written like a phone number.
func phoneDigits(search string) string {
	var b strings.Builder
	for _, r := range search {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case strings.ContainsRune(" +-().", r):
		default:
			return ""
		}
	}
	return b.String()
}
