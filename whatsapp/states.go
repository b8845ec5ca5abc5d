package whatsapp

import (
	"time"

	"whatsapp-api/store"
)

// State says what a session is doing. It follows facts (the login, the last frame that
// came, the last answered ping), never a wish.
type State string

// The states of a session.
const (
	Created      State = "created"      // never started
	Connecting   State = "connecting"   // on the way to WhatsApp
	QR           State = "qr"           // shows a code to be scanned
	Syncing      State = "syncing"      // linked a moment ago, logging in for the first time
	Connected    State = "connected"    // logged in; frames come and pings are answered
	Reconnecting State = "reconnecting" // lost the connection, on the way back
	Degraded     State = "degraded"     // connected by the letter, but pings or the store fail
	Stopped      State = "stopped"      // by request, or because nobody scanned
	LoggedOut    State = "logged_out"   // unlinked, here or on the phone
	Banned       State = "banned"       // WhatsApp refuses the account
	Failed       State = "error"        // stays down until somebody acts; the reason says why
)

// States lists all states.
func States() []State {
	return []State{Created, Connecting, QR, Syncing, Connected, Reconnecting, Degraded, Stopped, LoggedOut, Banned, Failed}
}

// Reasons beside a state.
const (
	ReasonStoreUnavailable = "store_unavailable"
	ReasonNoPong           = "ping_unanswered"
	ReasonSilent           = "no_frames"
	ReasonConnectionLost   = "connection_lost"
	ReasonUnreachable      = "whatsapp_unreachable"
	ReasonQRTimeout        = "qr_not_scanned"
	ReasonPairFailed       = "pairing_failed"
	ReasonReplaced         = "replaced_by_another_client"
	ReasonOutdated         = "client_outdated"
	ReasonUnlinkedHere     = "unlinked_by_request"
	ReasonUnlinkedPhone    = "unlinked_on_phone"
	ReasonTemporaryBan     = "temporary_ban"
	ReasonDeviceGone       = "primary_device_gone"
	ReasonUnknownLogout    = "unknown_logout"
	ReasonRequested        = "stopped_by_request"
)

// Beginnings of reasons that carry WhatsApp's own code: connect_failure_409.
const (
	ReasonConnectFailure = "connect_failure_"
	ReasonStreamError    = "stream_error_"
)

// Snapshot is the state of a session at one moment.
type Snapshot struct {
	State  State
	Reason string
	Since  time.Time
	QR     *Code // nil unless State is QR
}

// Code is a QR code on show.
type Code struct {
	Text      string
	Attempt   int // 1 for the first of this pairing
	ExpiresAt time.Time
}

// overlay puts the live state over what the store remembers of it.
func (s Snapshot) overlay(r *store.Session) {
	r.State, r.Reason, r.Since = string(s.State), s.Reason, s.Since
}
