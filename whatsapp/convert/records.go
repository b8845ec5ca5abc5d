package convert

import (
	"whatsapp-api/store"
)

// ChatOf is a stored chat as clients see it.
func ChatOf(c store.Chat, people People) Chat {
	a := AddressOf(c.ID, people)
	out := Chat{
		ID: a.ID, Kind: c.Kind, Phone: a.Phone, LID: a.LID, Name: a.Name, UnreadCount: c.Unread,
		Archived: c.Archived, Pinned: c.Pinned, MutedUntil: TimeOrNil(c.MutedUntil), LastActivityAt: TimeOrNil(c.LastActivityAt),
	}
	if out.Name == nil {
		out.Name = TextOrNil(c.Name)
	}
	if c.LastMessage != nil {
		m := MessageOf(*c.LastMessage, people)
		out.LastMessage = &m
	}
	return out
}

// EventOf is an event as every transport gives it out.
func EventOf(e store.Event) Event {
	return Event{ID: e.ID, Seq: e.Seq, Event: e.Name, SessionID: e.SessionID, Timestamp: Time(e.Timestamp), Data: e.Data}
}
