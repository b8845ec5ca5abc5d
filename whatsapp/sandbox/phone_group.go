package sandbox

import (
	"fmt"

	"go.mau.fi/libsignal/groups"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// senderKey names the key that a device encrypts with for a group.
func senderKey(group types.JID, a *account, device int) *protocol.SenderKeyName {
	return protocol.NewSenderKeyName(group.String(), a.lidJID(device).SignalAddress())
}

// postGroup encrypts one message for a group and queues it for every device of every member, as
// part of the change: once with the phone's sender key, and that key for each device. The
// caller holds p.mu.
func (p *Phone) postGroup(c *change, in chat, l letter, payload []byte) error {
	distribution, err := p.distribution(in.group)
	if err != nil {
		return err
	}
	key := senderKey(in.address(), p.account, 0)
	sealed, err := groups.NewGroupCipher(groups.NewGroupSessionBuilder(p.signal, p.format), key, p.signal).Encrypt(p.server.ctx, pad(payload))
	if err != nil {
		return fmt.Errorf("encrypt for the group: %w", err)
	}
	common := leaf("enc", attrs{"v": "2", "type": "skmsg"}, sealed.SignedSerialize())
	raw, err := proto.Marshal(&waE2E.Message{SenderKeyDistributionMessage: distribution})
	if err != nil {
		return fmt.Errorf("encode sender key: %w", err)
	}
	padded := pad(raw)
	for _, d := range in.devices(p.device()) {
		enc, err := p.encrypt(c, d, padded, nil)
		if err != nil {
			p.server.log.Warn("sender key not encrypted for a device", zap.Int("device", d.number), zap.Error(err))
			continue
		}
		p.server.enqueue(c, d, in.message(p.device(), d, l, enc, common))
	}
	return nil
}

// distribution is the phone's sender key as others need it to read what comes next.
func (p *Phone) distribution(g *group) (*waE2E.SenderKeyDistributionMessage, error) {
	made, err := groups.NewGroupSessionBuilder(p.signal, p.format).Create(p.server.ctx, senderKey(g.jid(), p.account, 0))
	if err != nil {
		return nil, fmt.Errorf("make sender key: %w", err)
	}
	return &waE2E.SenderKeyDistributionMessage{
		GroupID: proto.String(g.jid().String()), AxolotlSenderKeyDistributionMessage: made.Serialize(),
	}, nil
}

// withKey is an encoded message for a group together with the sender key, for one device that
// could not read it.
func (p *Phone) withKey(in chat, payload []byte) ([]byte, error) {
	var content waE2E.Message
	if err := proto.Unmarshal(payload, &content); err != nil {
		return nil, fmt.Errorf("decode own message: %w", err)
	}
	distribution, err := p.distribution(in.group)
	if err != nil {
		return nil, err
	}
	content.SenderKeyDistributionMessage = distribution
	raw, err := proto.Marshal(&content)
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return raw, nil
}

// open decrypts all parts of a message in their order: a sender key that is among them is taken
// over, and opens what comes after it. What is left is the message itself; nil if there was only a key.
func (p *Phone) open(n *node, sender *account, from types.JID, in types.JID) (*waE2E.Message, error) {
	var message *waE2E.Message
	for _, enc := range n.GetChildrenByTag("enc") {
		var plain []byte
		var err error
		if attrString(&enc, "type") == "skmsg" {
			plain, err = p.decryptGroup(sender, from, in, &enc)
		} else {
			plain, err = p.decrypt(sender, int(from.Device), &enc)
		}
		if err != nil {
			return nil, err
		}
		var m waE2E.Message
		if err := proto.Unmarshal(plain, &m); err != nil {
			return nil, fmt.Errorf("read message: %w", err)
		}
		if key := m.GetSenderKeyDistributionMessage(); key != nil {
			if err := p.takeSenderKey(sender, from, in, key); err != nil {
				return nil, err
			}
			m.SenderKeyDistributionMessage = nil
			if only := (&waE2E.Message{MessageContextInfo: m.MessageContextInfo}); proto.Equal(&m, only) {
				continue
			}
		}
		message = &m
	}
	return message, nil
}

func (p *Phone) takeSenderKey(sender *account, from, in types.JID, key *waE2E.SenderKeyDistributionMessage) error {
	made, err := protocol.NewSenderKeyDistributionMessageFromBytes(key.GetAxolotlSenderKeyDistributionMessage(), p.format.SenderKeyDistributionMessage)
	if err != nil {
		return fmt.Errorf("read sender key: %w", err)
	}
	builder := groups.NewGroupSessionBuilder(p.signal, p.format)
	if err := builder.Process(p.server.ctx, senderKey(in, sender, int(from.Device)), made); err != nil {
		return fmt.Errorf("take sender key: %w", err)
	}
	return nil
}

func (p *Phone) decryptGroup(sender *account, from, in types.JID, enc *node) (plain []byte, err error) {
	defer func() {
		if r := recover(); r != nil { // malformed input of a client
			err = fmt.Errorf("decrypt skmsg: %v", r)
		}
	}()
	msg, err := protocol.NewSenderKeyMessageFromBytes(contentBytes(enc), p.format.SenderKeyMessage)
	if err != nil {
		return nil, fmt.Errorf("read skmsg: %w", err)
	}
	builder := groups.NewGroupSessionBuilder(p.signal, p.format)
	if plain, err = groups.NewGroupCipher(builder, senderKey(in, sender, int(from.Device)), p.signal).Decrypt(p.server.ctx, msg); err != nil {
		return nil, fmt.Errorf("decrypt skmsg: %w", err)
	}
	return unpad(plain)
}
