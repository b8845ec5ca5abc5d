package store

import (
	"context"
	"time"
)

// Status of a message, in the order in which it rises. StatusFailed stands apart: a
// receipt that comes later proves it wrong and replaces it.
const (
	StatusReceived  = "received" // of an incoming message
	StatusQueued    = "queued"   // kept, not yet acknowledged by WhatsApp
	StatusSent      = "sent"     // WhatsApp's server has it
	StatusDelivered = "delivered"
	StatusRead      = "read"
	StatusPlayed    = "played"
	StatusFailed    = "failed"
)

var statusRank = map[string]int{
	StatusFailed: 0, StatusReceived: 1, StatusQueued: 1, StatusSent: 2,
	StatusDelivered: 3, StatusRead: 4, StatusPlayed: 5,
}

// StatusRises says whether next is further than now. Nothing falls to StatusFailed but
// what was queued.
func StatusRises(now, next string) bool {
	if next == StatusFailed {
		return now == StatusQueued
	}
	return statusRank[next] > statusRank[now]
}

// MessageKey identifies a message. The sender belongs to it: ids are chosen by senders,
// so without it anyone in a group could hide another's message by using its id.
type MessageKey struct {
	Chat   string // canonical chat id
	Sender string // canonical id of the sender, without device
	ID     string // WhatsApp's message id
}

// Quoted is the message that a message answers, as it was quoted.
type Quoted struct {
	ID     string
	Sender string // canonical id
	Type   string
	Text   string
}

// Failure says why a message was not sent.
type Failure struct {
	Code      string
	Detail    string
	Retryable bool
}

// Message is one message of a chat.
type Message struct {
	SessionID string
	MessageKey
	FromMe    bool
	Type      string // "text", "image" …; "unknown" keeps Raw for later
	Text      string // text or caption
	Quoted    *Quoted
	Mentions  []string // canonical ids
	Media     *Media
	Content   *Content // nil: nothing beyond the text
	Live      *Live    // nil: nobody has acted on it
	Status    string
	Failure   *Failure
	Timestamp time.Time // WhatsApp's
	StoredAt  time.Time
	EditedAt  time.Time // zero: never
	RevokedAt time.Time // zero: never
	Raw       []byte    // the waE2E.Message as it came or went; nil when there is none

	Pos int64 // rises with every message stored in the session; given by Log.Commit
}

// MessageUpdate changes a stored message; a message that is not there is left alone.
// Nil leaves as is.
type MessageUpdate struct {
	Key       MessageKey
	Status    *string // only when StatusRises
	Failure   *Failure
	Timestamp *time.Time // WhatsApp's time of a sent message
	Text      *string
	Raw       []byte
	EditedAt  *time.Time
	RevokedAt *time.Time // Text and Raw of a revoked message are emptied
}

// Receipt is one person's word that a message reached them. (message, By, Status) is its key.
type Receipt struct {
	Key    MessageKey
	By     string // canonical id
	Status string // StatusDelivered, StatusRead or StatusPlayed
	At     time.Time
}

// MessageQuery selects messages of one chat.
type MessageQuery struct {
	Session string
	Chat    string
	Before  time.Time // only with Timestamp before; zero: no limit
	After   time.Time // only with Timestamp after; zero: no limit
	FromMe  *bool
	Type    string // empty: all
	Search  string // every word begins a word of Text; see Words
	Page    Page
}

// Messages reads messages and deletes old ones. They are written through Log.Commit.
type Messages interface {
	Get(ctx context.Context, session string, key MessageKey) (Message, error)
	// Find returns the newest message of the chat with this id, whoever sent it; ErrNotFound.
	Find(ctx context.Context, session, chat, id string) (Message, error)
	// List goes by (Timestamp, Pos), newest first.
	List(ctx context.Context, q MessageQuery) ([]Message, string, error)
	// Queued lists the messages with StatusQueued of a session, oldest first.
	Queued(ctx context.Context, session string, limit int) ([]Message, error)
	// Known says which of these keys are stored; for a few keys.
	Known(ctx context.Context, session string, keys []MessageKey) (map[MessageKey]bool, error)
	// Receipts lists the receipts of a message by (At, By).
	Receipts(ctx context.Context, session string, key MessageKey) ([]Receipt, error)
	// Count says how many messages of the session have a Timestamp before t.
	Count(ctx context.Context, session string, before time.Time) (int, error)
	// DeleteBefore deletes them with their receipts, oldest first and at most limit, and says how many.
	DeleteBefore(ctx context.Context, session string, before time.Time, limit int) (int, error)
}
