package sandbox

import (
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// forwardDraft is a text of any chat of the phone that is sent on.
type forwardDraft struct {
	id   string
	from string // the chat it is in, as a person names it; the one it is sent to if empty
}

func (d *forwardDraft) check() error { return nil } // whether it is there is seen when it is written

func (d *forwardDraft) write(p *Phone, to chat, _ int) (*waE2E.Message, error) {
	from := to
	if d.from != "" {
		var err error
		if from, err = p.chat(d.from); err != nil {
			return nil, err
		}
	}
	t, err := p.target(d.id, from)
	if err != nil {
		return nil, err
	}
	m, err := t.message()
	if err != nil {
		return nil, err
	}
	m.MessageContextInfo = nil
	score := &waE2E.ContextInfo{IsForwarded: proto.Bool(true), ForwardingScore: proto.Uint32(1)}
	switch {
	case m.Conversation != nil:
		return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: m.Conversation, ContextInfo: score}}, nil
	case m.ExtendedTextMessage != nil:
		m.ExtendedTextMessage.ContextInfo = score
		return m, nil
	}
	return nil, fmt.Errorf("%w: phones of the sandbox forward texts", ErrInvalid)
}
