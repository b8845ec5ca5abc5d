// Package app puts the parts of the server together and runs them. It is the only package
// that sees them all.
//
// Begin with app.go; routes.go is the table of all that is served, made of the rows of the rooms of app/api, and
// rules.go what it stands on. arrows_test.go holds who may import whom.
package app
