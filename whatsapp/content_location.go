package whatsapp

import (
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// Location is a place to be sent.
type Location struct {
	Latitude, Longitude float64 // degrees, WGS 84
	Name, Address, URL  string  // may be empty
}

func (l Location) write(about *waE2E.ContextInfo) *waE2E.Message {
	m := l.place()
	m.ContextInfo = about
	return &waE2E.Message{LocationMessage: m}
}

// place is the location as a message, or a part of one, has it.
func (l Location) place() *waE2E.LocationMessage {
	return &waE2E.LocationMessage{
		DegreesLatitude: proto.Float64(l.Latitude), DegreesLongitude: proto.Float64(l.Longitude),
		Name: textOrNil(l.Name), Address: textOrNil(l.Address), URL: textOrNil(l.URL),
	}
}

// textOrNil leaves an empty field out of a message, as the app does.
func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
