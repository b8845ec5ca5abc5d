package chat

import (
	"context"
	"encoding/json"
	"time"

	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp"
)

// Limits of an event, in characters.
const (
	MaxEventName   = 100
	MaxDescription = 2048
)

// Event is a draft of a calendar event.
type Event struct {
	Common
	Name        string     `json:"name"`
	StartsAt    time.Time  `json:"startsAt"`
	EndsAt      *time.Time `json:"endsAt,omitempty"`
	Description string     `json:"description,omitempty"`
	Location    *Place     `json:"location,omitempty"`
}

// Place is where an event is.
type Place struct {
	Name      string  `json:"name"`
	Address   string  `json:"address,omitempty"`
	Latitude  float64 `json:"latitude,omitempty"`
	Longitude float64 `json:"longitude,omitempty"`
}

// Kind is that of events.
func (Event) Kind() string { return "send/event" }

// Identity is all of the draft.
func (e Event) Identity() ([]byte, error) { return json.Marshal(e) }

// Check says what is wrong without asking anybody.
func (e Event) Check() service.Invalid {
	wrong := e.check()
	wrong.Check("name", within(e.Name, 1, MaxEventName))
	wrong.Check("name", seen(e.Name))
	wrong.Check("description", within(e.Description, 0, MaxDescription))
	if y := e.StartsAt.Year(); y < 2000 || y > 9999 {
		wrong["startsAt"] = "must be in the years 2000 to 9999"
	}
	if e.EndsAt != nil && (!e.EndsAt.After(e.StartsAt) || e.EndsAt.Year() > 9999) {
		wrong["endsAt"] = "must be later than startsAt"
	}
	if p := e.Location; p != nil {
		Location{Latitude: p.Latitude, Longitude: p.Longitude, Name: p.Name, Address: p.Address}.checkPlace(wrong, "location.")
		wrong.Check("location.name", seen(p.Name))
	}
	return wrong
}

// Send sends the event.
func (e Event) Send(ctx context.Context, on *whatsapp.Session, id string) (Sent, error) {
	out := whatsapp.Event{Name: e.Name, Description: e.Description, StartsAt: e.StartsAt}
	if e.EndsAt != nil {
		out.EndsAt = *e.EndsAt
	}
	if p := e.Location; p != nil {
		out.Location = &whatsapp.Location{Latitude: p.Latitude, Longitude: p.Longitude, Name: p.Name, Address: p.Address}
	}
	return e.send(ctx, on, id, out)
}
