package chat

import (
	"context"
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
