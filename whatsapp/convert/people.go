package convert

import (
	"strings"

	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
)

// People finds contacts by canonical id, phone JID or LID. What is missing is unknown.
type People map[string]store.Contact

// DisplayName is the name by which the account knows a contact.
func DisplayName(c store.Contact) string {
	switch {
	case c.Name != "":
		return c.Name
	case c.BusinessName != "":
		return c.BusinessName
	}
	return c.PushName
}

// AddressOf is the address of id as far as people know it.
func AddressOf(id string, people People) Address {
	if c, ok := people[id]; ok {
		return Address{ID: c.ID, Phone: TextOrNil(PhoneOf(c.Phone)), LID: TextOrNil(c.LID), Name: TextOrNil(DisplayName(c))}
	}
	a := Address{ID: id, Phone: TextOrNil(PhoneOf(id))}
	if strings.HasSuffix(id, "@"+types.HiddenUserServer) {
		a.LID = &id
	}
	return a
}

// IDs lists every canonical id that a message names, for a look-up of people.
func IDs(messages ...store.Message) []string {
	seen := map[string]bool{}
	var ids []string
	add := func(id string) {
		if id != "" && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	for _, m := range messages {
		add(m.Sender)
		if m.Quoted != nil {
			add(m.Quoted.Sender)
		}
		for _, id := range m.Mentions {
			add(id)
		}
	}
	return ids
}
