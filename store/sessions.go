package store

import (
	"context"
	"time"
)

// What the owner wants of a session.
const (
	DesiredListening = "listening" // connected, whenever this server runs
	DesiredStopped   = "stopped"
)

// Session is one WhatsApp account, linked or to be linked.
type Session struct {
	ID        string // unique in the store
	Name      string
	OwnerID   string // User.ID
	Desired   string
	State     string // last known, see package whatsapp; a running session knows better
	Reason    string
	Since     time.Time
	Phone     string // "+34…" of the linked account, empty while unlinked
	LID       string // "…@lid" of the linked account
	PushName  string
	Settings  map[string]string // free settings by name; nil and empty are the same
	CreatedAt time.Time
	UpdatedAt time.Time

	LastSeq int64 // newest event; read only, kept by Log
}

// SessionUpdate is the part of a session that its happenings change. Nil leaves as is.
type SessionUpdate struct {
	State    *string    `bson:"state"`
	Reason   *string    `bson:"reason"`
	Since    *time.Time `bson:"since"`
	Phone    *string    `bson:"phone"`
	LID      *string    `bson:"lid"`
	PushName *string    `bson:"pushname"`
}

// Sessions keeps sessions. Every method is atomic and safe for concurrent use.
type Sessions interface {
	Create(ctx context.Context, s Session) error // ErrExists
	Get(ctx context.Context, id string) (Session, error)
	// List goes by id. An empty owner lists all owners' sessions.
	List(ctx context.Context, owner string, p Page) ([]Session, string, error)
	// Count says how many sessions an owner has.
	Count(ctx context.Context, owner string) (int, error)
	// States is the last known state of every session, by its id.
	States(ctx context.Context) (map[string]string, error)
	// Update: as Users.Update. LastSeq is not written.
	Update(ctx context.Context, id string, change func(*Session) error) (Session, error)
	// Delete removes the session and everything kept for it: chats, contacts, messages,
	// events, keys, webhooks of its own. ErrNotFound. After a crash in the middle, Delete again finishes it.
	Delete(ctx context.Context, id string) error
}
