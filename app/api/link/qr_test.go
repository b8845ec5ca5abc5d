package link

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPreferred(t *testing.T) {
	for accept, want := range map[string]string{
		"": "json", "*/*": "json", "image/png": "png", "image/*": "png", "text/html": "json", "application/json": "json", "nonsense;": "json",
		"application/json;q=0.1, image/png":                      "png",
		"image/png;q=0.5, image/svg+xml;q=0.6,text/plain;q=0.55": "svg",
		"image/svg+xml, image/png":                               "svg",
		"text/html,application/xhtml+xml,image/png;q=0.8":        "png",
		"image/png;q=0":                   "json",
		"image/png;q=x, text/plain;q=0.2": "raw",
		"IMAGE/PNG; Q=0.9":                "png",
	} {
		require.Equal(t, want, preferred(accept), accept)
	}
}
