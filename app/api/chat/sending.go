package chat

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"whatsapp-api/app/api"
	"whatsapp-api/app/service/chat"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// Sending is what goes out.
type Sending struct {
	Idempotency *chat.Idempotency
	Sent        func(outcome string, took time.Duration) // told of each send; outcome is ok or an error's code. nil: nobody is told
}

// Endpoints are the rows of sends.
func (s Sending) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.OnSession(http.MethodPost, "/messages/sessions/{sessionId}/send/message", "messages:send", "Send a text; answers when WhatsApp's server has it", s.sendMessage,
			api.Status(http.StatusCreated), api.AlsoFails(http.StatusConflict, http.StatusBadGateway, http.StatusGatewayTimeout), api.AnswersOnce[convert.Message]()),
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

func (s Sending) sendMessage(ctx context.Context, on api.Target, in *sendMessageIn) (*api.Once, error) {
	b := in.Body
	text := whatsapp.Text{To: b.To, Text: b.Text, Mentions: b.Mentions}
	if b.QuotedMessageID != nil {
		text.Quoted = *b.QuotedMessageID
	}
	return s.once(ctx, on, "send/message", in.Key, b, func(id string) (any, error) {
		text.ID = id
		api.Made(ctx, id)
		began := time.Now()
		m, err := on.Session.SendText(ctx, text)
		if s.Sent != nil {
			s.Sent(api.CodeOf(err), time.Since(began))
		}
		if err != nil {
			return nil, err
		}
		people, err := on.Session.PeopleOf(ctx, convert.IDs(m)...)
		return convert.MessageOf(m, people), err
	})
}

// once runs a send, under the caller's idempotency key if there is one.
func (s Sending) once(ctx context.Context, on api.Target, route, key string, request any, call func(messageID string) (any, error)) (*api.Once, error) {
	run := func(id string) (chat.Answer, error) {
		v, err := call(id)
		if err != nil {
			return chat.Answer{}, err
		}
		raw, err := json.Marshal(v)
		return chat.Answer{Status: http.StatusCreated, Body: raw}, err
	}
	if key == "" {
		answer, err := run("")
		return &api.Once{Body: answer.Body}, err
	}
	raw, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	scope := on.Caller.User.ID + "/" + on.Session.ID() + "/" + route + "/" + key
	answer, err := s.Idempotency.Do(ctx, scope, raw, whatsapp.NewMessageID(), run)
	out := &api.Once{Body: answer.Body}
	if answer.Replayed {
		out.Replayed = "true"
	}
	return out, err
}
