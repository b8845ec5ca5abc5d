package convert

import (
	"strings"

	"go.mau.fi/whatsmeow/types"

	"whatsapp-api/store"
)

// People finds persons by their keys. What is missing is unknown.
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

// AddressOf is how the person or chat with this key is shown, as far as people know.
func AddressOf(key string, people People) Address {
	c, ok := people[key]
	if !ok {
		c = store.Contact{ID: key}
		if strings.HasSuffix(key, "@"+types.HiddenUserServer) {
			c.LID = key
		} else if PhoneOf(key) != "" {
			c.Phone = key
		}
	}
	return Address{ID: c.Address(), Phone: TextOrNil(PhoneOf(c.Phone)), LID: TextOrNil(c.LID), Name: TextOrNil(DisplayName(c))}
}

// IDs lists every key that a message names, for a look-up of people.
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
		add(m.Chat)
		add(m.Sender)
		if m.Quoted != nil {
			add(m.Quoted.Sender)
		}
		for _, id := range m.Mentions {
			add(id)
		}
		m.Content.People(func(id *string) { add(*id) })
		m.Live.People(func(id *string) { add(*id) })
	}
	return ids
}
