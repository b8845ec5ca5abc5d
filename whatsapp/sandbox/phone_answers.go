package sandbox

import (
	"context"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// answers are the words for an answer to a calendar event.
var answers = map[string]waE2E.EventResponseMessage_EventResponseType{
	"yes": waE2E.EventResponseMessage_GOING, "no": waE2E.EventResponseMessage_NOT_GOING, "maybe": waE2E.EventResponseMessage_MAYBE,
}

// Answer answers a calendar event of the chat, whoever made it: yes, no or maybe, with so many guests.
func (p *Phone) Answer(ctx context.Context, to, eventID, answer string, guests int) (string, error) {
	word, ok := answers[answer]
	if !ok || guests < 0 || guests > 100 {
		return "", fmt.Errorf("%w: an answer is yes, no or maybe, with 0 to 100 guests", ErrInvalid)
	}
	return p.act(ctx, to, "event", "", eventID, false, func(t target) (*waE2E.Message, error) {
		sealed, iv, err := p.sealFor(t, forAnswer, &waE2E.EventResponseMessage{
			Response: &word, TimestampMS: proto.Int64(p.server.now().UnixMilli()), ExtraGuestCount: proto.Int32(int32(guests)),
		})
		return &waE2E.Message{EncEventResponseMessage: &waE2E.EncEventResponseMessage{
			EventCreationMessageKey: t.key(), EncPayload: sealed, EncIV: iv,
		}}, err
	})
}

// Comment comments on a message of the chat, as in the groups of a community.
func (p *Phone) Comment(ctx context.Context, to, messageID, text string) (string, error) {
	if err := checkText(text); err != nil {
		return "", err
	}
	return p.act(ctx, to, "text", "", messageID, false, func(t target) (*waE2E.Message, error) {
		return p.comment(t, text)
	})
}

func (p *Phone) comment(t target, text string) (*waE2E.Message, error) {
	sealed, iv, err := p.sealFor(t, forComment, textMessage(text))
	return &waE2E.Message{EncCommentMessage: &waE2E.EncCommentMessage{TargetMessageKey: t.key(), EncPayload: sealed, EncIV: iv}}, err
}

// sealFor encrypts what this phone says about a message with that message's secret.
func (p *Phone) sealFor(t target, use string, what proto.Message) (sealed, iv []byte, err error) {
	about, err := t.message()
	if err != nil {
		return nil, nil, err
	}
	plain, err := proto.Marshal(what)
	if err != nil {
		return nil, nil, fmt.Errorf("encode what is sealed: %w", err)
	}
	return seal(use, about, t.id, t.by(t.author), t.by(p.account), plain)
}
