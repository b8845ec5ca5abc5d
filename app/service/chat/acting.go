package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// Act is something to be done to a message that is stored.
type Act interface {
	// Check says which fields are wrong, by their names in requests; none: nothing is.
	Check() service.Invalid
	// Do does it, and returns the message as it is then.
	Do(ctx context.Context, on *whatsapp.Session) (store.Message, error)
}

// Act does something to a message in a session that the caller may act on, and returns the message as it is then.
// Doing it again is right: it is the same then. Besides what the act itself returns: service.ErrScope and service.Invalid.
func (s *Sending) Act(ctx context.Context, on service.Target, a Act) (convert.Message, error) {
	if err := on.Caller.Require(ScopeSend); err != nil {
		return convert.Message{}, err
	}
	if wrong := a.Check(); len(wrong) > 0 {
		return convert.Message{}, wrong
	}
	began := time.Now()
	m, err := a.Do(ctx, on.Session)
	if s.Observe != nil {
		s.Observe(err, time.Since(began))
	}
	if err != nil {
		return convert.Message{}, err
	}
	people, err := on.Session.PeopleOf(ctx, convert.IDs(m)...)
	return convert.MessageOf(m, people), err
}

// Edit is another wording for a text of the account.
type Edit struct {
	Which whatsapp.Which
	Text  string
}

// Check says what is wrong without asking anybody.
func (e Edit) Check() service.Invalid {
	wrong := service.Invalid{}
	wrong.Check("text", within(e.Text, 1, MaxText))
	wrong.Check("text", seen(e.Text))
	return wrong
}

// Do edits the text.
func (e Edit) Do(ctx context.Context, on *whatsapp.Session) (store.Message, error) {
	return on.Edit(ctx, e.Which, e.Text)
}

// Revocation deletes a message for everyone.
type Revocation struct{ Which whatsapp.Which }

// Check finds nothing wrong.
func (Revocation) Check() service.Invalid { return nil }

// Do deletes the message. One that was deleted already stays so.
func (r Revocation) Do(ctx context.Context, on *whatsapp.Session) (store.Message, error) {
	return on.Revoke(ctx, r.Which)
}

// Vote is a vote in a poll, in place of an earlier one.
type Vote struct {
	Which   whatsapp.Which
	Options []string // texts; none: it is taken back
}

// Check says what is wrong without asking anybody.
func (v Vote) Check() service.Invalid {
	if len(v.Options) > store.MaxPollOptions {
		return service.Invalid{"options": fmt.Sprintf("must be at most %d", store.MaxPollOptions)}
	}
	return nil
}

// Do votes. A choice that the poll does not have is service.Invalid.
func (v Vote) Do(ctx context.Context, on *whatsapp.Session) (store.Message, error) {
	m, err := on.Vote(ctx, v.Which, v.Options)
	if errors.Is(err, whatsapp.ErrNoOption) {
		return m, service.Invalid{"options": "must be texts of the poll's options, each once, and no more than it allows"}
	}
	return m, err
}

// Answers are the words for an answer to an event.
var Answers = map[string]string{"yes": store.AnswerGoing, "no": store.AnswerNotGoing, "maybe": store.AnswerMaybe}

// EventAnswer is an answer to a calendar event, in place of an earlier one.
type EventAnswer struct {
	Which whatsapp.Which
	Going string // one of Answers
}

// Check says what is wrong without asking anybody.
func (a EventAnswer) Check() service.Invalid {
	if Answers[a.Going] == "" {
		return service.Invalid{"going": "must be yes, no or maybe"}
	}
	return nil
}

// Do answers.
func (a EventAnswer) Do(ctx context.Context, on *whatsapp.Session) (store.Message, error) {
	return on.Answer(ctx, a.Which, Answers[a.Going])
}

// PinTimes are for how many seconds WhatsApp lets a message be pinned; 0 takes it off.
var PinTimes = []int{0, 86400, 604800, 2592000}

// Pin holds a message at the top of its chat.
type Pin struct {
	Which   whatsapp.Which
	Seconds int // one of PinTimes
}

// Check says what is wrong without asking anybody.
func (p Pin) Check() service.Invalid {
	if !slices.Contains(PinTimes, p.Seconds) {
		return service.Invalid{"seconds": fmt.Sprintf("must be one of %v", PinTimes)}
	}
	return nil
}

// Do pins.
func (p Pin) Do(ctx context.Context, on *whatsapp.Session) (store.Message, error) {
	return on.Pin(ctx, p.Which, p.Seconds)
}
