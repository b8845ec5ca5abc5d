package convert

import (
	"encoding/base64"
	"encoding/hex"
	"time"

	"whatsapp-api/store"
)

// MessageOf is a stored message as clients see it.
func MessageOf(m store.Message, people People) Message {
	out := Message{
		ID: m.ID, SessionID: m.SessionID, ChatID: AddressOf(m.Chat, people).ID, From: AddressOf(m.Sender, people), FromMe: m.FromMe,
		Type: m.Type, Text: TextOrNil(m.Text), Mentions: people.addresses(m.Mentions), Media: MediaOf(m.Media), Status: m.Status,
		Timestamp: Time(saidAt(m)), StoredAt: Time(m.StoredAt),
		EditedAt: TimeOrNil(m.EditedAt), RevokedAt: TimeOrNil(m.RevokedAt),
	}
	if q := m.Quoted; q != nil {
		out.Quoted = &Quoted{ID: q.ID, ChatID: out.ChatID, Type: q.Type, Text: TextOrNil(q.Text), From: people.address(q.Sender)}
		if c := m.Content; c != nil && c.QuotedChat != "" {
			out.Quoted.ChatID = AddressOf(c.QuotedChat, people).ID
		}
	}
	if f := m.Failure; f != nil && m.Status == store.StatusFailed {
		out.Error = &Failure{Code: f.Code, Detail: f.Detail, Retryable: f.Retryable}
	}
	content, live := m.Content, m.Live
	if content == nil {
		content = &store.Content{}
	}
	if live == nil {
		live = &store.Live{}
	}
	out.content(content, people)
	out.pieces(content, live, people)
	out.live(content, live, people)
	if e := content.Ephemeral; e != nil {
		out.Ephemeral = &Ephemeral{Seconds: e.Seconds, ExpiresAt: TimeOrNil(m.Timestamp.Add(time.Duration(e.Seconds) * time.Second))}
	}
	return out
}

// saidAt is WhatsApp's time of a message as its stanza said it, also where it cannot be so.
func saidAt(m store.Message) time.Time {
	if m.Envelope != nil && m.Envelope.Said != 0 {
		return time.Unix(m.Envelope.Said, 0).UTC()
	}
	return m.Timestamp
}

// content fills in what is short.
func (out *Message) content(c *store.Content, people People) {
	out.Source, out.MentionsAll, out.ViewOnce, out.Broadcast = TextOrNil(c.Source), c.MentionsAll, c.ViewOnce, c.Broadcast
	out.GroupMentions, out.Links = []GroupMention{}, []LinkPreview{}
	for _, g := range c.GroupMentions {
		out.GroupMentions = append(out.GroupMentions, GroupMention{ID: g.Group, Name: TextOrNil(g.Name)})
	}
	for _, l := range c.Links {
		out.Links = append(out.Links, LinkPreview{URL: l.URL, Title: TextOrNil(l.Title), Description: TextOrNil(l.Description), Image: dataURL(l.Image)})
	}
	if f := c.Forwarded; f != nil {
		out.Forwarded = &Forwarded{Often: f.Often}
	}
	if a := c.Album; a != nil {
		out.Album = &Album{ID: TextOrNil(a.ID), Index: a.Index, Total: numberOrNil(a.Total)}
	}
	if s := c.System; s != nil {
		out.System = &System{Kind: s.Kind, By: people.address(s.By), People: people.addresses(s.People), Text: TextOrNil(s.Text), Seconds: s.Seconds, Previous: TextOrNil(s.Previous)}
	}
}

// live fills in what people did to the message.
func (out *Message) live(c *store.Content, l *store.Live, people People) {
	out.Reactions = []Reaction{}
	for _, r := range l.Reactions {
		if r.Emoji != "" {
			out.Reactions = append(out.Reactions, Reaction{Emoji: r.Emoji, From: AddressOf(r.By, people), Timestamp: Time(momentOf(r.At))})
		}
	}
	out.Starred = l.Starred != nil && l.Starred.On
	if l.Pinned != nil {
		out.PinnedUntil = moment(l.Pinned.Until)
	}
	if l.Media != nil {
		out.Media = MediaOf(&l.Media.Media)
	}
	if l.Location != nil && c.Location != nil {
		at := *l.Location
		at.Name, at.Address, at.URL, at.Live = c.Location.Name, c.Location.Address, c.Location.URL, true
		at.ExpiresAt = max(at.ExpiresAt, c.Location.ExpiresAt)
		out.Location = placeOf(&at)
	}
}

// MediaOf is what is known of a file before it is fetched; nil for none.
func MediaOf(f *store.Media) *Media {
	if f == nil {
		return nil
	}
	return &Media{
		MimeType: TextOrNil(f.MimeType), FileName: TextOrNil(f.FileName), Size: numberOrNil(f.Size), SHA256: TextOrNil(hex.EncodeToString(f.SHA256)),
		Width: numberOrNil(f.Width), Height: numberOrNil(f.Height), Seconds: numberOrNil(f.Seconds), Pages: numberOrNil(f.Pages), Animated: f.Animated,
		Waveform: base64OrNil(f.Waveform), Thumbnail: dataURL(f.Thumbnail),
	}
}

// address is that of a person, nil when none is named.
func (p People) address(id string) *Address {
	if id == "" {
		return nil
	}
	a := AddressOf(id, p)
	return &a
}

func (p People) addresses(ids []string) []Address {
	all := make([]Address, 0, len(ids))
	for _, id := range ids {
		all = append(all, AddressOf(id, p))
	}
	return all
}

func numberOrNil[N int | int64 | float64](n N) *N {
	if n == 0 {
		return nil
	}
	return &n
}

// moment is nil for 0.
func moment(ms int64) *Time { return TimeOrNil(momentOf(ms)) }

func base64OrNil(b []byte) *string { return TextOrNil(base64.StdEncoding.EncodeToString(b)) }

// dataURL is a small picture as a browser shows it; nil for none.
func dataURL(b []byte) *string {
	kind := pictureType(b)
	if kind == "" {
		return nil
	}
	return TextOrNil("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(b))
}
