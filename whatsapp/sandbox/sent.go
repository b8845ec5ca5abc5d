package sandbox

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"sort"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// sentMessage is a message of a phone. It is kept so that it can be sent again to a device that
// could not read it, and so that what comes later can be about it.
type sentMessage struct {
	N       int       `json:"n"`    // its place among what the phone has sent
	Chat    string    `json:"chat"` // see chat.key
	PN      bool      `json:"pn"`   // addressed by phone number
	Type    string    `json:"type"`
	Edit    string    `json:"edit,omitempty"`
	At      time.Time `json:"at,omitzero"` // unknown of what was sent before this was kept
	Payload []byte    `json:"payload"`
}

// Sent is a message that the phone has sent, as the person sees it.
type Sent struct {
	N         int       `json:"n" doc:"Counts from 1"`
	ID        string    `json:"id"`
	Chat      string    `json:"chat" doc:"Phone number of the other end, or address of the group"`
	Type      string    `json:"type" doc:"Such as text, reaction, edit, revoke, poll, …"`
	Text      string    `json:"text"`
	TargetID  string    `json:"targetId,omitempty" doc:"Of the message that is reacted to, edited or revoked"`
	Address   string    `json:"addressing" enum:"lid,pn" doc:"How it was sent"`
	Timestamp time.Time `json:"timestamp,omitzero"`
}

// keptSent is how many of its messages a phone can send again, or say something about.
const keptSent = 1 << 17

func (p *Phone) sentKey(id string) string { return p.path("sent") + hex.EncodeToString([]byte(id)) }

// remember keeps what was sent, the newest of it, and shows it to the person. The caller holds p.mu.
func (p *Phone) remember(c *change, in chat, l letter, content *waE2E.Message, payload []byte) {
	p.box.sentLast++
	m := &sentMessage{N: p.box.sentLast, Chat: in.key(), PN: in.pn, Type: l.kind, Edit: l.edit, At: p.server.now().UTC(), Payload: payload}
	p.sent[l.id] = m
	c.put(p.sentKey(l.id), m)
	shown := p.shown(l.id, m, in, content)
	c.then(func() {
		p.box.mu.Lock()
		p.box.sent = append(p.box.sent, shown)
		p.box.tell()
		p.box.mu.Unlock()
		p.server.happened(MessageSent, p.account, func() any { return shown })
	})
	if p.sentIDs.has(l.id) {
		return
	}
	if old, full := p.sentIDs.add(l.id); full {
		delete(p.sent, old)
		c.del(p.sentKey(old))
	}
}

func (p *Phone) shown(id string, m *sentMessage, in chat, content *waE2E.Message) Sent {
	s := Sent{N: m.N, ID: id, Chat: in.name(), Address: modeOf(m.PN), Timestamp: m.At}
	s.Type, s.Text, s.TargetID = describe(content)
	return s
}

// chatOf is the chat of a message that was sent; ok is false if it is there no longer.
func (p *Phone) chatOf(m *sentMessage) (in chat, ok bool) {
	jid, err := types.ParseJID(m.Chat)
	if err != nil {
		return chat{}, false
	}
	in, ok = p.server.chatAt(p.account, jid)
	return in.by(m.PN), ok
}

// loadSent reads back what was sent, in the order in which it was.
func (p *Phone) loadSent() error {
	var ids []string
	err := p.server.disk.each(p.path("sent"), func(rest string, value []byte) error {
		id, err := hex.DecodeString(rest)
		if err != nil {
			return err
		}
		m := &sentMessage{}
		if err := json.Unmarshal(value, m); err != nil {
			return err
		}
		p.sent[string(id)] = m
		ids = append(ids, string(id))
		return nil
	})
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(p.sent[a].N, p.sent[b].N) })
	for _, id := range ids {
		p.sentIDs.add(id)
		p.box.sentLast = p.sent[id].N
	}
	return err
}

// showSent puts what was read back before the person, once all accounts and groups are there.
func (p *Phone) showSent() error {
	for _, id := range p.sentIDs.order {
		m := p.sent[id]
		in, ok := p.chatOf(m)
		if !ok {
			continue // with somebody who is there no longer
		}
		var content waE2E.Message
		if err := proto.Unmarshal(m.Payload, &content); err != nil {
			return err
		}
		p.box.sent = append(p.box.sent, p.shown(id, m, in, &content))
	}
	return nil
}

// Sent is what the phone has sent after the one with that number.
func (p *Phone) Sent(after int) []Sent {
	p.box.mu.Lock()
	defer p.box.mu.Unlock()
	return p.box.sentAfter(after)
}

// WaitSent is WaitMessages for what the phone has sent itself.
func (p *Phone) WaitSent(ctx context.Context, after, atLeast int) ([]Sent, error) {
	return waitFor(ctx, &p.box, func() []Sent { return p.box.sentAfter(after) }, atLeast)
}

// sentAfter is sent from a number on; not all numbers are still there. The caller holds b.mu.
func (b *mailbox) sentAfter(after int) []Sent {
	from := sort.Search(len(b.sent), func(i int) bool { return b.sent[i].N > after })
	return append([]Sent{}, b.sent[from:]...)
}
