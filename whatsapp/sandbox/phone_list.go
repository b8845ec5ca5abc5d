package sandbox

import (
	"cmp"
	"slices"
	"time"
)

// Chat is a chat as a phone lists it.
type Chat struct {
	Chat     string `json:"chat" doc:"Phone number of the other end, or address of the group"`
	Kind     string `json:"kind" enum:"person,oneself,group"`
	Title    string `json:"title" doc:"Name of the other end, or subject of the group"`
	Received int    `json:"received" doc:"How many messages came, those of own clients too"`
	Sent     int    `json:"sent" doc:"How many messages the phone has sent"`
	Last     *Line  `json:"last,omitempty" doc:"The newest message"`
}

// Line is what a list of chats shows of a message.
type Line struct {
	ID        string    `json:"id"`
	FromMe    bool      `json:"fromMe"`
	Type      string    `json:"type"`
	Text      string    `json:"text"`
	Timestamp time.Time `json:"timestamp,omitzero"`
}

// Chats is all chats of the phone in which something was written, and all groups that its account is
// in, the newest first. Chats with accounts that are there no longer are left out.
func (p *Phone) Chats() []Chat {
	chats := map[string]*Chat{}
	for _, g := range p.server.allGroups() {
		if in := p.server.chatIn(p.account, g); in.has(p.account) {
			chats[in.name()] = in.listed()
		}
	}
	of := func(name string) *Chat {
		if c, ok := chats[name]; ok {
			return c
		}
		chats[name] = nil
		if in, err := p.named(name); err == nil {
			chats[name] = in.listed()
		}
		return chats[name]
	}
	for _, m := range p.Messages(0) {
		if c := of(m.Chat); c != nil {
			c.Received++
			c.show(Line{m.ID, m.FromMe, m.Type, m.Text, m.Timestamp})
		}
	}
	for _, m := range p.Sent(0) {
		if c := of(m.Chat); c != nil {
			c.Sent++
			c.show(Line{m.ID, true, m.Type, m.Text, m.Timestamp})
		}
	}
	list := []Chat{}
	for _, c := range chats {
		if c != nil {
			list = append(list, *c)
		}
	}
	slices.SortFunc(list, func(a, b Chat) int {
		return cmp.Or(b.newest().Compare(a.newest()), cmp.Compare(a.Chat, b.Chat))
	})
	return list
}

func (c chat) listed() *Chat { return &Chat{Chat: c.name(), Kind: string(c.kind), Title: c.title()} }

// show takes a message for the newest, if none is newer.
func (c *Chat) show(line Line) {
	if !line.Timestamp.Before(c.newest()) {
		c.Last = &line
	}
}

func (c *Chat) newest() time.Time {
	if c.Last == nil {
		return time.Time{}
	}
	return c.Last.Timestamp
}
