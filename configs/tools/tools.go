//go:build tools

// Package tools pins the programs that cannot be run as `go run module@version`. It is a module of its
// own, so that go.mod of the product lists only what the product links.
package tools

import _ "github.com/google/go-licenses/v2"
