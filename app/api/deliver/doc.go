// Package deliver has the rows of what goes to, and comes from, other programs: webhooks, and the door for messages
// of another WhatsApp service.
//
// Begin with webhooks.go.
package deliver
