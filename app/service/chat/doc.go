// Package chat holds the rules of what is written: what may go out and how (sending.go), that a call with a key happens
// once (idempotency.go), and what goes when messages are deleted (messages.go). A kind of message that can be sent is
// a Draft in a file of its own; text.go is one.
//
// Begin with sending.go.
package chat
