package service

import "whatsapp-api/whatsapp"

// Target is a session that somebody may act on, and who acts. link.Sessions.Open makes it.
type Target struct {
	Caller  Caller
	Session *whatsapp.Session
}
