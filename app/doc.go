// Package app puts the parts of the server together and runs them. It is the only package
// that sees them all.
//
// Begin with app.go; arrows_test.go holds who may import whom.
package app
