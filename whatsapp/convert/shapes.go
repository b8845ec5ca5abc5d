package convert

import (
	"time"
)

// Time is a moment as clients see it: RFC 3339 in UTC, always with milliseconds.
type Time time.Time

// MarshalText writes 2006-01-02T15:04:05.000Z.
func (t Time) MarshalText() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format("2006-01-02T15:04:05.000Z07:00")), nil
}

// UnmarshalText reads RFC 3339.
func (t *Time) UnmarshalText(b []byte) error {
	p, err := time.Parse(time.RFC3339Nano, string(b))
	*t = Time(p)
	return err
}

// TimeOrNil is nil for the zero time.
func TimeOrNil(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	u := Time(t)
	return &u
}

// TextOrNil is nil for the empty text.
func TextOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Address is a person or chat, by every name it has.
type Address struct {
	ID    string  `json:"id" doc:"Canonical chat id"`
	Phone *string `json:"phone" doc:"Phone number, +34…; null while WhatsApp hides it"`
	LID   *string `json:"lid" doc:"WhatsApp's hidden id, …@lid; null while unknown"`
	Name  *string `json:"name" doc:"Name from the address book, else the one they give themselves"`
}

// Quoted is the message that a message answers.
type Quoted struct {
	ID   string   `json:"id"`
	From *Address `json:"from"`
	Type string   `json:"type"`
	Text *string  `json:"text"`
}

// Media describes the file of a message.
type Media struct {
	MimeType *string `json:"mimeType"`
	FileName *string `json:"fileName"`
	Size     *int64  `json:"size" doc:"Bytes, as the sender says"`
	Seconds  *int    `json:"seconds" doc:"Length of audio and video"`
	Width    *int    `json:"width"`
	Height   *int    `json:"height"`
}

// Failure says why a message was not sent.
type Failure struct {
	Code      string `json:"code"`
	Detail    string `json:"detail"`
	Retryable bool   `json:"retryable"`
}

// Message is one message of a chat.
type Message struct {
	ID        string    `json:"id" doc:"WhatsApp's message id"`
	SessionID string    `json:"sessionId"`
	ChatID    string    `json:"chatId"`
	From      Address   `json:"from"`
	FromMe    bool      `json:"fromMe"`
	Type      string    `json:"type" doc:"text, image, video, audio, voice, document, sticker, location, contact, poll, reaction, edit, revoke … or unknown. A reaction, an edit or a revocation is a message of its own, beside the one it is about, and does not say which that is yet"`
	Text      *string   `json:"text" doc:"Text or caption"`
	Quoted    *Quoted   `json:"quoted" doc:"The message that this one answers"`
	Mentions  []Address `json:"mentions"`
	Media     *Media    `json:"media" doc:"What is known of its file; the file itself is not fetched yet"`
	Status    string    `json:"status" enum:"received,queued,sent,delivered,read,played,failed"`
	Error     *Failure  `json:"error"`
	Timestamp Time      `json:"timestamp" doc:"WhatsApp's time of the message"`
	StoredAt  Time      `json:"storedAt" doc:"When this server kept it"`
	EditedAt  *Time     `json:"editedAt" doc:"null so far"`
	RevokedAt *Time     `json:"revokedAt" doc:"null so far"`
}

// Chat is a conversation.
type Chat struct {
	ID             string   `json:"id" doc:"Canonical chat id"`
	Kind           string   `json:"kind" enum:"person,group,channel,status,broadcast"`
	Phone          *string  `json:"phone"`
	LID            *string  `json:"lid"`
	Name           *string  `json:"name"`
	UnreadCount    int      `json:"unreadCount"`
	Archived       bool     `json:"archived"`
	Pinned         bool     `json:"pinned"`
	MutedUntil     *Time    `json:"mutedUntil"`
	LastMessage    *Message `json:"lastMessage"`
	LastActivityAt *Time    `json:"lastActivityAt"`
}

// Session is one WhatsApp account, linked or to be linked.
type Session struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	OwnerID   string  `json:"ownerId"`
	State     string  `json:"state" enum:"created,connecting,qr,pairing_code,passkey,syncing,connected,reconnecting,degraded,stopped,logged_out,banned,error"`
	Reason    *string `json:"reason" doc:"Why the session is in this state; null when there is nothing to say"`
	Since     Time    `json:"since" doc:"When it came into this state"`
	Desired   string  `json:"desired" enum:"listening,stopped" doc:"What was asked for; kept over restarts"`
	Sandbox   bool    `json:"sandbox" doc:"true: the WhatsApp side is the sandbox, not the real service"`
	Phone     *string `json:"phone"`
	LID       *string `json:"lid"`
	PushName  *string `json:"pushName"`
	LastSeq   int64   `json:"lastSeq" doc:"seq of the newest event; inside an event, of one before it"`
	CreatedAt Time    `json:"createdAt"`
	UpdatedAt Time    `json:"updatedAt"`
}

// QR is a code to be scanned with the phone (Settings, Linked devices).
type QR struct {
	Code      string `json:"code" doc:"The text in the picture"`
	Image     string `json:"image" doc:"The picture, a PNG as data URL"`
	Attempt   int    `json:"attempt" doc:"1 for the first code of this pairing"`
	ExpiresAt Time   `json:"expiresAt"`
}

// Event is the envelope in which every transport gives out an event.
type Event struct {
	ID        string `json:"id"`
	Seq       int64  `json:"seq" doc:"1, 2, 3 … per session, without gaps"`
	Event     string `json:"event"`
	SessionID string `json:"sessionId"`
	Timestamp Time   `json:"timestamp"`
	Data      any    `json:"data"`
}
