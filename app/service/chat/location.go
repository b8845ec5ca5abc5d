package chat

import (
	"context"
	"encoding/json"

	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp"
)

// MaxURL bounds the address of a page, in characters.
const MaxURL = 2048

// Location is a draft of a place.
type Location struct {
	Common
	Latitude  float64 `json:"latitude"` // degrees
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"`
	URL       string  `json:"url,omitempty"`
}

// Kind is that of places.
func (Location) Kind() string { return "send/location" }

// Identity is all of the draft.
func (l Location) Identity() ([]byte, error) { return json.Marshal(l) }

// Check says what is wrong without asking anybody.
func (l Location) Check() service.Invalid {
	wrong := l.check()
	l.checkPlace(wrong, "")
	return wrong
}

// checkPlace notes what is wrong with the place, whose fields begin with this.
func (l Location) checkPlace(wrong service.Invalid, prefix string) {
	if !(l.Latitude >= -90 && l.Latitude <= 90) {
		wrong[prefix+"latitude"] = "must be -90 to 90 degrees"
	}
	if !(l.Longitude >= -180 && l.Longitude <= 180) {
		wrong[prefix+"longitude"] = "must be -180 to 180 degrees"
	}
	wrong.Check(prefix+"name", within(l.Name, 0, MaxLine))
	wrong.Check(prefix+"address", within(l.Address, 0, MaxLine))
	wrong.Check(prefix+"url", within(l.URL, 0, MaxURL))
}

// Send sends the place.
func (l Location) Send(ctx context.Context, on *whatsapp.Session, id string) (Sent, error) {
	return l.send(ctx, on, id, whatsapp.Location{Latitude: l.Latitude, Longitude: l.Longitude, Name: l.Name, Address: l.Address, URL: l.URL})
}
