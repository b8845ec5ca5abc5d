package chat

import (
	"context"
	"net/http"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/chat"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// Acts are what is done to messages.
type Acts struct{ Sending *chat.Sending }

// oneMessage is the path of one message.
const oneMessage = "/messages/sessions/{sessionId}/chats/{chatId}/messages/{messageId}"

// Endpoints are the rows of acts.
func (as Acts) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.OnSession(http.MethodPut, oneMessage, "editMessage", chat.ScopeSend, "Edit a text of the account; within 15 minutes", as.edit, fails(codes.NotYourMessage, codes.NotPossible, codes.EditExpired)),
		api.OnSession(http.MethodDelete, oneMessage, "deleteMessage", chat.ScopeSend, "Delete a message for everyone: an own one, or any in a group of which the account is an admin", as.revoke,
			api.Status(http.StatusNoContent), fails(codes.NotYourMessage, codes.NotPossible)),
		api.OnSession(http.MethodPut, oneMessage+"/reaction", "reactToMessage", chat.ScopeSend, "React to a message with one emoji, or take the reaction back", as.react, fails(codes.NotPossible)),
		api.OnSession(http.MethodPost, oneMessage+"/vote", "voteInPoll", chat.ScopeSend, "Vote in a poll, in place of an earlier vote", as.vote, fails(codes.NotPossible)),
		api.OnSession(http.MethodPost, oneMessage+"/answer", "answerEvent", chat.ScopeSend, "Answer a calendar event, in place of an earlier answer", as.answer, fails(codes.NotPossible)),
		api.OnSession(http.MethodPut, oneMessage+"/pin", "pinMessage", chat.ScopeSend, "Pin a message for everybody in the chat, or take it off", as.pin, fails(codes.NotPossible)),
	}
}

// fails are the errors of all acts, and those of one.
func fails(more ...codes.Code) api.Option {
	return api.AlsoFails(append(more, codes.BadAddress, codes.SessionOffline, codes.WhatsAppRefused, codes.SendUnconfirmed, codes.TooLarge)...)
}

// ActPath is the part of an input that names a message, and of whom it is.
type ActPath struct {
	Path
	MessageID string `path:"messageId" maxLength:"256" doc:"WhatsApp's id of the message"`
	From      string `query:"from" maxLength:"128" doc:"Address of its sender, for a chat in which several have messages with this id; left out: the newest"`
}

func (p ActPath) which() whatsapp.Which {
	return whatsapp.Which{Chat: p.ChatID, ID: p.MessageID, From: p.From}
}

type editIn struct {
	ActPath
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"65536" pattern:"\\S" doc:"The new wording; what the message answers and whom it mentions stays"`
	}
}

func (as Acts) edit(ctx context.Context, on service.Target, in *editIn) (*api.Body[convert.Message], error) {
	return as.act(ctx, on, chat.Edit{Which: in.which(), Text: in.Body.Text})
}

type revokeIn struct {
	ActPath
	For string `query:"for" required:"true" enum:"everyone" doc:"Who it is deleted for"`
}

func (as Acts) revoke(ctx context.Context, on service.Target, in *revokeIn) (*struct{}, error) {
	_, err := as.Sending.Act(ctx, on, chat.Revocation{Which: in.which()})
	return nil, err
}

type reactIn struct {
	ActPath
	Body struct {
		Emoji string `json:"emoji" maxLength:"32" doc:"One emoji; empty: the reaction is taken back"`
	}
}

func (as Acts) react(ctx context.Context, on service.Target, in *reactIn) (*api.Body[convert.Message], error) {
	return as.act(ctx, on, chat.Reaction{To: in.ChatID, MessageID: in.MessageID, From: in.From, Emoji: in.Body.Emoji})
}

type voteIn struct {
	ActPath
	Body struct {
		Options []string `json:"options" maxItems:"100" nullable:"false" doc:"Texts of the poll's options, each once; none: the vote is taken back"`
	}
}

func (as Acts) vote(ctx context.Context, on service.Target, in *voteIn) (*api.Body[convert.Message], error) {
	return as.act(ctx, on, chat.Vote{Which: in.which(), Options: in.Body.Options})
}

type answerIn struct {
	ActPath
	Body struct {
		Going string `json:"going" enum:"yes,no,maybe"`
	}
}

func (as Acts) answer(ctx context.Context, on service.Target, in *answerIn) (*api.Body[convert.Message], error) {
	return as.act(ctx, on, chat.EventAnswer{Which: in.which(), Going: in.Body.Going})
}

type pinIn struct {
	ActPath
	Body struct {
		Seconds int `json:"seconds" enum:"0,86400,604800,2592000" doc:"For how long; 0: it is taken off"`
	}
}

func (as Acts) pin(ctx context.Context, on service.Target, in *pinIn) (*api.Body[convert.Message], error) {
	return as.act(ctx, on, chat.Pin{Which: in.which(), Seconds: in.Body.Seconds})
}

func (as Acts) act(ctx context.Context, on service.Target, a chat.Act) (*api.Body[convert.Message], error) {
	m, err := as.Sending.Act(ctx, on, a)
	if err != nil {
		return nil, err
	}
	return api.Reply(m), nil
}
