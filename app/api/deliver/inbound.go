package deliver

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
)

// Inbound takes messages of another WhatsApp service, from who may post them. Token and Addresses empty: nobody.
type Inbound struct {
	Manager   *whatsapp.Manager
	Token     string           // HMAC secret of the body's signature; empty: no signature is asked for
	Addresses service.Networks // empty: from anywhere
}

func (i Inbound) enabled() bool { return i.Token != "" || len(i.Addresses) > 0 }

// Endpoints are the rows of inbound posts.
func (i Inbound) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.ForAll(http.MethodPost, api.Base+"/messages/webhook", "receiveMessages", "Messages from another WhatsApp service; off unless WEBHOOK_TOKEN or WEBHOOK_ALLOWED_IPS is set", i.receive,
			api.AlsoFails(codes.Unauthorized, codes.NotFound, codes.BadAddress, codes.TooLarge, codes.StoreUnavailable, codes.Unavailable, codes.Stopping, codes.OwnedElsewhere, codes.SessionMoved), api.Door(i.letIn),
			api.Explained("They are stored and told of like those that came from WhatsApp itself. Off, the route answers 404. With WEBHOOK_TOKEN the body must be signed.")),
	}
}

type webhookIn struct {
	Signature string `header:"X-Hub-Signature-256" maxLength:"200" doc:"sha256= and the HMAC-SHA256 of the body with WEBHOOK_TOKEN, in hex"`
	Body      struct {
		SessionID string           `json:"sessionId" minLength:"1" maxLength:"64"`
		Messages  []InboundMessage `json:"messages" minItems:"1" maxItems:"500"`
	}
}

// InboundMessage is a message that another WhatsApp service received.
type InboundMessage struct {
	ID        string    `json:"id" minLength:"1" maxLength:"256" doc:"WhatsApp's message id; the same id in the same chat from the same sender is taken once"`
	Chat      string    `json:"chat" minLength:"1" maxLength:"128" doc:"Phone number, JID or LID"`
	From      string    `json:"from,omitempty" maxLength:"128" doc:"The sender; in a chat with one person it may be left out"`
	FromMe    bool      `json:"fromMe,omitempty"`
	Type      string    `json:"type,omitempty" maxLength:"32" default:"text"`
	Text      string    `json:"text,omitempty" maxLength:"65536"`
	Name      string    `json:"name,omitempty" maxLength:"200" doc:"What the sender calls themselves"`
	Timestamp time.Time `json:"timestamp"`
}

// InboundResult says what became of the messages.
type InboundResult struct {
	Received   int `json:"received"`
	Duplicates int `json:"duplicates" doc:"Were here already"`
}

func (i Inbound) receive(ctx context.Context, in *webhookIn) (*api.Body[InboundResult], error) {
	s, err := i.Manager.Get(ctx, in.Body.SessionID)
	if err != nil {
		return nil, err
	}
	var out InboundResult
	for _, m := range in.Body.Messages {
		known, err := s.Receive(ctx, whatsapp.Inbound{
			ID: m.ID, Chat: m.Chat, From: m.From, FromMe: m.FromMe, Type: m.Type, Text: m.Text, Name: m.Name, Timestamp: m.Timestamp,
		})
		if err != nil {
			return nil, err // those before are kept; posted again, they are duplicates
		}
		if known {
			out.Duplicates++
		} else {
			out.Received++
		}
	}
	return api.Reply(out), nil
}

// letIn lets posts of another service in before anything of their body is looked at: first whether
// posting is on and the address may, then the signature, which is of the body's bytes.
func (i Inbound) letIn(w http.ResponseWriter, r *http.Request) error {
	if err := i.admit(api.ProvenAddress(r.Context())); err != nil || i.Token == "" {
		return err
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, api.MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return api.StatusProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body may have %d bytes.", api.MaxBody))
	case err != nil:
		return api.StatusProblem(http.StatusRequestTimeout, "The body did not come in time.")
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return i.signed(r.Header.Get("X-Hub-Signature-256"), raw)
}

// admit checks whether posting is on, and where a post comes from; an empty address is not known, and
// in no list. Where posting is off, the route is not there.
func (i Inbound) admit(address string) error {
	if !i.enabled() {
		return store.ErrNotFound
	}
	if len(i.Addresses) > 0 && !i.Addresses.Has(address) {
		return service.ErrUnauthorized
	}
	return nil
}

// signed checks the signature of a body, in constant time.
func (i Inbound) signed(signature string, raw []byte) error {
	given, err := hex.DecodeString(strings.TrimPrefix(signature, "sha256="))
	mac := hmac.New(sha256.New, []byte(i.Token))
	mac.Write(raw)
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return service.ErrUnauthorized
	}
	return nil
}
