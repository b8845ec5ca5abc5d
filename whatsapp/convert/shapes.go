package convert

import (
	"time"
)

// Time is a moment as clients see it: RFC 3339 in UTC, always with milliseconds.
type Time time.Time

// firstTime and lastTime are the first and the last that RFC 3339 can write.
var (
	firstTime = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
)

// MarshalText writes 2006-01-02T15:04:05.000Z. What is before the year 0 or after 9999 is written as
// the first or the last moment that can be.
func (t Time) MarshalText() ([]byte, error) {
	at := time.Time(t).UTC()
	switch {
	case at.Before(firstTime):
		at = firstTime
	case at.After(lastTime):
		at = lastTime
	}
	return []byte(at.Format("2006-01-02T15:04:05.000Z07:00")), nil
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
	ID    string  `json:"id" doc:"Id of the chat: of a person the number while it is known, else the LID"`
	Phone *string `json:"phone" doc:"Phone number, +34…; null while WhatsApp hides it"`
	LID   *string `json:"lid" doc:"WhatsApp's hidden id, …@lid; null while unknown"`
	Name  *string `json:"name" doc:"Name from the address book, else the one they give themselves"`
}

// Chat is a conversation.
type Chat struct {
	ID             string   `json:"id" doc:"Of a person the number while it is known, else the LID"`
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

	EphemeralSeconds int   `json:"ephemeralSeconds" doc:"The chat's timer: after so many seconds its messages disappear; 0: never"`
	ReadUpTo         *Time `json:"readUpTo" doc:"WhatsApp's time of the newest message known to be read; null: not known"`
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
