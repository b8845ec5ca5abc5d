package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// Limits of a draft. Lengths are in characters; WhatsApp itself takes a text of 65,536.
const (
	MaxAddress   = 128
	MaxText      = 65536
	MaxMessageID = 256
	MaxMentions  = 1024
)

// Text is a draft of a text.
type Text struct {
	To       string   `json:"to"` // phone number, JID or LID
	Text     string   `json:"text"`
	Quoted   string   `json:"quotedMessageId,omitempty"` // id of the message of the same chat that this one answers; may be empty
	Mentions []string `json:"mentions,omitempty"`        // phone numbers, JIDs or LIDs of those whose number stands with @ in the text
}

// Kind is that of texts.
func (Text) Kind() string { return "send/message" }

// Identity is all of the draft.
func (t Text) Identity() ([]byte, error) { return json.Marshal(t) }

// Check says what is wrong without asking anybody; the address itself is read when it is sent.
func (t Text) Check() service.Invalid {
	wrong := service.Invalid{}
	wrong.Check("to", lengthOf(t.To, 1, MaxAddress))
	wrong.Check("text", lengthOf(t.Text, 1, MaxText))
	wrong.Check("quotedMessageId", lengthOf(t.Quoted, 0, MaxMessageID))
	if strings.Trim(t.Text, "\t\n\f\r ") == "" {
		wrong["text"] = "needs something to be seen in it"
	}
	if len(t.Mentions) > MaxMentions {
		wrong["mentions"] = fmt.Sprintf("must be at most %d", MaxMentions)
	}
	return wrong
}

// lengthOf says what is wrong with the length of a text.
func lengthOf(text string, least, most int) string {
	if n := utf8.RuneCountInString(text); n < least || n > most {
		return fmt.Sprintf("must have %d to %d characters", least, most)
	}
	return ""
}

// Send sends the text; see whatsapp.Session.SendText for its errors.
func (t Text) Send(ctx context.Context, on *whatsapp.Session, id string) (Sent, error) {
	m, err := on.SendText(ctx, whatsapp.Text{To: t.To, Text: t.Text, Quoted: t.Quoted, Mentions: t.Mentions, ID: id})
	if err != nil {
		return Sent{}, err
	}
	people, err := on.PeopleOf(ctx, convert.IDs(m)...)
	return Sent{ID: m.ID, Shape: convert.MessageOf(m, people)}, err
}
