// Package convert holds pure functions between three worlds: whatsmeow's values, the
// records of package store, and the shapes that clients of the API see (in responses and
// in events alike). It does no I/O and keeps no state.
//
// Begin with reading.go: Read says what a WhatsApp message is, with one file per kind beside it
// (text.go, media.go, cards.go, interactive.go, acts.go …) and secret.go for acts that come sealed. Then
// jids.go (addresses), message.go and shapes.go (what clients see) and the files that make them of
// records: message_of.go, parts_of.go, records.go.
package convert
