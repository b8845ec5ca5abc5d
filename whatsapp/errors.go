package whatsapp

import (
	"errors"
	"fmt"
)

// Errors of sessions. The API gives each a status and a stable code.
var (
	// ErrOffline says that the session is not logged in to WhatsApp now.
	ErrOffline = errors.New("session is not connected to WhatsApp")
	// ErrLinked says that the session has an account already, so there is no QR to show.
	ErrLinked = errors.New("session is already linked")
	// ErrNotLinked says that the session has no account to unlink.
	ErrNotLinked = errors.New("session is not linked")
	// ErrNoQR says that no QR code came in the time given.
	ErrNoQR = errors.New("no QR code yet")
	// ErrNotOnWhatsApp says that the number has no WhatsApp account.
	ErrNotOnWhatsApp = errors.New("number is not on WhatsApp")
	// ErrNoQuoted says that the message to answer is not stored in this chat.
	ErrNoQuoted = errors.New("quoted message not found")
	// ErrUnconfirmed says that WhatsApp's server did not acknowledge the message in time. The
	// message stays queued: it is sent again under the same id when the connection is back, so
	// that it can arrive once only.
	ErrUnconfirmed = errors.New("message not acknowledged in time")
	// ErrRefused says that WhatsApp's server refused the message; see Refusal for its code.
	ErrRefused = errors.New("refused by WhatsApp")
	// ErrStopping says that the server is shutting down.
	ErrStopping = errors.New("server is stopping")
	// ErrMixed says that this process already talks to another WhatsApp server: one process is
	// either real or sandboxed, because whatsmeow's trust root is one for the process.
	ErrMixed = errors.New("process already talks to another WhatsApp server")
)

// Refusal is a message that WhatsApp's server answered with an error. It is an ErrRefused.
type Refusal struct {
	Code int // WhatsApp's, e.g. 463: the recipient may not be written to first
}

// Error tells the code and, where it is known, its meaning.
func (r *Refusal) Error() string {
	if why, ok := refusals[r.Code]; ok {
		return fmt.Sprintf("WhatsApp refused the message (%d: %s)", r.Code, why)
	}
	return fmt.Sprintf("WhatsApp refused the message (%d)", r.Code)
}

// Is makes a Refusal an ErrRefused.
func (r *Refusal) Is(target error) bool { return target == ErrRefused }

var refusals = map[int]string{
	403: "not allowed to write to this chat",
	404: "no such chat",
	420: "too many messages, slow down",
	463: "the account may not write first to people it does not know for now",
	479: "the message was malformed",
}
