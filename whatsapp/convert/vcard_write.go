package convert

import (
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
)

// WriteVCard writes a card as WhatsApp's own clients do, in version 3.0 (RFC 2426). A number in international form
// is named as a WhatsApp account too, which clients look up before they offer to write to it.
func WriteVCard(card store.Card) string {
	lines := []string{"BEGIN:VCARD", "VERSION:3.0", "N:;" + escape(card.Name) + ";;;", "FN:" + escape(card.Name)}
	if card.Organization != "" {
		lines = append(lines, "ORG:"+escape(card.Organization)+";")
	}
	for i, p := range card.Phones {
		account := ""
		if jid, err := ParseAddress(p.Number); err == nil && jid.Server == types.DefaultUserServer {
			account = ";waid=" + jid.User
		}
		label := p.Label
		if label == "" {
			label = "Mobile"
		}
		lines = append(lines, fmt.Sprintf("item%d.TEL%s:%s", i+1, account, escape(p.Number)), fmt.Sprintf("item%d.X-ABLabel:%s", i+1, escape(label)))
	}
	for _, e := range card.Emails {
		lines = append(lines, "EMAIL;type=INTERNET:"+escape(e))
	}
	return strings.Join(append(lines, "END:VCARD"), "\n")
}

var escaper = strings.NewReplacer(`\`, `\\`, ",", `\,`, ";", `\;`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`)

func escape(value string) string { return escaper.Replace(value) }

// NameOfCard is how a card is called, as far as it or its vCard says.
func NameOfCard(card store.Card) string {
	return firstOf(card.Name, readVCard(card.VCard).Name)
}
