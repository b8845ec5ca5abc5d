package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/service"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

func (a *API) sending() []Endpoint {
	return []Endpoint{
		onSession(a, http.MethodPost, "/messages/sessions/{sessionId}/send/message", "messages:send", "Send a text; answers when WhatsApp's server has it", a.sendMessage,
			status(http.StatusCreated), alsoFails(http.StatusConflict, http.StatusBadGateway, http.StatusGatewayTimeout), describeSend[convert.Message](a)),
	}
}

// IdempotencyKey is the part of an input that makes a send happen once. Inputs of sends embed it.
type IdempotencyKey struct {
	Key string `header:"Idempotency-Key" maxLength:"255" doc:"Any text of yours. The same key with the same body within 24 hours gives the first answer again"`
}

type sendMessageIn struct {
	SessionPath
	IdempotencyKey
	Body struct {
		To              string   `json:"to" minLength:"1" maxLength:"128" doc:"Phone number in any usual spelling, JID or LID"`
		Text            string   `json:"text" minLength:"1" maxLength:"65536" pattern:"\\S" doc:"With something to be seen in it"`
		QuotedMessageID *string  `json:"quotedMessageId,omitempty" maxLength:"256" doc:"Id of a message of the same chat that this one answers"`
		Mentions        []string `json:"mentions,omitempty" maxItems:"1024" doc:"Numbers, JIDs or LIDs of people whose number stands with @ in the text"`
	}
}

// sendOut is a stored message, or the first answer of a repeated call.
type sendOut struct {
	Replayed string `header:"Idempotency-Replayed"`
	Body     json.RawMessage
}

func (a *API) sendMessage(ctx context.Context, on Target, in *sendMessageIn) (*sendOut, error) {
	b := in.Body
	text := whatsapp.Text{To: b.To, Text: b.Text, Mentions: b.Mentions}
	if b.QuotedMessageID != nil {
		text.Quoted = *b.QuotedMessageID
	}
	return a.once(ctx, on, "send/message", in.Key, b, func(id string) (any, error) {
		text.ID = id
		made(ctx, id)
		began := time.Now()
		m, err := on.Session.SendText(ctx, text)
		if a.Watch.Sent != nil {
			a.Watch.Sent(codeOf(err), time.Since(began))
		}
		if err != nil {
			return nil, err
		}
		people, err := on.Session.PeopleOf(ctx, convert.IDs(m)...)
		return convert.MessageOf(m, people), err
	})
}

// once runs a send, under the caller's idempotency key if there is one.
func (a *API) once(ctx context.Context, on Target, route, key string, request any, call func(messageID string) (any, error)) (*sendOut, error) {
	run := func(id string) (service.Answer, error) {
		v, err := call(id)
		if err != nil {
			return service.Answer{}, err
		}
		raw, err := json.Marshal(v)
		return service.Answer{Status: http.StatusCreated, Body: raw}, err
	}
	if key == "" {
		answer, err := run("")
		return &sendOut{Body: answer.Body}, err
	}
	raw, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	scope := on.Caller.User.ID + "/" + on.Record.ID + "/" + route + "/" + key
	answer, err := a.Idempotency.Do(ctx, scope, raw, whatsapp.NewMessageID(), run)
	out := &sendOut{Body: answer.Body}
	if answer.Replayed {
		out.Replayed = "true"
	}
	return out, err
}

// describeSend describes the answer of a send, whose body is kept as it was first given.
func describeSend[T any](a *API) func(*huma.Operation) {
	return func(op *huma.Operation) {
		op.Responses = map[string]*huma.Response{"201": {
			Description: "The stored message",
			Headers:     map[string]*huma.Param{"Idempotency-Replayed": {Description: "true: the first answer to this key", Schema: &huma.Schema{Type: "string"}}},
			Content:     map[string]*huma.MediaType{"application/json": {Schema: a.huma.OpenAPI().Components.Schemas.Schema(typeOf[T](), true, "")}},
		}}
	}
}
