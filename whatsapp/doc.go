// Package whatsapp runs sessions: it links them, keeps them connected, receives and sends.
// It alone uses whatsmeow's client, and knows neither HTTP nor users.
//
// A [Manager] holds all sessions of the process. A [Session] is driven by one loop
// (loop.go) that owns its state; whatsmeow's events come through one switch (handler.go),
// are kept in one store unit each, and only then acknowledged to WhatsApp. Messages need
// not wait for each other's commits: what is sent meanwhile waits in the outlet
// (outlet.go). What is to be kept and cannot be is refused, with everything after it, until
// the connection begins anew: so nothing is lost and nothing overtakes.
//
// Begin with states.go, then loop.go, receive.go and outlet.go.
package whatsapp
