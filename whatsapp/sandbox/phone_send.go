package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// Send sends messages to another phone or into a group, end-to-end encrypted to each of its
// devices and to the own companions. All are encrypted first and then released
// at once. It returns their ids when they are kept for delivery.
func (p *Phone) Send(ctx context.Context, o Outgoing) ([]string, error) {
	what, err := o.draft()
	if err == nil {
		err = o.check()
	}
	if err != nil {
		return nil, err
	}
	to, err := p.chat(o.To)
	if err != nil {
		return nil, err
	}
	to = to.by(o.Addressing == "pn")
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
		if content, err = what.write(p, to, i+1); err != nil {
			break
		}
		l := letter{id: id}
		l.kind, l.edit = wireType(content)
		if err = p.post(c, to, l, content); err != nil {
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

// post encrypts one message to everybody in the chat and queues it as part of the change. The
// caller holds p.mu.
func (p *Phone) post(c *change, in chat, l letter, content *waE2E.Message) error {
	keepSecret(content)
	payload, err := proto.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	p.remember(c, in, l, content, payload)
	if in.group != nil {
		return p.postGroup(c, in, l, payload)
	}
	padded := pad(payload)
	var copied []byte // for the own devices
	for _, d := range in.devices(p.device()) {
		if d.account != p.account {
			p.deliver(c, in, d, l, padded)
			continue
		}
		if copied == nil {
			if copied, err = ownCopy(in, payload); err != nil {
				return err
			}
			copied = pad(copied)
		}
		p.deliver(c, in, d, l, copied)
	}
	return nil
}

// ownCopy is an encoded message of the chat as the own devices get it.
func ownCopy(in chat, payload []byte) ([]byte, error) {
	var content waE2E.Message
	if err := proto.Unmarshal(payload, &content); err != nil {
		return nil, fmt.Errorf("decode own message: %w", err)
	}
	raw, err := proto.Marshal(&waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{
		DestinationJID: proto.String(in.address().String()), Message: &content,
	}, MessageContextInfo: content.GetMessageContextInfo()})
	if err != nil {
		return nil, fmt.Errorf("encode own copy: %w", err)
	}
	return raw, nil
}

// deliver encrypts one device's copy and queues it. A device that has no keys
// to encrypt to is left out, as real senders do.
func (p *Phone) deliver(c *change, in chat, d *device, l letter, padded []byte) {
	enc, err := p.encrypt(c, d, padded, nil)
	if err != nil {
		p.server.log.Warn("message not encrypted for a device", zap.Int("device", d.number), zap.Error(err))
		return
	}
	p.server.enqueue(c, d, in.message(p.device(), d, l, enc))
}
