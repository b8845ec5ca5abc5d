// Package chat holds the rules of what is written: that a call with a key happens once, and what goes when messages are
// deleted.
//
// Begin with idempotency.go.
package chat
