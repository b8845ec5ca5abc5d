package api

import (
	"regexp"
	"strings"
)

var (
	released = regexp.MustCompile(`^v?(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.?\d+)?)(?:$|[-+](.+)$)`)
	unsaid   = regexp.MustCompile(`[^A-Za-z0-9]+`)
)

// documentVersion is the version of the document for a build of any name. Generators put it into packages, so it
// is one by semantic versioning and by PEP 440: what git adds to a tag stands behind a plus, and a build
// without one is before all releases.
func documentVersion(build string) string {
	m := released.FindStringSubmatch(build)
	if m == nil {
		m = []string{"", "0.0.0-dev0", build}
	}
	if more := strings.Trim(unsaid.ReplaceAllString(m[2], "."), "."); more != "" && more != "dev" {
		return m[1] + "+" + more
	}
	return m[1]
}
