package whatsapp

import (
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// Event is an invitation to be sent.
type Event struct {
	Name        string
	Description string    // may be empty
	StartsAt    time.Time // to the second
	EndsAt      time.Time // zero: not said
	Location    *Location // nil: not said
}

// write makes the invitation. Its secret stays with the message: answers are opened with it.
func (e Event) write(about *waE2E.ContextInfo) *waE2E.Message {
	m := &waE2E.EventMessage{
		Name: proto.String(e.Name), Description: textOrNil(e.Description), StartTime: proto.Int64(e.StartsAt.Unix()), IsCanceled: proto.Bool(false), ContextInfo: about,
	}
	if !e.EndsAt.IsZero() {
		m.EndTime = proto.Int64(e.EndsAt.Unix())
	}
	if e.Location != nil {
		m.Location = e.Location.place()
	}
	return &waE2E.Message{EventMessage: m, MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: newSecret()}}
}
