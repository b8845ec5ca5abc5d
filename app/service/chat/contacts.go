package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// Limits of a draft of cards.
const (
	MaxCards      = 50
	MaxVCard      = 65536
	MaxCardPhones = 20
)

// Contacts is a draft of cards.
type Contacts struct {
	Common
	Contacts []Card `json:"contacts"`
}

// Card is one card: a vCard as it is, or what one is made of.
type Card struct {
	Name         string   `json:"name,omitempty"`
	Phones       []string `json:"phones,omitempty"`
	Organization string   `json:"organization,omitempty"`
	Emails       []string `json:"emails,omitempty"`
	VCard        string   `json:"vcard,omitempty"`
}

// Kind is that of cards.
func (Contacts) Kind() string { return "send/contact" }

// Identity is all of the draft.
func (c Contacts) Identity() ([]byte, error) { return json.Marshal(c) }

// Check says what is wrong without asking anybody.
func (c Contacts) Check() service.Invalid {
	wrong := c.check()
	if n := len(c.Contacts); n < 1 || n > MaxCards {
		wrong["contacts"] = fmt.Sprintf("must be 1 to %d", MaxCards)
		return wrong
	}
	for i, card := range c.Contacts {
		card.check(wrong, fmt.Sprintf("contacts[%d]", i))
	}
	return wrong
}

func (c Card) check(wrong service.Invalid, field string) {
	if c.VCard != "" {
		switch head := strings.ToUpper(strings.TrimSpace(c.VCard)); {
		case c.Name+c.Organization != "" || len(c.Phones)+len(c.Emails) > 0:
			wrong[field+".vcard"] = "stands alone"
		case len(c.VCard) > MaxVCard:
			wrong[field+".vcard"] = fmt.Sprintf("must have at most %d bytes", MaxVCard)
		case !strings.HasPrefix(head, "BEGIN:VCARD") || !strings.HasSuffix(head, "END:VCARD"):
			wrong[field+".vcard"] = "must begin with BEGIN:VCARD and end with END:VCARD"
		case convert.NameOfCard(store.Card{VCard: c.VCard}) == "":
			wrong[field+".vcard"] = "needs a name: FN or N"
		}
		return
	}
	wrong.Check(field+".name", within(c.Name, 1, MaxLine))
	wrong.Check(field+".name", seen(c.Name))
	wrong.Check(field+".organization", within(c.Organization, 0, MaxLine))
	for name, list := range map[string][]string{"phones": c.Phones, "emails": c.Emails} {
		if len(list) > MaxCardPhones {
			wrong[field+"."+name] = fmt.Sprintf("must be at most %d", MaxCardPhones)
		}
		for i, one := range list {
			wrong.Check(fmt.Sprintf("%s.%s[%d]", field, name, i), within(one, 1, MaxLine))
		}
	}
	if len(c.Phones) == 0 {
		wrong[field+".phones"] = "must be at least one"
	}
}

// Send sends the cards.
func (c Contacts) Send(ctx context.Context, on *whatsapp.Session, id string) (Sent, error) {
	var cards whatsapp.Contacts
	for _, card := range c.Contacts {
		out := store.Card{Name: card.Name, Organization: card.Organization, Emails: card.Emails, VCard: card.VCard}
		for _, number := range card.Phones {
			out.Phones = append(out.Phones, store.CardPhone{Number: number})
		}
		cards = append(cards, out)
	}
	return c.send(ctx, on, id, cards)
}
