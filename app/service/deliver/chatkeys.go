package deliver

import (
	"context"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// chatKeys says under which key a chat is kept that events show as this or that. A person is shown by
// another id once their number is learned; the key stays.
type chatKeys struct {
	contacts store.Contacts
	known    *lru.Cache[chatName, []string]
}

type chatName struct{ session, shown string }

func newChatKeys(contacts store.Contacts) *chatKeys {
	known, err := lru.New[chatName, []string](10_000)
	if err != nil { // only for a size below one
		panic(err)
	}
	return &chatKeys{contacts: contacts, known: known}
}

// of gives the keys of the chat that an event is about, the one of now first.
func (k *chatKeys) of(ctx context.Context, e store.Event, s subject) ([]string, error) {
	if s.chat == "" || isGroup(s.chat) {
		return []string{s.chat}, nil
	}
	name := chatName{e.SessionID, s.chat}
	if e.Name == whatsapp.EventIdentityMapped { // from here on the id is that person's
		k.known.Remove(name)
	}
	if keys, ok := k.known.Get(name); ok {
		return keys, nil
	}
	found, err := k.contacts.Find(ctx, e.SessionID, []string{s.chat})
	if err != nil {
		return nil, fmt.Errorf("key of a chat: %w", err)
	}
	keys := []string{s.chat}
	if c, ok := found[s.chat]; ok {
		keys = c.Keys()
	}
	k.known.Add(name, keys)
	return keys, nil
}
