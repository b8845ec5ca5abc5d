package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp"
)

// Limits of a poll, as WhatsApp's own clients have them; lengths are in characters.
const (
	MinOptions  = 2
	MaxOptions  = 12
	MaxQuestion = 255
	MaxOption   = 100
)

// Poll is a draft of a poll.
type Poll struct {
	Common
	Question      string     `json:"question"`
	Options       []string   `json:"options"`
	MaxSelections int        `json:"maxSelections"` // 0: any
	ClosesAt      *time.Time `json:"closesAt,omitempty"`
}

// Kind is that of polls.
func (Poll) Kind() string { return "send/poll" }

// Identity is all of the draft.
func (p Poll) Identity() ([]byte, error) { return json.Marshal(p) }

// Check says what is wrong without asking anybody.
func (p Poll) Check() service.Invalid {
	wrong := p.check()
	wrong.Check("question", within(p.Question, 1, MaxQuestion))
	wrong.Check("question", seen(p.Question))
	if n := len(p.Options); n < MinOptions || n > MaxOptions {
		wrong["options"] = fmt.Sprintf("must be %d to %d", MinOptions, MaxOptions)
		return wrong
	}
	for i, o := range p.Options {
		field := fmt.Sprintf("options[%d]", i)
		wrong.Check(field, within(o, 1, MaxOption))
		wrong.Check(field, seen(o))
		if slices.Contains(p.Options[:i], o) {
			wrong[field] = "is there twice"
		}
	}
	if p.MaxSelections < 0 || p.MaxSelections > len(p.Options) {
		wrong["maxSelections"] = "must be 0 (any) to the number of options"
	}
	return wrong
}

// Send sends the poll. One that would be closed already is service.Invalid.
func (p Poll) Send(ctx context.Context, on *whatsapp.Session, id string) (Sent, error) {
	out := whatsapp.Poll{Question: p.Question, Options: p.Options, MaxSelections: p.MaxSelections}
	if p.ClosesAt != nil {
		out.ClosesAt = *p.ClosesAt
		if !out.ClosesAt.After(time.Now()) {
			return Sent{}, service.Invalid{"closesAt": "must be later than now"}
		}
	}
	return p.send(ctx, on, id, out)
}
