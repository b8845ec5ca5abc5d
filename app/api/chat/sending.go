package chat

import (
	"context"
	"net/http"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/chat"
	"whatsapp-api/whatsapp/convert"
)

// Sending is what goes out.
type Sending struct{ Sending *chat.Sending }

// Endpoints are the rows of sends.
func (s Sending) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.OnSession(http.MethodPost, "/messages/sessions/{sessionId}/send/message", "sendMessage", chat.ScopeSend, "Send a text; answers when WhatsApp's server has it", s.sendMessage,
			api.Status(http.StatusCreated), api.AlsoFails(sendFails()...), api.AnswersOnce[convert.Message]()),
	}
}

// sendFails are what a send of any kind may answer with.
func sendFails() []codes.Code {
	return []codes.Code{
		codes.BadAddress, codes.NotOnWhatsApp, codes.QuotedNotFound, codes.SessionOffline, codes.NotLinked, codes.IdempotencyKeyReused, codes.IdempotencyKeyRunning,
		codes.TooLarge, codes.WhatsAppRefused, codes.SendUnconfirmed,
	}
}

type sendMessageIn struct {
	api.SessionPath
	api.IdempotencyKey
	Body struct {
		To              string   `json:"to" minLength:"1" maxLength:"128" doc:"Phone number in any usual spelling, JID or LID"`
		Text            string   `json:"text" minLength:"1" maxLength:"65536" pattern:"\\S" doc:"With something to be seen in it"`
		QuotedMessageID *string  `json:"quotedMessageId,omitempty" maxLength:"256" doc:"Id of a message of the same chat that this one answers"`
		Mentions        []string `json:"mentions,omitempty" maxItems:"1024" doc:"Numbers, JIDs or LIDs of people whose number stands with @ in the text"`
	}
}

func (s Sending) sendMessage(ctx context.Context, on service.Target, in *sendMessageIn) (*api.Once, error) {
	b := in.Body
	text := chat.Text{To: b.To, Text: b.Text, Mentions: b.Mentions}
	if b.QuotedMessageID != nil {
		text.Quoted = *b.QuotedMessageID
	}
	return s.send(ctx, on, in.IdempotencyKey, text)
}

// send sends a draft of any kind.
func (s Sending) send(ctx context.Context, on service.Target, key api.IdempotencyKey, d chat.Draft) (*api.Once, error) {
	r, err := s.Sending.Send(ctx, on, key.Key, d)
	if r.MessageID != "" {
		api.Made(ctx, r.MessageID)
	}
	out := &api.Once{Body: r.Body}
	if r.Replayed {
		out.Replayed = "true"
	}
	return out, err
}
