// Package operate has the rows for who looks after the server: health, metrics, the control of the sandbox, and the
// pages of the documentation.
//
// Begin with health.go.
package operate
