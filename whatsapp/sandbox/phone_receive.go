package sandbox

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// maxRetries is how often a phone asks for the same message again.
const maxRetries = 4

// runPhone starts the goroutine in which a phone reads its queue, which is a
// device's queue like any other.
func (s *Server) runPhone(p *Phone) {
	p.account.device(0).queue.wake(func() {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	})
	ctx, stop := context.WithCancel(s.ctx)
	p.stop, p.ended = stop, make(chan struct{})
	s.wg.Go(func() {
		defer close(p.ended)
		defer stop()
		p.work(ctx)
	})
}

// work reads the queue until ctx ends, while the phone is on.
func (p *Phone) work(ctx context.Context) {
	d := p.device()
	var after uint64
	for p.power.wait(ctx) == nil {
		batch := d.queue.take(after, 64)
		for _, q := range batch {
			p.server.disk.waitRoom()
			if ctx.Err() != nil || !p.receive(d, q) {
				break
			}
			after = q.pos
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
		}
	}
}

// receive takes one stanza out of the queue; it ends in the same change that
// keeps what came of it. It says whether the phone was on to do so.
func (p *Phone) receive(d *device, q *queued) bool {
	n, err := decodeNode(q.data)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.record.Off {
		return false
	}
	c := p.begin()
	p.server.ended(c, d, q.key)
	if err == nil {
		switch n.Tag {
		case "message":
			p.receiveMessage(c, n)
		case "receipt":
			p.receiveReceipt(c, n)
		case "notification":
			p.receiveNotification(c, n)
		}
		p.topUp(c, d)
	}
	c.commit()
	return true
}

// writtenBy is the device that a stanza is from: in a group, that of the member.
func writtenBy(n *node) types.JID {
	from, _ := attrJID(n, "from")
	if from.Server == types.GroupServer {
		from, _ = attrJID(n, "participant")
	}
	return from
}

// inChat is the chat of a message that somebody has sent to this phone.
func (p *Phone) inChat(n *node, sender *account, from types.JID) chat {
	if at, ok := attrJID(n, "from"); ok {
		if g := p.server.group(at); g != nil {
			return p.server.chatIn(p.account, g)
		}
	}
	return p.server.chatWith(p.account, sender, from.Server != types.HiddenUserServer)
}

// answers puts into a receipt whose it is, and of which chat, so that it fits the message n.
func (p *Phone) answers(a attrs, n *node, sender *account, from types.JID) {
	in := p.inChat(n, sender, from)
	in.from(a, p.device())
	if in.group == nil {
		a["recipient"] = n.Attrs["recipient"]
	}
}

func (p *Phone) receiveMessage(c *change, n *node) {
	in, _ := attrJID(n, "from")
	from := writtenBy(n)
	sender := p.server.find(from)
	if _, ok := childOf(n, "enc"); sender == nil || !ok {
		return
	}
	id := attrString(n, "id")
	m, err := p.open(n, sender, from, in)
	seen := fmt.Sprintf("%s %d %s", sender.lid, from.Device, id)
	if err != nil {
		// A copy of what was read before (the sender was not told in time) cannot
		// be decrypted again, and is fine.
		if !p.known.has(seen) {
			p.server.log.Debug("phone cannot decrypt", zap.Error(err))
			p.askAgain(c, n, sender, from, id)
		}
		return
	}
	delete(p.asked, id)
	if m == nil {
		return // a sender key alone
	}
	if attrString(n, "category") == "peer" {
		p.receivePeer(c, sender, int(from.Device), id, m)
		return
	}
	p.confirm(c, n, sender, from, id)
	if p.known.has(seen) {
		return
	}
	p.known.add(seen)
	p.showMessage(c, n, sender, from, m)
}

// showMessage puts a message before the person.
func (p *Phone) showMessage(c *change, n *node, sender *account, from types.JID, m *waE2E.Message) {
	in, fromMe := p.inChat(n, sender, from), sender == p.account
	if sent := m.GetDeviceSentMessage(); sent != nil && fromMe {
		m = sent.GetMessage()
		if jid, err := types.ParseJID(sent.GetDestinationJID()); err == nil {
			if to, ok := p.server.chatAt(p.account, jid); ok {
				in = to
			}
		}
	}
	if frame, _ := wireType(m); (frame == "event" || frame == "poll") && attrString(n, "type") != frame {
		p.server.log.Info("message dropped: its stanza has the type of another", zap.String("is", frame), zap.String("says", attrString(n, "type")))
		return // as phones do, without a word to anybody
	}
	kind, text, target := describe(m)
	raw, err := proto.Marshal(m)
	if err != nil {
		p.server.log.Error("message cannot be kept", zap.Error(err))
		return
	}
	seconds, _ := strconv.ParseInt(attrString(n, "t"), 10, 64)
	p.show(c, Received{
		ID: attrString(n, "id"), From: "+" + sender.pn, FromLID: sender.lidJID(0).String(), Device: int(from.Device),
		Chat: in.name(), FromMe: fromMe, Type: kind, Text: text, TargetID: target, Address: modeOf(from.Server != types.HiddenUserServer),
		Timestamp: time.Unix(seconds, 0).UTC(), Raw: raw,
	})
}

// confirm tells the sender that the message has arrived: all devices of
// somebody else, or the own companion that sent a copy.
func (p *Phone) confirm(c *change, n *node, sender *account, from types.JID, id string) {
	a := attrs{"id": id, "t": unix(p.server.now())}
	p.answers(a, n, sender, from)
	if sender == p.account {
		a["type"] = "sender"
		if d := sender.device(int(from.Device)); d != nil {
			p.server.enqueue(c, d, el("receipt", a))
		}
		return
	}
	for _, d := range sender.list() {
		p.server.enqueue(c, d, el("receipt", a))
	}
}

func (p *Phone) receiveReceipt(c *change, n *node) {
	from := writtenBy(n)
	sender := p.server.find(from)
	if sender == nil {
		return
	}
	kind := attrString(n, "type")
	if kind == "retry" {
		p.sendAgain(c, n, sender, int(from.Device))
	}
	if kind == "" {
		kind = "delivered"
	}
	seconds, _ := strconv.ParseInt(attrString(n, "t"), 10, 64)
	p.showReceipt(c, Receipt{
		IDs: receiptIDs(n), From: "+" + sender.pn, Device: int(from.Device), Type: kind, Timestamp: time.Unix(seconds, 0).UTC(),
	})
}

func (p *Phone) receiveNotification(c *change, n *node) {
	from, _ := attrJID(n, "from")
	if attrString(n, "type") == companionReady && p.server.find(from) == p.account {
		if d := p.account.device(int(from.Device)); d != nil {
			p.greet(c, d)
		}
	}
}
