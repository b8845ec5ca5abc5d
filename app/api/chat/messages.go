package chat

import (
	"context"
	"errors"
	"net/http"
	"time"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/chat"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Messages are what was written in chats.
type Messages struct {
	Store    store.Store
	Messages *chat.Messages
}

// Endpoints are the rows of messages.
func (ms Messages) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.OnSession(http.MethodGet, "/messages/sessions/{sessionId}/chats/{chatId}/messages", "listMessages", "messages:read", "Messages of a chat, newest first; none where nothing was written yet", ms.listMessages, api.AlsoFails(codes.BadAddress)),
		api.OnSession(http.MethodGet, oneMessage, "getMessage", "messages:read", "One message, with who got and read it", ms.getMessage, api.AlsoFails(codes.BadAddress)),
		api.OnSession(http.MethodGet, oneMessage+"/receipts", "listReceipts", "messages:read", "Who got, read and played an own message, and when", ms.listReceipts, api.AlsoFails(codes.BadAddress)),
		api.OnSession(http.MethodPost, "/messages/sessions/{sessionId}/cleanup", "cleanUpMessages", "messages:write", "Delete old messages", ms.cleanup),
	}
}

type listMessagesIn struct {
	Path
	api.Paging
	Before time.Time `query:"before" doc:"Only messages from before this moment"`
	After  time.Time `query:"after" doc:"Only messages from after this moment"`
	FromMe string    `query:"fromMe" enum:"true,false" doc:"Only own messages, or only those of others"`
	Type   string    `query:"type" maxLength:"32" doc:"Only messages of this type"`
	Search string    `query:"search" maxLength:"200" doc:"Every word begins a word of the text"`
}

func (ms Messages) listMessages(ctx context.Context, on service.Target, in *listMessagesIn) (*api.Body[api.List[convert.Message]], error) {
	chats, _, err := find(ctx, ms.Store, on, in.ChatID)
	if errors.Is(err, store.ErrNotFound) { // a chat begins with its first message
		return api.Reply(api.ListOf([]convert.Message{}, "", func(m convert.Message) convert.Message { return m })), nil
	}
	if err != nil {
		return nil, err
	}
	list, next, err := ms.Store.Messages().List(ctx, store.MessageQuery{
		Session: on.Session.ID(), Chats: chats, Before: in.Before, After: in.After, FromMe: yesNo(in.FromMe), Type: in.Type, Search: in.Search, Page: in.Page(),
	})
	if err != nil {
		return nil, err
	}
	people, err := on.Session.PeopleOf(ctx, convert.IDs(list...)...)
	if err != nil {
		return nil, err
	}
	return api.Reply(api.ListOf(list, next, func(m store.Message) convert.Message { return convert.MessageOf(m, people) })), nil
}

type messageIn struct {
	Path
	MessageID string `path:"messageId" maxLength:"256" doc:"WhatsApp's id of the message; of several senders' with the same one the newest"`
}

func (ms Messages) getMessage(ctx context.Context, on service.Target, in *messageIn) (*api.Body[convert.Message], error) {
	m, receipts, people, err := ms.read(ctx, on, in)
	if err != nil {
		return nil, err
	}
	out := convert.MessageOf(m, people)
	out.Receipts = shapes(receipts, people)
	return api.Reply(out), nil
}

func (ms Messages) listReceipts(ctx context.Context, on service.Target, in *messageIn) (*api.Body[api.List[convert.MessageReceipt]], error) {
	_, receipts, people, err := ms.read(ctx, on, in)
	if err != nil {
		return nil, err
	}
	return api.Reply(api.ListOf(shapes(receipts, people), "", func(r convert.MessageReceipt) convert.MessageReceipt { return r })), nil
}

// read reads a message with its receipts, and all who are named in them.
func (ms Messages) read(ctx context.Context, on service.Target, in *messageIn) (m store.Message, receipts []store.Receipt, people convert.People, err error) {
	chats, _, err := find(ctx, ms.Store, on, in.ChatID)
	if err != nil {
		return m, nil, nil, err
	}
	if m, err = ms.Store.Messages().Find(ctx, on.Session.ID(), chats, in.MessageID); err != nil {
		return m, nil, nil, err
	}
	if receipts, err = ms.Store.Messages().Receipts(ctx, on.Session.ID(), m.MessageKey); err != nil {
		return m, nil, nil, err
	}
	ids := convert.IDs(m)
	for _, r := range receipts {
		ids = append(ids, r.By)
	}
	people, err = on.Session.PeopleOf(ctx, ids...)
	return m, receipts, people, err
}

// shapes are receipts as clients see them.
func shapes(receipts []store.Receipt, people convert.People) []convert.MessageReceipt {
	out := []convert.MessageReceipt{}
	for _, r := range receipts {
		out = append(out, convert.MessageReceipt{By: convert.AddressOf(r.By, people), Status: r.Status, At: convert.Time(r.At)})
	}
	return out
}

type cleanupIn struct {
	api.SessionPath
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

func (ms Messages) cleanup(ctx context.Context, on service.Target, in *cleanupIn) (*api.Body[Cleanup], error) {
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
	n, err := ms.Messages.Cleanup(ctx, on.Session.ID(), before, b.DryRun)
	if err != nil {
		return nil, err
	}
	return api.Reply(Cleanup{Before: convert.Time(before), DeletedMessages: n, DryRun: b.DryRun}), nil
}
