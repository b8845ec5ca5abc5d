package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// Outgoing is what a phone is told to send. One of Text, Poll, ForwardID and Proto says what it is.
type Outgoing struct {
	To         string   `json:"to"`                   // phone number, or address of a group
	Type       string   `json:"type,omitempty"`       // text, poll, forward or proto; or nothing: what is given says it
	Text       string   `json:"text,omitempty"`       // {n} becomes 1, 2, … up to Count
	QuotedID   string   `json:"quotedId,omitempty"`   // of the message of this chat that the text answers
	Mentions   []string `json:"mentions,omitempty"`   // phone numbers of whom the text mentions
	Poll       *Poll    `json:"poll,omitempty"`       // a question
	ForwardID  string   `json:"forwardId,omitempty"`  // of the text that is sent on
	Count      int      `json:"count,omitempty"`      // how many; 0 is one
	ID         string   `json:"id,omitempty"`         // of the message, if there is one; made if empty
	Addressing string   `json:"addressing,omitempty"` // lid, or nothing, or pn: the form of address on the wire
	// ForwardFrom is the phone number of the chat in which the forwarded text is; To if empty.
	ForwardFrom string `json:"forwardFrom,omitempty"`
	// Proto is any Message of WhatsApp's protocol in the JSON of protobuf, sent as it is.
	Proto json.RawMessage `json:"proto,omitempty"`
}

const (
	maxCount = 100_000
	maxText  = 64 << 10
)

// sentMessage is kept so that it can be sent again to a device that could not
// read it.
type sentMessage struct {
	To      string `json:"to"`              // LID user of the other end
	Group   string `json:"group,omitempty"` // instead: user part of the group's address
	PN      bool   `json:"pn"`              // addressed by phone number
	Type    string `json:"type"`
	Edit    string `json:"edit,omitempty"`
	Payload []byte `json:"payload"`
}

func (m *sentMessage) like() types.JID {
	if m.PN {
		return types.JID{Server: types.DefaultUserServer}
	}
	return types.JID{Server: types.HiddenUserServer}
}

func (o *Outgoing) check() error {
	given, fits := o.contents()
	switch {
	case given == 0:
		return fmt.Errorf("%w: nothing to send: text is empty, and there is no poll, forwardId or proto", ErrInvalid)
	case given > 1:
		return fmt.Errorf("%w: text, poll, forwardId and proto do not go together", ErrInvalid)
	case o.Type != "" && o.Type != fits:
		return fmt.Errorf("%w: type %q does not fit what is sent, which is %s", ErrInvalid, o.Type, fits)
	case fits != "text" && (o.QuotedID != "" || len(o.Mentions) > 0):
		return fmt.Errorf("%w: quotedId and mentions belong to a text", ErrInvalid)
	case fits == "poll" && o.Poll.check() != nil:
		return o.Poll.check()
	case o.ForwardFrom != "" && fits != "forward":
		return fmt.Errorf("%w: forwardFrom belongs to forwardId", ErrInvalid)
	case len(o.Text) > maxText:
		return fmt.Errorf("%w: text is longer than %d bytes", ErrInvalid, maxText)
	case o.Count < 0 || o.Count > maxCount:
		return fmt.Errorf("%w: count is not between 1 and %d", ErrInvalid, maxCount)
	case o.ID != "" && o.Count > 1:
		return fmt.Errorf("%w: id and count do not go together", ErrInvalid)
	case len(o.ID) > 128:
		return fmt.Errorf("%w: id is longer than 128 bytes", ErrInvalid)
	case o.Addressing != "" && o.Addressing != "lid" && o.Addressing != "pn":
		return fmt.Errorf("%w: addressing is lid or pn", ErrInvalid)
	}
	return nil
}

// Send sends messages to another phone or into a group, end-to-end encrypted to each of its
// devices and to the own companions. All are encrypted first and then released
// at once. It returns their ids when they are kept for delivery.
func (p *Phone) Send(ctx context.Context, o Outgoing) ([]string, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	to, err := p.chat(o.To)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	c := p.begin()
	p.signal.hold()
	ids := make([]string, 0, max(o.Count, 1))
	for i := range max(o.Count, 1) {
		id := o.ID
		if id == "" {
			id = messageID()
		}
		var content *waE2E.Message
		if content, err = p.compose(&o, to, i+1); err != nil {
			break
		}
		m := to.sent(o.Addressing == "pn")
		m.Type, m.Edit = wireType(content)
		if err = p.post(c, to, id, m, content); err != nil {
			break
		}
		if i%256 == 0 && ctx.Err() != nil {
			err = ctx.Err()
			break
		}
		ids = append(ids, id)
	}
	p.signal.release()
	if err != nil {
		// Nothing is released, but the sessions have moved on; that may be kept.
		c.adds = nil
		ids = nil
	}
	c.commit()
	p.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return ids, c.wait(ctx)
}

// messageID makes an id like those of phones.
func messageID() string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails
	return "3A" + strings.ToUpper(hex.EncodeToString(b[:]))
}

// post encrypts one message to everybody who must get it and queues it as part
// of the change. The caller holds p.mu.
func (p *Phone) post(c *change, to chat, id string, m *sentMessage, content *waE2E.Message) error {
	var err error
	keepSecret(content)
	if m.Payload, err = proto.Marshal(content); err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	p.remember(c, id, m)
	if to.group != nil {
		return p.postGroup(c, to.group, id, m)
	}
	padded := pad(m.Payload)
	for _, d := range to.account.list() {
		if d.account == p.account && d.number == 0 {
			continue // a note to oneself
		}
		if d.account != p.account {
			if err := p.deliver(c, d, id, m, padded, ""); err != nil {
				return err
			}
		}
	}
	companions := p.account.companions()
	if len(companions) == 0 {
		return nil
	}
	copied, err := p.ownCopy(m)
	if err != nil {
		return err
	}
	padded = pad(copied)
	for _, d := range companions {
		if err := p.deliver(c, d, id, m, padded, ""); err != nil {
			return err
		}
	}
	return nil
}

// ownCopy is the message as the own devices get it.
func (p *Phone) ownCopy(m *sentMessage) ([]byte, error) {
	var content waE2E.Message
	if err := proto.Unmarshal(m.Payload, &content); err != nil {
		return nil, fmt.Errorf("decode own message: %w", err)
	}
	chat := p.chatOf(m)
	raw, err := proto.Marshal(&waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{
		DestinationJID: proto.String(chat.String()), Message: &content,
	}, MessageContextInfo: content.GetMessageContextInfo()})
	if err != nil {
		return nil, fmt.Errorf("encode own copy: %w", err)
	}
	return raw, nil
}

func (p *Phone) chatOf(m *sentMessage) types.JID {
	to := p.server.find(types.JID{User: m.To, Server: types.HiddenUserServer})
	if to == nil {
		return types.JID{User: m.To, Server: types.HiddenUserServer}
	}
	return to.jid(0, m.like())
}

// deliver encrypts one device's copy and queues it. A device that has no keys
// to encrypt to is left out, as real senders do.
func (p *Phone) deliver(c *change, d *device, id string, m *sentMessage, padded []byte, count string) error {
	enc, err := p.encrypt(c, d, padded, nil)
	if err != nil {
		p.server.log.Warn("message not encrypted for a device", zap.Int("device", d.number), zap.Error(err))
		return nil
	}
	p.server.enqueue(c, d, p.stanza(d, id, m, enc, count))
	return nil
}

// stanza wraps one device's copy of a message of this phone.
func (p *Phone) stanza(d *device, id string, m *sentMessage, enc node, count string) node {
	like := m.like()
	a := attrs{
		"from": p.account.jid(0, like), "id": id, "type": m.Type, "t": unix(p.server.now()),
		"notify": p.account.pushName(), "edit": m.Edit,
	}
	if d.account == p.account {
		p.server.ownAddressing(a, p.chatOf(m))
	} else {
		addressing(a, p.account, like)
	}
	if count != "" {
		enc.Attrs["count"] = count
	}
	return el("message", a, enc)
}

// remember keeps what was sent, the newest of it.
func (p *Phone) remember(c *change, id string, m *sentMessage) {
	p.sent[id] = m
	c.put(p.sentKey(id), m)
	if p.sentIDs.has(id) {
		return
	}
	if old, full := p.sentIDs.add(id); full {
		delete(p.sent, old)
		c.del(p.sentKey(old))
	}
}
