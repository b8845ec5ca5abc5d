// Package examples gives the document its examples: a value for each field that a reader could not guess, and
// of these a whole request and answer for every operation. So all examples tell of the same session, person and
// message. Begin with [Fill]; the values are in values.go.
package examples
