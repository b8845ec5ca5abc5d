package chat

import (
	"context"
	"encoding/json"

	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp"
)

// Text is a draft of a text.
type Text struct {
	Common
	Text string `json:"text"`
}

// Kind is that of texts.
func (Text) Kind() string { return "send/message" }

// Identity is all of the draft, in the order of the first release, whose keys are good still.
func (t Text) Identity() ([]byte, error) {
	return json.Marshal(struct {
		To   string `json:"to"`
		Text string `json:"text"`
		Common
	}{t.To, t.Text, t.Common})
}

// Check says what is wrong without asking anybody.
func (t Text) Check() service.Invalid {
	wrong := t.check()
	wrong.Check("text", within(t.Text, 1, MaxText))
	wrong.Check("text", seen(t.Text))
	return wrong
}

// Send sends the text.
func (t Text) Send(ctx context.Context, on *whatsapp.Session, id string) (Sent, error) {
	return t.send(ctx, on, id, whatsapp.Text(t.Text))
}
