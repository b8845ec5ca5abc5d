package store

import (
	"cmp"
	"context"
	"time"
)

// Kinds of chat.
const (
	ChatPerson    = "person"
	ChatGroup     = "group"
	ChatChannel   = "channel"
	ChatStatus    = "status"
	ChatBroadcast = "broadcast"
)

// Chat is a conversation of one session.
type Chat struct {
	SessionID      string
	ID             string // key: Contact.ID for a person, else the JID
	Kind           string
	Name           string // group subject, contact name; empty when unknown
	Unread         int
	Archived       bool
	Pinned         bool
	MutedUntil     time.Time // zero: not muted
	Ephemeral      int       // seconds after which its messages disappear; 0: never
	EphemeralAt    time.Time // when that was set; zero: not known
	ReadUpTo       time.Time // WhatsApp's time of the newest message known to be read; zero: none
	LastActivityAt time.Time
	LastMessage    *Message // newest by (Timestamp, Pos), without Raw; nil when the chat has none

	Also []string // keys of chats that turned out to be this one; their messages are listed with it
}

// Keys are all keys under which messages of the chat may be kept, ID first.
func (c Chat) Keys() []string { return append([]string{c.ID}, c.Also...) }

// ChatUpdate changes a chat and makes it when missing. Nil and zero leave as is.
type ChatUpdate struct {
	ID          string     `bson:"id"`
	Kind        string     `bson:"kind"` // needed: the chat may be new
	Name        string     `bson:"name"` // empty leaves as is
	ActivityAt  time.Time  `bson:"activityat"`
	AddUnread   int        `bson:"addunread"`
	ClearRead   bool       `bson:"clearread"` // Unread becomes 0 (before AddUnread)
	Archived    *bool      `bson:"archived"`
	Pinned      *bool      `bson:"pinned"`
	MutedUntil  *time.Time `bson:"muteduntil"` // the zero time unmutes
	Ephemeral   *int       `bson:"ephemeral,omitempty"`
	EphemeralAt *time.Time `bson:"ephemeralat,omitempty"`
	ReadUpTo    time.Time  `bson:"readupto,omitempty"` // becomes the later of both
	Phone       *string    `bson:"phone,omitempty"`    // JID of the person's number, by which the chat is found; empty: none
	Into        string     `bson:"into,omitempty"`     // the chat stands in no list any more: it is shown as that one
	Also        []string   `bson:"also,omitempty"`     // the whole list
	Gone        bool       `bson:"gone,omitempty"`     // the chat is deleted, its messages not; nothing else counts
}

// Then makes one update of two of the same chat, u first. It is false when they do not make one.
func (u ChatUpdate) Then(next ChatUpdate) (ChatUpdate, bool) {
	if u.ID != next.ID || u.AddUnread < 0 || next.AddUnread < 0 || u.Gone || next.Gone {
		return u, false
	}
	u.Kind, u.Name = cmp.Or(next.Kind, u.Kind), cmp.Or(next.Name, u.Name)
	if next.ActivityAt.After(u.ActivityAt) {
		u.ActivityAt = next.ActivityAt
	}
	if next.ClearRead {
		u.ClearRead, u.AddUnread = true, 0
	}
	u.AddUnread += next.AddUnread
	u.Archived, u.Pinned = cmp.Or(next.Archived, u.Archived), cmp.Or(next.Pinned, u.Pinned)
	u.MutedUntil = cmp.Or(next.MutedUntil, u.MutedUntil)
	u.Ephemeral, u.EphemeralAt = cmp.Or(next.Ephemeral, u.Ephemeral), cmp.Or(next.EphemeralAt, u.EphemeralAt)
	if next.ReadUpTo.After(u.ReadUpTo) {
		u.ReadUpTo = next.ReadUpTo
	}
	u.Phone, u.Into = cmp.Or(next.Phone, u.Phone), cmp.Or(next.Into, u.Into)
	if next.Also != nil {
		u.Also = next.Also
	}
	return u, true
}

// ChatQuery selects chats of one session.
type ChatQuery struct {
	Session  string
	Search   string // every word begins a word of the name, or the digits begin the number
	Archived *bool
	Unread   *bool
	Page     Page
}

// Chats reads chats. They are written through Log.Commit.
type Chats interface {
	Get(ctx context.Context, session, id string) (Chat, error)
	// List goes by LastActivityAt, newest first, then by id. Chats that are shown as another are left out.
	List(ctx context.Context, q ChatQuery) ([]Chat, string, error)
}
