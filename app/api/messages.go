package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

func (a *API) messages() []Endpoint {
	return []Endpoint{
		onSession(a, http.MethodGet, "/messages/sessions/{sessionId}/chats", "messages:read", "Chats by last activity", a.listChats),
		onSession(a, http.MethodGet, "/messages/sessions/{sessionId}/chats/{chatId}", "messages:read", "One chat", a.getChat),
		onSession(a, http.MethodGet, "/messages/sessions/{sessionId}/chats/{chatId}/messages", "messages:read", "Messages of a chat, newest first; none where nothing was written yet", a.listMessages),
		onSession(a, http.MethodGet, "/messages/sessions/{sessionId}/chats/{chatId}/messages/{messageId}", "messages:read", "One message, with who got and read it", a.getMessage),
		onSession(a, http.MethodPost, "/messages/sessions/{sessionId}/cleanup", "messages:write", "Delete old messages", a.cleanup),
	}
}

type listChatsIn struct {
	SessionPath
	Paging
	Search   string `query:"search" maxLength:"200" doc:"Words of the name, or the beginning of the number"`
	Archived string `query:"archived" enum:"true,false" doc:"Only archived chats, or only others"`
	Unread   string `query:"unread" enum:"true,false" doc:"Only chats with unread messages, or only others"`
}

func (a *API) listChats(ctx context.Context, on Target, in *listChatsIn) (*body[List[convert.Chat]], error) {
	chats, next, err := a.Store.Chats().List(ctx, store.ChatQuery{
		Session: on.Record.ID, Search: in.Search, Archived: yesNo(in.Archived), Unread: yesNo(in.Unread), Page: in.page(),
	})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, c := range chats {
		ids = append(ids, c.ID)
		if c.LastMessage != nil {
			ids = append(ids, convert.IDs(*c.LastMessage)...)
		}
	}
	people, err := on.Session.PeopleOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	return reply(listOf(chats, next, func(c store.Chat) convert.Chat { return convert.ChatOf(c, people) })), nil
}

type listMessagesIn struct {
	ChatPath
	Paging
	Before time.Time `query:"before" doc:"Only messages from before this moment"`
	After  time.Time `query:"after" doc:"Only messages from after this moment"`
	FromMe string    `query:"fromMe" enum:"true,false"`
	Type   string    `query:"type" maxLength:"32"`
	Search string    `query:"search" maxLength:"200" doc:"Every word begins a word of the text"`
}

func (a *API) listMessages(ctx context.Context, on Target, in *listMessagesIn) (*body[List[convert.Message]], error) {
	chats, _, err := a.chat(ctx, on, in.ChatID)
	if errors.Is(err, store.ErrNotFound) { // a chat begins with its first message
		return reply(listOf([]convert.Message{}, "", func(m convert.Message) convert.Message { return m })), nil
	}
	if err != nil {
		return nil, err
	}
	list, next, err := a.Store.Messages().List(ctx, store.MessageQuery{
		Session: on.Record.ID, Chats: chats, Before: in.Before, After: in.After, FromMe: yesNo(in.FromMe), Type: in.Type, Search: in.Search, Page: in.page(),
	})
	if err != nil {
		return nil, err
	}
	people, err := on.Session.PeopleOf(ctx, convert.IDs(list...)...)
	if err != nil {
		return nil, err
	}
	return reply(listOf(list, next, func(m store.Message) convert.Message { return convert.MessageOf(m, people) })), nil
}

// ChatPath is the part of an input that names a chat.
type ChatPath struct {
	SessionPath
	ChatID string `path:"chatId" maxLength:"128" doc:"Phone number, JID or LID"`
}

type chatIn struct{ ChatPath }

func (a *API) getChat(ctx context.Context, on Target, in *chatIn) (*body[convert.Chat], error) {
	_, chat, err := a.chat(ctx, on, in.ChatID)
	if err != nil {
		return nil, err
	}
	ids := []string{chat.ID}
	if chat.LastMessage != nil {
		ids = append(ids, convert.IDs(*chat.LastMessage)...)
	}
	people, err := on.Session.PeopleOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	return reply(convert.ChatOf(chat, people)), nil
}

type messageIn struct {
	ChatPath
	MessageID string `path:"messageId" maxLength:"256" doc:"WhatsApp's id of the message; of several senders' with the same one the newest"`
}

func (a *API) getMessage(ctx context.Context, on Target, in *messageIn) (*body[convert.Message], error) {
	chats, _, err := a.chat(ctx, on, in.ChatID)
	if err != nil {
		return nil, err
	}
	m, err := a.Store.Messages().Find(ctx, on.Record.ID, chats, in.MessageID)
	if err != nil {
		return nil, err
	}
	receipts, err := a.Store.Messages().Receipts(ctx, on.Record.ID, m.MessageKey)
	if err != nil {
		return nil, err
	}
	ids := convert.IDs(m)
	for _, r := range receipts {
		ids = append(ids, r.By)
	}
	people, err := on.Session.PeopleOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	out := convert.MessageOf(m, people)
	out.Receipts = []convert.MessageReceipt{}
	for _, r := range receipts {
		out.Receipts = append(out.Receipts, convert.MessageReceipt{By: convert.AddressOf(r.By, people), Status: r.Status, At: convert.Time(r.At)})
	}
	return reply(out), nil
}

// chat finds a chat that a client names by any of its addresses, and its keys. One that nothing was
// written in is store.ErrNotFound.
func (a *API) chat(ctx context.Context, on Target, text string) ([]string, store.Chat, error) {
	jid, err := convert.ParseAddress(text)
	if err != nil {
		return nil, store.Chat{}, err
	}
	keys, err := on.Session.ChatKeys(ctx, jid)
	if err != nil {
		return nil, store.Chat{}, err
	}
	c, err := a.Store.Chats().Get(ctx, on.Record.ID, keys[0])
	return keys, c, err
}

type cleanupIn struct {
	SessionPath
	Body struct {
		OlderThanDays *int       `json:"olderThanDays,omitempty" minimum:"0" maximum:"36500" doc:"Either this or before"`
		Before        *time.Time `json:"before,omitempty" doc:"Either this or olderThanDays"`
		DryRun        bool       `json:"dryRun,omitempty" doc:"Only count"`
	}
}

// Cleanup is what a clean-up did.
type Cleanup struct {
	Before          convert.Time `json:"before"`
	DeletedMessages int          `json:"deletedMessages" doc:"With dryRun: how many would be"`
	DeletedMedia    int          `json:"deletedMedia"`
	DryRun          bool         `json:"dryRun"`
}

func (a *API) cleanup(ctx context.Context, on Target, in *cleanupIn) (*body[Cleanup], error) {
	b := in.Body
	if (b.OlderThanDays == nil) == (b.Before == nil) {
		return nil, service.Invalid{"olderThanDays": "give either olderThanDays or before"}
	}
	before := time.Now().UTC()
	if b.Before != nil {
		before = *b.Before
	} else {
		before = before.AddDate(0, 0, -*b.OlderThanDays)
	}
	n, err := a.Sessions.Cleanup(ctx, on.Record.ID, before, b.DryRun)
	if err != nil {
		return nil, err
	}
	return reply(Cleanup{Before: convert.Time(before), DeletedMessages: n, DryRun: b.DryRun}), nil
}

// yesNo reads an optional truth value that validation has let through.
func yesNo(s string) *bool {
	if s == "" {
		return nil
	}
	b := s == "true"
	return &b
}
