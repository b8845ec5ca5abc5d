package chat

import (
	"context"
	"encoding/json"
	"strings"
	"unicode"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// MaxEmoji bounds an emoji, in characters of Unicode: a family or a flag has several.
const MaxEmoji = 32

// Reaction is a reaction to a message: an Act, and a Draft for who sends it like one.
type Reaction struct {
	To        string `json:"to"` // address of the chat
	MessageID string `json:"messageId"`
	From      string `json:"from,omitempty"` // address of the message's sender; may be empty
	Emoji     string `json:"emoji"`          // empty: taken back
}

// Kind is that of reactions.
func (Reaction) Kind() string { return "send/reaction" }

// Identity is all of the draft.
func (r Reaction) Identity() ([]byte, error) { return json.Marshal(r) }

// Check says what is wrong without asking anybody.
func (r Reaction) Check() service.Invalid {
	wrong := service.Invalid{}
	wrong.Check("to", within(r.To, 1, MaxAddress))
	wrong.Check("messageId", within(r.MessageID, 1, MaxMessageID))
	if r.Emoji != "" && !isEmoji(r.Emoji) {
		wrong["emoji"] = "must be one emoji, or empty to take the reaction back"
	}
	return wrong
}

// Do reacts.
func (r Reaction) Do(ctx context.Context, on *whatsapp.Session) (store.Message, error) {
	return on.React(ctx, whatsapp.Which{Chat: r.To, ID: r.MessageID, From: r.From}, r.Emoji)
}

// Send reacts as a Draft does. A reaction has no id of its own for clients: its message's is given.
func (r Reaction) Send(ctx context.Context, on *whatsapp.Session, _ string) (Sent, error) {
	m, err := r.Do(ctx, on)
	if err != nil {
		return Sent{}, err
	}
	people, err := on.PeopleOf(ctx, convert.IDs(m)...)
	return Sent{ID: m.ID, Shape: convert.MessageOf(m, people)}, err
}

// Marks that join or change what stands before them (Unicode Technical Standard 51).
const (
	joiner   = '\u200d'
	asEmoji  = '\ufe0f'
	keycap   = '\u20e3'
	firstTag = '\U000e0020'
	lastTag  = '\U000e007f'
)

// isEmoji says whether a text is one emoji: a keycap, a flag, or pictures with their colours that are joined to one.
func isEmoji(text string) bool {
	runes := []rune(text)
	switch {
	case len(runes) > MaxEmoji:
		return false
	case len(runes) > 1 && runes[len(runes)-1] == keycap:
		return strings.ContainsRune("0123456789#*", runes[0]) && (len(runes) == 2 || len(runes) == 3 && runes[1] == asEmoji)
	case isRegional(runes[0]):
		return len(runes) == 2 && isRegional(runes[1])
	}
	picture := true // one is to come
	for _, c := range runes {
		switch {
		case picture:
			if !isPicture(c) {
				return false
			}
			picture = false
		case c == joiner:
			picture = true
		case c == asEmoji || isSkin(c) || c >= firstTag && c <= lastTag:
		default:
			return false
		}
	}
	return !picture
}

func isRegional(c rune) bool { return c >= '\U0001f1e6' && c <= '\U0001f1ff' }

func isSkin(c rune) bool { return c >= '\U0001f3fb' && c <= '\U0001f3ff' }

func isPicture(c rune) bool {
	return c > unicode.MaxASCII && unicode.In(c, unicode.So, unicode.Sm, unicode.Sk) && !isRegional(c) || strings.ContainsRune("‼⁉〰", c)
}
