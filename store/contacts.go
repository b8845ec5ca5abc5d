package store

import "context"

// Contact is a person as one session knows them. Its ID is the key under which all that
// concerns the person is kept: it is fixed at first sight, never changes and is never shown.
// Phone and LID are the person's addresses; they can be learned, change, or go to somebody
// else, and nothing that is stored changes with them.
type Contact struct {
	SessionID    string
	ID           string
	Phone        string // JID "…@s.whatsapp.net", empty while hidden; unique in the session
	LID          string // JID "…@lid", empty while unknown; unique in the session
	Name         string // from the phone's address book
	PushName     string // what they call themselves
	BusinessName string

	// SameAs is the ID of the record that stands for this person, when two records turned out
	// to be one person; empty for a record that stands for itself. Get and Find give the latter.
	SameAs string
	// Also are the IDs of the records that turned out to be this person.
	Also []string
}

// Address is how the person is shown: the phone's JID once the number is known, else the LID's.
func (c Contact) Address() string {
	switch {
	case c.Phone != "":
		return c.Phone
	case c.LID != "":
		return c.LID
	}
	return c.ID
}

// Keys are all IDs under which something of the person may be kept, ID first.
func (c Contact) Keys() []string { return append([]string{c.ID}, c.Also...) }

// ContactUpdate changes a contact and makes it when missing. An empty field leaves what is
// known. A Phone or LID becomes this person's address, whoever had it. An address that a person
// had before goes on finding them until it becomes somebody else's.
type ContactUpdate struct {
	ID           string   `bson:"id"`
	Phone        string   `bson:"phone"`
	LID          string   `bson:"lid"`
	Name         string   `bson:"name"`
	PushName     string   `bson:"pushname"`
	BusinessName string   `bson:"businessname"`
	SameAs       string   `bson:"sameas,omitempty"`
	Also         []string `bson:"also,omitempty"` // the whole list
}

// Contacts reads contacts. They are written through Log.Commit.
type Contacts interface {
	// Get returns the persons with these IDs, by the IDs asked for: of one that turned out to be
	// somebody else's, that person. What is not there is missing in the answer.
	Get(ctx context.Context, session string, ids []string) (map[string]Contact, error)
	// Find returns the persons whose phone or LID the JIDs are, or were until they became
	// somebody else's, by the JIDs asked for. What nobody has is missing in the answer.
	Find(ctx context.Context, session string, jids []string) (map[string]Contact, error)
	// List goes by ID, bytes in order. Records that turned out to be another person's are left out.
	List(ctx context.Context, session string, p Page) ([]Contact, string, error)
}
