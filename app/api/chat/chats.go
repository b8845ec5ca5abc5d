package chat

import (
	"context"
	"net/http"

	"whatsapp-api/app/api"
	"whatsapp-api/app/codes"
	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Chats are with whom a session writes.
type Chats struct{ Store store.Store }

// Endpoints are the rows of chats.
func (cs Chats) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.OnSession(http.MethodGet, "/messages/sessions/{sessionId}/chats", "listChats", "messages:read", "Chats by last activity", cs.listChats),
		api.OnSession(http.MethodGet, "/messages/sessions/{sessionId}/chats/{chatId}", "getChat", "messages:read", "One chat", cs.getChat, api.AlsoFails(codes.BadAddress)),
	}
}

type listChatsIn struct {
	api.SessionPath
	api.Paging
	Search   string `query:"search" maxLength:"200" doc:"Words of the name, or the beginning of the number"`
	Archived string `query:"archived" enum:"true,false" doc:"Only archived chats, or only others"`
	Unread   string `query:"unread" enum:"true,false" doc:"Only chats with unread messages, or only others"`
}

func (cs Chats) listChats(ctx context.Context, on service.Target, in *listChatsIn) (*api.Body[api.List[convert.Chat]], error) {
	chats, next, err := cs.Store.Chats().List(ctx, store.ChatQuery{
		Session: on.Session.ID(), Search: in.Search, Archived: yesNo(in.Archived), Unread: yesNo(in.Unread), Page: in.Page(),
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
	return api.Reply(api.ListOf(chats, next, func(c store.Chat) convert.Chat { return convert.ChatOf(c, people) })), nil
}

// Path is the part of an input that names a chat.
type Path struct {
	api.SessionPath
	ChatID string `path:"chatId" maxLength:"128" doc:"Phone number, JID or LID"`
}

type chatIn struct{ Path }

func (cs Chats) getChat(ctx context.Context, on service.Target, in *chatIn) (*api.Body[convert.Chat], error) {
	_, chat, err := find(ctx, cs.Store, on, in.ChatID)
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
	return api.Reply(convert.ChatOf(chat, people)), nil
}

// find finds a chat that a client names by any of its addresses, and its keys. One that nothing was
// written in is store.ErrNotFound.
func find(ctx context.Context, st store.Store, on service.Target, text string) ([]string, store.Chat, error) {
	jid, err := convert.ParseAddress(text)
	if err != nil {
		return nil, store.Chat{}, err
	}
	keys, err := on.Session.ChatKeys(ctx, jid)
	if err != nil {
		return nil, store.Chat{}, err
	}
	c, err := st.Chats().Get(ctx, on.Session.ID(), keys[0])
	return keys, c, err
}

// yesNo reads an optional truth value that validation has let through.
func yesNo(s string) *bool {
	if s == "" {
		return nil
	}
	b := s == "true"
	return &b
}
