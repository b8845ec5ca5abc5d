package store

import "context"

// Contact is a person as one session knows them, and the mapping between their two
// WhatsApp identities. Its ID is the canonical chat id: the phone number's JID
// ("34…@s.whatsapp.net") once the phone is known, else the LID ("…@lid").
type Contact struct {
	SessionID    string
	ID           string
	Phone        string // JID "…@s.whatsapp.net", empty while hidden; unique in the session
	LID          string // JID "…@lid", empty while unknown; unique in the session
	Name         string // from the phone's address book
	PushName     string // what they call themselves
	BusinessName string
}

// ContactUpdate changes a contact and makes it when missing. An empty field leaves
// what is known. When Phone or LID already stands at another contact, it moves to this one.
type ContactUpdate struct {
	ID           string
	Phone        string
	LID          string
	Name         string
	PushName     string
	BusinessName string
}

// Contacts reads contacts. They are written through Log.Commit.
type Contacts interface {
	// Find returns the contact whose ID, Phone or LID is jid; ErrNotFound.
	Find(ctx context.Context, session, jid string) (Contact, error)
	// Many finds like Find, for many at once; what is not known is missing in the answer,
	// which is keyed by the JIDs asked for.
	Many(ctx context.Context, session string, jids []string) (map[string]Contact, error)
	// List goes by id, bytes in order.
	List(ctx context.Context, session string, p Page) ([]Contact, string, error)
}
