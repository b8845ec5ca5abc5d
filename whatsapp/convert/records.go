package convert

import (
	"whatsapp-api/store"
)

// MessageOf is a stored message as clients see it.
func MessageOf(m store.Message, people People) Message {
	out := Message{
		ID: m.ID, SessionID: m.SessionID, ChatID: AddressOf(m.Chat, people).ID, From: AddressOf(m.Sender, people), FromMe: m.FromMe,
		Type: m.Type, Text: TextOrNil(m.Text), Mentions: []Address{}, Status: m.Status,
		Timestamp: Time(m.Timestamp), StoredAt: Time(m.StoredAt),
		EditedAt: TimeOrNil(m.EditedAt), RevokedAt: TimeOrNil(m.RevokedAt),
	}
	if q := m.Quoted; q != nil {
		out.Quoted = &Quoted{ID: q.ID, Type: q.Type, Text: TextOrNil(q.Text)}
		if q.Sender != "" {
			from := AddressOf(q.Sender, people)
			out.Quoted.From = &from
		}
	}
	for _, id := range m.Mentions {
		out.Mentions = append(out.Mentions, AddressOf(id, people))
	}
	if f := m.Media; f != nil {
		out.Media = &Media{
			MimeType: TextOrNil(f.MimeType), FileName: TextOrNil(f.FileName), Size: numberOrNil(f.Size),
			Seconds: numberOrNil(f.Seconds), Width: numberOrNil(f.Width), Height: numberOrNil(f.Height),
		}
	}
	if f := m.Failure; f != nil && m.Status == store.StatusFailed {
		out.Error = &Failure{Code: f.Code, Detail: f.Detail, Retryable: f.Retryable}
	}
	return out
}

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

func numberOrNil[N int | int64](n N) *N {
	if n == 0 {
		return nil
	}
	return &n
}

// EventOf is an event as every transport gives it out.
func EventOf(e store.Event) Event {
	return Event{ID: e.ID, Seq: e.Seq, Event: e.Name, SessionID: e.SessionID, Timestamp: Time(e.Timestamp), Data: e.Data}
}
