package chat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// Limits of a draft. Lengths are in characters; WhatsApp itself takes a text of 65,536.
const (
	MaxAddress   = 128
	MaxText      = 65536
	MaxMessageID = 256
	MaxMentions  = 1024
	MaxLine      = 1024 // what is a name or an address
)

// Timers are the times, in seconds, after which WhatsApp lets a message disappear; 0 is never.
var Timers = []int{0, 86400, 604800, 7776000}

// Common is what messages of all kinds have.
type Common struct {
	To          string   `json:"to"`                         // phone number, JID or LID
	Quoted      string   `json:"quotedMessageId,omitempty"`  // id of the message that this one answers; may be empty
	QuotedChat  string   `json:"quotedChatId,omitempty"`     // where that message is; empty: in the same chat
	Mentions    []string `json:"mentions,omitempty"`         // phone numbers, JIDs or LIDs of those whose number stands with @ in the text
	MentionsAll bool     `json:"mentionsAll,omitempty"`      // everybody in the group
	Ephemeral   *int     `json:"ephemeralSeconds,omitempty"` // one of Timers; nil: as the chat's timer says
	Queue       bool     `json:"queue,omitempty"`            // keep it while the session is offline
}

// check says what is wrong without asking anybody; the address itself is read when it is sent.
func (c Common) check() service.Invalid {
	wrong := service.Invalid{}
	wrong.Check("to", within(c.To, 1, MaxAddress))
	wrong.Check("quotedMessageId", within(c.Quoted, 0, MaxMessageID))
	wrong.Check("quotedChatId", within(c.QuotedChat, 0, MaxAddress))
	if c.QuotedChat != "" && c.Quoted == "" {
		wrong["quotedChatId"] = "needs quotedMessageId beside it"
	}
	if len(c.Mentions) > MaxMentions {
		wrong["mentions"] = fmt.Sprintf("must be at most %d", MaxMentions)
	}
	if to, err := convert.ParseAddress(c.To); err == nil && c.MentionsAll && convert.KindOf(to) != store.ChatGroup {
		wrong["mentionsAll"] = "is for groups"
	}
	if c.Ephemeral != nil && !slices.Contains(Timers, *c.Ephemeral) {
		wrong["ephemeralSeconds"] = fmt.Sprintf("must be one of %v", Timers)
	}
	return wrong
}

// send sends a content; see whatsapp.Session.Send for its errors.
func (c Common) send(ctx context.Context, on *whatsapp.Session, id string, content whatsapp.Content) (Sent, error) {
	m, err := on.Send(ctx, whatsapp.Outgoing{
		To: c.To, ID: id, Content: content, Quoted: c.Quoted, QuotedChat: c.QuotedChat, Mentions: c.Mentions, MentionsAll: c.MentionsAll,
		Ephemeral: c.Ephemeral, Queue: c.Queue,
	})
	if err != nil {
		return Sent{}, err
	}
	people, err := on.PeopleOf(ctx, convert.IDs(m)...)
	return Sent{ID: m.ID, Shape: convert.MessageOf(m, people), Queued: m.Status == store.StatusQueued}, err
}

// within says what is wrong with the length of a text.
func within(text string, least, most int) string {
	if n := utf8.RuneCountInString(text); n < least || n > most {
		return fmt.Sprintf("must have %d to %d characters", least, most)
	}
	return ""
}

// seen says what is wrong with a text of which a person would see nothing.
func seen(text string) string {
	if strings.Trim(text, "\t\n\f\r ") == "" {
		return "needs something to be seen in it"
	}
	return ""
}
