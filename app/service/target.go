package service

import (
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// Target is a session that somebody may act on, and who acts. link.Sessions.Open makes it.
type Target struct {
	Caller  Caller
	Record  store.Session
	Session *whatsapp.Session
}
