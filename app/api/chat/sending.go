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
		sends(s, "message", "sendMessage", "Send a text; answers when WhatsApp's server has it", func(in *sendMessageIn) chat.Draft { return in.draft() }),
		sends(s, "location", "sendLocation", "Send a place", func(in *sendLocationIn) chat.Draft { return in.draft() }),
		sends(s, "contact", "sendContact", "Send contacts, as vCards or as what they are made of", func(in *sendContactIn) chat.Draft { return in.draft() }),
		sends(s, "poll", "sendPoll", "Send a poll; votes come as poll_vote", func(in *sendPollIn) chat.Draft { return in.draft() }),
		sends(s, "event", "sendEvent", "Send a calendar event; answers come as event_answer", func(in *sendEventIn) chat.Draft { return in.draft() }),
		sends(s, "reaction", "sendReaction", "React to a message, as reactToMessage does; answers with that message", func(in *sendReactionIn) chat.Draft { return in.draft() }, codes.NotPossible, codes.NotFound),
	}
}

// send is an input of a send.
type send[In any] interface {
	*In
	api.OfSession
	key() api.IdempotencyKey
}

// sends is the row of a kind of message, whose input makes its draft.
func sends[In any, P send[In]](s Sending, kind, id, summary string, draft func(P) chat.Draft, more ...codes.Code) api.Endpoint {
	return api.OnSession[In, api.Once, P](http.MethodPost, "/messages/sessions/{sessionId}/send/"+kind, id, chat.ScopeSend, summary,
		func(ctx context.Context, on service.Target, in *In) (*api.Once, error) {
			return s.send(ctx, on, P(in).key(), draft(P(in)))
		},
		api.Status(http.StatusCreated), api.AnswersOnce[convert.Message](),
		api.AlsoFails(more...), api.AlsoFails(codes.BadAddress, codes.NotOnWhatsApp, codes.QuotedNotFound, codes.SessionOffline, codes.NotLinked, codes.IdempotencyKeyReused, codes.IdempotencyKeyRunning,
			codes.TooLarge, codes.WhatsAppRefused, codes.SendUnconfirmed))
}

// SendPath is the part of a send's input that is not its body.
type SendPath struct {
	api.SessionPath
	api.IdempotencyKey
}

func (p *SendPath) key() api.IdempotencyKey { return p.IdempotencyKey }

// Common is the part of a send's body that all kinds have.
type Common struct {
	To               string   `json:"to" minLength:"1" maxLength:"128" doc:"Phone number in any usual spelling, JID or LID"`
	QuotedMessageID  *string  `json:"quotedMessageId,omitempty" maxLength:"256" doc:"Id of the message that this one answers"`
	QuotedChatID     *string  `json:"quotedChatId,omitempty" maxLength:"128" doc:"The chat in which that message is, when it is another one: a private answer to a message of a group"`
	Mentions         []string `json:"mentions,omitempty" maxItems:"1024" doc:"Numbers, JIDs or LIDs of people whose number stands with @ in the text"`
	MentionsAll      bool     `json:"mentionsAll,omitempty" doc:"Mention everybody in the group"`
	EphemeralSeconds *int     `json:"ephemeralSeconds,omitempty" enum:"0,86400,604800,7776000" doc:"After so many seconds this message disappears; 0: never. Left out: as the chat's timer says"`
	Queue            bool     `json:"queue,omitempty" doc:"While the session is offline keep the message and send it later (202), in place of 409"`
}

// common are the fields of a draft that all kinds have.
func (c Common) common() chat.Common {
	return chat.Common{
		To: c.To, Quoted: text(c.QuotedMessageID), QuotedChat: text(c.QuotedChatID), Mentions: c.Mentions, MentionsAll: c.MentionsAll,
		Ephemeral: c.EphemeralSeconds, Queue: c.Queue,
	}
}

// text is an optional text; empty when it is not there.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

type sendMessageIn struct {
	SendPath
	Body struct {
		Common
		Text string `json:"text" minLength:"1" maxLength:"65536" pattern:"\\S" doc:"With something to be seen in it"`
	}
}

func (in *sendMessageIn) draft() chat.Text {
	return chat.Text{Common: in.Body.common(), Text: in.Body.Text}
}

// send sends a draft of any kind.
func (s Sending) send(ctx context.Context, on service.Target, key api.IdempotencyKey, d chat.Draft) (*api.Once, error) {
	r, err := s.Sending.Send(ctx, on, key.Key, d)
	if r.MessageID != "" {
		api.Made(ctx, r.MessageID)
	}
	out := &api.Once{Status: r.Status, Body: r.Body}
	if r.Replayed {
		out.Replayed = "true"
	}
	return out, err
}
