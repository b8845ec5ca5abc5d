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

// TypeSystem is the type of a line in a chat that nobody wrote. It is never unread.
const TypeSystem = "system"

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
	Chat   string `bson:"chat"`   // key of the chat
	Sender string `bson:"sender"` // key of the sender
	ID     string `bson:"id"`     // WhatsApp's message id
}

// Quoted is the message that a message answers, as it was quoted.
type Quoted struct {
	ID     string `json:"id" bson:"id"`
	Sender string `json:"sender" bson:"sender"` // key of the person
	Type   string `json:"type" bson:"type"`
	Text   string `json:"text" bson:"text"`
}

// Failure says why a message was not sent.
type Failure struct {
	Code      string `json:"code" bson:"code"`
	Detail    string `json:"detail" bson:"detail"`
	Retryable bool   `json:"retryable" bson:"retryable"`
}

// Message is one message of a chat. The texts in the records that it points to are valid UTF-8.
type Message struct {
	SessionID  string `bson:"sessionid"`
	MessageKey `bson:"messagekey"`
	FromMe     bool      `bson:"fromme"`
	Type       string    `bson:"type"` // "text", "image" …; "unknown" keeps Raw for later
	Text       string    `bson:"text"` // text or caption
	Quoted     *Quoted   `bson:"quoted"`
	Mentions   []string  `bson:"mentions"` // keys of persons
	Media      *Media    `bson:"media"`
	Content    *Content  `bson:"content,omitempty"` // what it says beyond its text; nil: nothing
	Live       *Live     `bson:"live,omitempty"`    // what others made of it since; nil: nothing
	Envelope   *Envelope `bson:"envelope,omitempty"`
	Status     string    `bson:"status"`
	Failure    *Failure  `bson:"failure"`
	Timestamp  time.Time `bson:"timestamp"` // WhatsApp's
	StoredAt   time.Time `bson:"storedat"`
	EditedAt   time.Time `bson:"editedat"`  // zero: never
	RevokedAt  time.Time `bson:"revokedat"` // zero: never
	Raw        []byte    `bson:"raw"`       // the waE2E.Message as it came or went; nil when there is none. Get and Find give it, lists do not

	// New says that the id was made at random just now, so that Log.Commit need not look whether the
	// message, or a receipt of it, is there already. It is not kept.
	New bool `bson:"-"`

	Pos int64 `bson:"pos"` // rises with every message stored in the session; given by Log.Commit
}

// Body is what a message says, which another version of it can replace: an edit, the content
// of a message that could not be read before.
type Body struct {
	Type     string   `bson:"type"`
	Text     string   `bson:"text"`
	Quoted   *Quoted  `bson:"quoted"`
	Mentions []string `bson:"mentions"`
	Media    *Media   `bson:"media"`
	Content  *Content `bson:"content"`
	Raw      []byte   `bson:"raw"`
}

// Body is what the message says.
func (m *Message) Body() Body {
	return Body{Type: m.Type, Text: m.Text, Quoted: m.Quoted, Mentions: m.Mentions, Media: m.Media, Content: m.Content, Raw: m.Raw}
}

// SetBody makes the message say this.
func (m *Message) SetBody(b Body) {
	m.Type, m.Text, m.Quoted, m.Mentions, m.Media, m.Content, m.Raw = b.Type, b.Text, b.Quoted, b.Mentions, b.Media, b.Content, b.Raw
}

// Emptied is the body of a message that was taken back: its content is gone, its kind stays.
func (b Body) Emptied() Body { return Body{Type: b.Type} }

// MessageUpdate changes a stored message; a message that is not there is left alone.
// Nil leaves as is.
type MessageUpdate struct {
	Key       MessageKey `bson:"key"`
	Status    *string    `bson:"status"` // only when StatusRises
	Failure   *Failure   `bson:"failure"`
	Timestamp *time.Time `bson:"timestamp"` // WhatsApp's time of a sent message
	Body      *Body      `bson:"body,omitempty"`
	Live      *Live      `bson:"live,omitempty"` // the whole
	EditedAt  *time.Time `bson:"editedat"`
	RevokedAt *time.Time `bson:"revokedat"` // the body of a revoked message is Emptied, and no other takes its place
}

// Receipt is one person's word that a message reached them. (message, By, Status) is its key.
type Receipt struct {
	Key    MessageKey `bson:"key"`
	By     string     `bson:"by"`     // key of the person
	Status string     `bson:"status"` // StatusDelivered, StatusRead or StatusPlayed
	At     time.Time  `bson:"at"`
}

// MessageQuery selects messages of one chat.
type MessageQuery struct {
	Session string
	Chats   []string  // keys of the chat, see Chat.Keys
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
	// Find returns the newest message with this id in a chat with these keys, whoever sent it; ErrNotFound.
	Find(ctx context.Context, session string, chats []string, id string) (Message, error)
	// List goes by (Timestamp, Pos), newest first.
	List(ctx context.Context, q MessageQuery) ([]Message, string, error)
	// Queued lists the messages with StatusQueued of a session, oldest first.
	Queued(ctx context.Context, session string, limit int) ([]Message, error)
	// Known says which of these keys are stored; for a few keys.
	Known(ctx context.Context, session string, keys []MessageKey) (map[MessageKey]bool, error)
	// Unread counts the messages of a chat that others sent and that stand after (t, pos) by (Timestamp, Pos),
	// but for TypeSystem.
	Unread(ctx context.Context, session string, chats []string, t time.Time, pos int64) (int, error)
	// Receipts lists the receipts of a message by (At, By).
	Receipts(ctx context.Context, session string, key MessageKey) ([]Receipt, error)
	// Count says how many messages of the session have a Timestamp before t.
	Count(ctx context.Context, session string, before time.Time) (int, error)
	// Delete deletes those of these messages that are there, with their receipts, and says how many that were; for a few keys.
	Delete(ctx context.Context, session string, keys []MessageKey) (int, error)
	// DeleteBefore deletes them with their receipts, oldest first and at most limit, and says how many.
	DeleteBefore(ctx context.Context, session string, before time.Time, limit int) (int, error)
}
