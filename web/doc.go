// Package web holds the pages that the server serves itself, inside the binary: the API's
// documentation, and the guide (docs/en, docs/es). They load nothing from elsewhere.
package web
