package whatsapp

import (
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Contacts are cards to be sent, at least one. A card with a VCard goes out as that; of another one it is
// written.
type Contacts []store.Card

func (cs Contacts) write(about *waE2E.ContextInfo) *waE2E.Message {
	var all []*waE2E.ContactMessage
	for _, card := range cs {
		text := card.VCard
		if text == "" {
			text = convert.WriteVCard(card)
		}
		all = append(all, &waE2E.ContactMessage{DisplayName: proto.String(convert.NameOfCard(card)), Vcard: proto.String(text)})
	}
	if len(all) == 1 {
		all[0].ContextInfo = about
		return &waE2E.Message{ContactMessage: all[0]}
	}
	return &waE2E.Message{ContactsArrayMessage: &waE2E.ContactsArrayMessage{
		DisplayName: proto.String(fmt.Sprintf("%d contacts", len(all))), Contacts: all, ContextInfo: about,
	}}
}
