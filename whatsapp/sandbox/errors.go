package sandbox

import "errors"

// Errors of the package. The control routes give each of them a status.
var (
	ErrClosed       = errors.New("the sandbox is closed")
	ErrNotLoopback  = errors.New("the sandbox is reached on loopback addresses only")
	ErrPhoneInvalid = errors.New("a phone number is 7 to 15 digits, with or without + before them, not beginning with 0")
	ErrPhoneTaken   = errors.New("there is a phone with this number already")
	ErrNoPhone      = errors.New("there is no phone with this number")
	ErrPhoneOff     = errors.New("the phone is off")
	ErrNoDevice     = errors.New("the phone has no linked device with this number")
	ErrNoMessage    = errors.New("the phone knows no message with this id")
	ErrNoGroup      = errors.New("there is no group with this address")
	ErrNotAllowed   = errors.New("only members of a group act in it, and only its admins change who is in it")
	// ErrData is about what DataDir holds: of a newer version, or damaged.
	ErrData         = errors.New("the sandbox's data cannot be read by this program")
	ErrTooManyLinks = errors.New("the phone has linked as many devices as it can")

	ErrQRInvalid   = errors.New("the text is not a WhatsApp QR code")
	ErrQRStale     = errors.New("the QR code is not valid any more")
	ErrQRUsed      = errors.New("the QR code has been scanned already")
	ErrPairRefused = errors.New("the client did not accept the link")

	// ErrInvalid is wrapped by errors that say what is wrong with a request.
	ErrInvalid = errors.New("invalid")
)
