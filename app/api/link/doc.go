// Package link has the rows of sessions: to make, link, start, stop and unlink them.
//
// Begin with sessions.go.
package link
