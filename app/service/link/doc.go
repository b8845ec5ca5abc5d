// Package link holds the rules of sessions: who may have and see which, and how one is given to another user.
//
// Begin with sessions.go.
package link
