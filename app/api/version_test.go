package api

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocumentVersion: a package can be made of the document of any build.
func TestDocumentVersion(t *testing.T) {
	for build, want := range map[string]string{
		"dev": "0.0.0-dev0", "": "0.0.0-dev0", "v1.2.3": "1.2.3", "1.2.3": "1.2.3", "v1.2.3-rc.1": "1.2.3-rc.1", "v1.2.3-5-g01e29ea-dirty": "1.2.3+5.g01e29ea.dirty",
		"01e29ea": "0.0.0-dev0+01e29ea", "01e29ea-dirty": "0.0.0-dev0+01e29ea.dirty", "v0.0.0-20261128095930-01e29ea2af18+dirty": "0.0.0+20261128095930.01e29ea2af18.dirty", "(devel)": "0.0.0-dev0+devel",
	} {
		require.Equal(t, want, documentVersion(build), build)
	}
}
