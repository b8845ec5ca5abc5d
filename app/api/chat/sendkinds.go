package chat

import (
	"time"

	"whatsapp-api/app/service"
	"whatsapp-api/app/service/chat"
)

type sendLocationIn struct {
	SendPath
	Body struct {
		Common
		Latitude  float64 `json:"latitude" minimum:"-90" maximum:"90" doc:"Degrees"`
		Longitude float64 `json:"longitude" minimum:"-180" maximum:"180" doc:"Degrees"`
		Name      *string `json:"name,omitempty" maxLength:"1024" doc:"What the place is called"`
		Address   *string `json:"address,omitempty" maxLength:"1024"`
		URL       *string `json:"url,omitempty" maxLength:"2048" doc:"A page about the place"`
	}
}

func (in *sendLocationIn) draft() chat.Location {
	b := in.Body
	return chat.Location{
		Common: b.common(), Latitude: b.Latitude, Longitude: b.Longitude, Name: text(b.Name), Address: text(b.Address), URL: text(b.URL),
	}
}

type sendContactIn struct {
	SendPath
	Body struct {
		Common
		Contacts []SentCard `json:"contacts" minItems:"1" maxItems:"50" nullable:"false"`
	}
}

// SentCard is a contact to be sent.
type SentCard struct {
	Name         *string  `json:"name,omitempty" maxLength:"1024"`
	Phones       []string `json:"phones,omitempty" maxItems:"20" doc:"In international form, so that who gets it can write to them at once"`
	Organization *string  `json:"organization,omitempty" maxLength:"1024"`
	Emails       []string `json:"emails,omitempty" maxItems:"20"`
	VCard        *string  `json:"vcard,omitempty" maxLength:"65536" doc:"In place of all the others: a vCard that is sent as it is"`
}

func (in *sendContactIn) draft() chat.Contacts {
	out := chat.Contacts{Common: in.Body.common()}
	for _, c := range in.Body.Contacts {
		out.Contacts = append(out.Contacts, chat.Card{Name: text(c.Name), Phones: c.Phones, Organization: text(c.Organization), Emails: c.Emails, VCard: text(c.VCard)})
	}
	return out
}

type sendPollIn struct {
	SendPath
	Body struct {
		Common
		Question      string     `json:"question" minLength:"1" maxLength:"255" pattern:"\\S"`
		Options       []string   `json:"options" minItems:"2" maxItems:"12" uniqueItems:"true" nullable:"false" doc:"All different, each of at most 100 characters"`
		MaxSelections *int       `json:"maxSelections,omitempty" minimum:"0" maximum:"12" doc:"How many one may choose; 0: any. Left out: one"`
		ClosesAt      *time.Time `json:"closesAt,omitempty" doc:"No votes after that"`
	}
}

func (in *sendPollIn) draft() chat.Poll {
	b := in.Body
	out := chat.Poll{Common: b.common(), Question: b.Question, Options: b.Options, MaxSelections: 1, ClosesAt: b.ClosesAt}
	service.Set(&out.MaxSelections, b.MaxSelections)
	return out
}

type sendEventIn struct {
	SendPath
	Body struct {
		Common
		Name        string      `json:"name" minLength:"1" maxLength:"100" pattern:"\\S"`
		StartsAt    time.Time   `json:"startsAt" doc:"To the second"`
		EndsAt      *time.Time  `json:"endsAt,omitempty"`
		Description *string     `json:"description,omitempty" maxLength:"2048"`
		Location    *EventPlace `json:"location,omitempty"`
	}
}

// EventPlace is where an event is to be.
type EventPlace struct {
	Name      string   `json:"name" minLength:"1" maxLength:"1024" pattern:"\\S"`
	Address   *string  `json:"address,omitempty" maxLength:"1024"`
	Latitude  *float64 `json:"latitude,omitempty" minimum:"-90" maximum:"90" doc:"Degrees"`
	Longitude *float64 `json:"longitude,omitempty" minimum:"-180" maximum:"180" doc:"Degrees"`
}

func (in *sendEventIn) draft() chat.Event {
	b := in.Body
	out := chat.Event{Common: b.common(), Name: b.Name, StartsAt: b.StartsAt, EndsAt: b.EndsAt, Description: text(b.Description)}
	if p := b.Location; p != nil {
		out.Location = &chat.Place{Name: p.Name, Address: text(p.Address)}
		service.Set(&out.Location.Latitude, p.Latitude)
		service.Set(&out.Location.Longitude, p.Longitude)
	}
	return out
}

type sendReactionIn struct {
	SendPath
	Body struct {
		To        string `json:"to" minLength:"1" maxLength:"128" doc:"The chat: phone number in any usual spelling, JID or LID"`
		MessageID string `json:"messageId" minLength:"1" maxLength:"256" doc:"Of the message"`
		Emoji     string `json:"emoji" maxLength:"32" doc:"One emoji; empty: the reaction is taken back"`
	}
}

func (in *sendReactionIn) draft() chat.Reaction {
	return chat.Reaction{To: in.Body.To, MessageID: in.Body.MessageID, Emoji: in.Body.Emoji}
}
