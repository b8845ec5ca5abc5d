package deliver

import (
	"encoding/json"
	"slices"
	"strings"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// subject is what an event is about, as far as order and filters ask.
type subject struct {
	chat     string   // its id as clients see it; empty: the session itself
	names    []string // all known ids of the chat
	messages []about
}

// about is what filters ask of a message.
type about struct {
	senders []string // all known ids of the sender
	kind    string   // empty: of an act, which has none that a filter knows
	fromMe  bool
}

type subjectAddress struct {
	ID    string  `json:"id"`
	Phone *string `json:"phone"`
	LID   *string `json:"lid"`
}

type subjectMessage struct {
	ChatID string         `json:"chatId"`
	From   subjectAddress `json:"from"`
	FromMe bool           `json:"fromMe"`
	Type   string         `json:"type"`
}

func (a *subjectAddress) names() []string {
	if a == nil || a.ID == "" {
		return nil
	}
	names := []string{a.ID}
	if a.Phone != nil {
		names = append(names, strings.TrimPrefix(*a.Phone, "+")+"@s.whatsapp.net")
	}
	if a.LID != nil {
		names = append(names, *a.LID)
	}
	return names
}

// subjectOf reads what an event is about from its data.
func subjectOf(e store.Event) subject {
	var data struct {
		ChatID   string           `json:"chatId"`
		To       string           `json:"to"` // of identity_mapped
		Chat     *subjectAddress  `json:"chat"`
		Contact  *subjectAddress  `json:"contact"`
		Message  *subjectMessage  `json:"message"`
		Messages []subjectMessage `json:"messages"`
		From     json.RawMessage  `json:"from"` // who reacted; of identity_mapped a text
		FromMe   bool             `json:"fromMe"`
		By       *subjectAddress  `json:"by"` // who revoked, voted or answered
		ByMe     bool             `json:"byMe"`
	}
	if json.Unmarshal(e.Data, &data) != nil {
		return subject{} // data of a form that this version does not know
	}
	if data.Message != nil {
		data.Messages = append(data.Messages, *data.Message)
	}
	s := subject{chat: data.ChatID}
	switch e.Name {
	case whatsapp.EventMessageReaction:
		var from subjectAddress
		if json.Unmarshal(data.From, &from) == nil {
			s.messages = append(s.messages, about{senders: from.names(), fromMe: data.FromMe})
		}
	case whatsapp.EventMessageRevoked, whatsapp.EventPollVote, whatsapp.EventAnswer:
		s.messages = append(s.messages, about{senders: data.By.names(), fromMe: data.ByMe})
	}
	for _, m := range data.Messages {
		s.messages = append(s.messages, about{senders: m.From.names(), kind: m.Type, fromMe: m.FromMe})
		if s.chat == "" {
			s.chat = m.ChatID
		}
		if !m.FromMe && !isGroup(m.ChatID) {
			s.names = append(s.names, m.From.names()...)
		}
	}
	for _, a := range []*subjectAddress{data.Chat, data.Contact} {
		s.names = append(s.names, a.names()...)
		if s.chat == "" && a != nil {
			s.chat = a.ID
		}
	}
	if data.To != "" {
		s.chat = data.To
	}
	if s.chat != "" {
		s.names = append(s.names, s.chat)
	}
	return s
}

func isGroup(chat string) bool { return strings.HasSuffix(chat, "@g.us") }

// wants says whether a webhook is to get an event. A filter looks only at events that have
// what it asks for; an event with several messages is wanted whole when one of them is.
func wants(w *store.Webhook, name string, s subject) bool {
	f := w.Filters
	switch {
	case w.Events != nil && !slices.Contains(w.Events, name):
		return false
	case s.chat != "" && f.Groups != nil && isGroup(s.chat) != *f.Groups:
		return false
	case s.chat != "" && len(f.Chats) > 0 && !overlap(f.Chats, s.names):
		return false
	}
	return len(s.messages) == 0 || slices.ContainsFunc(s.messages, func(m about) bool {
		return (f.FromMe == nil || m.fromMe == *f.FromMe) && (len(f.Types) == 0 || m.kind == "" || slices.Contains(f.Types, m.kind)) &&
			(len(f.Senders) == 0 || overlap(f.Senders, m.senders))
	})
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

// canonical writes an address of a filter as events have it.
func canonical(text string) (string, error) {
	jid, err := convert.ParseAddress(text)
	if err != nil {
		return "", err
	}
	return jid.String(), nil
}
