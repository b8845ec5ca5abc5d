package service

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"whatsapp-api/whatsapp"
)

// Check notes what is wrong with a field, if anything is.
func (i Invalid) Check(field, fault string) {
	if fault != "" {
		i[field] = fault
	}
}

// Set changes a field, if there is something to change it to.
func Set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// CheckName says what is wrong with what people call a thing; nothing if it is good.
func CheckName(name string) string {
	if n := len([]rune(strings.TrimSpace(name))); n < 1 || n > 100 || strings.ContainsFunc(name, unicode.IsControl) {
		return "must be 1 to 100 characters, without control characters"
	}
	return ""
}

var sessionID = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// IsSessionID says whether a session may have this id.
func IsSessionID(text string) bool { return sessionID.MatchString(text) }

// CheckEvents says what is wrong with names of events; nothing if all are known.
func CheckEvents(names []string) string {
	known := whatsapp.EventNames()
	for _, n := range names {
		if !slices.Contains(known, n) {
			return fmt.Sprintf("%q is not an event; known are %s", n, strings.Join(known, " "))
		}
	}
	return ""
}
