package configs

import (
	"fmt"
	"strings"
)

// Example renders every setting with its default and meaning as a YAML file; it is how
// example.yaml is made.
func Example() string {
	c := Default()
	var b strings.Builder
	b.WriteString("# Settings of whatsapp-api, all optional. Read with: whatsapp-api serve --config FILE\n")
	b.WriteString("# Each is also an environment variable in upper case, and a flag with dashes.\n")
	for _, f := range fields(&c) {
		fmt.Fprintf(&b, "\n# %s\n", f.doc)
		fmt.Fprintf(&b, "# %s: %s\n", strings.ToLower(f.name), f.text())
	}
	return b.String()
}
