// Package convert holds pure functions between three worlds: whatsmeow's values, the
// records of package store, and the shapes that clients of the API see (in responses and
// in events alike). It does no I/O and keeps no state.
//
// Begin with shapes.go (what clients see), then jids.go (addresses) and content.go
// (what a WhatsApp message holds).
package convert
