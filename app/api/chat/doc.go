// Package chat has the rows of what is written: chats, messages, and sends.
//
// Begin with chats.go; sending.go is the way out.
package chat
