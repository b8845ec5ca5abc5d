// Package web holds the pages that the server serves itself, inside the binary: the API's
// documentation. They load nothing from elsewhere.
package web
