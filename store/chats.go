package store

import (
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
	ID             string // canonical chat id: as Contact.ID for a person, else the JID
	Kind           string
	Name           string // group subject, contact name; empty when unknown
	Unread         int
	Archived       bool
	Pinned         bool
	MutedUntil     time.Time // zero: not muted
	LastActivityAt time.Time
	LastMessage    *Message // newest by (Timestamp, Pos); nil when the chat has none
}

// ChatUpdate changes a chat and makes it when missing. Nil and zero leave as is.
type ChatUpdate struct {
	ID         string
	Kind       string    // needed: the chat may be new
	Name       string    // empty leaves as is
	ActivityAt time.Time // LastActivityAt becomes the later of both
	AddUnread  int
	ClearRead  bool // Unread becomes 0 (before AddUnread)
	Archived   *bool
	Pinned     *bool
	MutedUntil *time.Time // the zero time unmutes
}

// Then makes one update of two of the same chat, u first. It is false when they do not make one.
func (u ChatUpdate) Then(next ChatUpdate) (ChatUpdate, bool) {
	if u.ID != next.ID || u.AddUnread < 0 || next.AddUnread < 0 {
		return u, false
	}
	if next.Kind != "" {
		u.Kind = next.Kind
	}
	if next.Name != "" {
		u.Name = next.Name
	}
	if next.ActivityAt.After(u.ActivityAt) {
		u.ActivityAt = next.ActivityAt
	}
	if next.ClearRead {
		u.ClearRead, u.AddUnread = true, 0
	}
	u.AddUnread += next.AddUnread
	if next.Archived != nil {
		u.Archived = next.Archived
	}
	if next.Pinned != nil {
		u.Pinned = next.Pinned
	}
	if next.MutedUntil != nil {
		u.MutedUntil = next.MutedUntil
	}
	return u, true
}

// ChatMerge moves everything of chat From to chat To: messages (their Chat and, where it
// is From, their Sender and Quoted.Sender), receipts (also By), unread count and activity.
// From's chat and contact are gone after it; a field that To lacks is taken from From. A
// message that To already has under the same key stays once.
// It is applied before the unit's other changes.
type ChatMerge struct {
	From string
	To   string
	Kind string // of To
}

// ChatQuery selects chats of one session.
type ChatQuery struct {
	Session  string
	Search   string // every word begins a word of the name, or the digits begin the id
	Archived *bool
	Unread   *bool
	Page     Page
}

// Chats reads chats. They are written through Log.Commit.
type Chats interface {
	Get(ctx context.Context, session, id string) (Chat, error)
	// List goes by LastActivityAt, newest first, then by id.
	List(ctx context.Context, q ChatQuery) ([]Chat, string, error)
}
