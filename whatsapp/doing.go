package whatsapp

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
	"whatsapp-api/whatsapp/keys"
)

// What the account does to a message from here (a reaction, an edit …) is a message to WhatsApp and none
// here. It is kept as a task before it leaves, with the id that it has; the unit that applies it to its target,
// as it would apply what the phone does, strikes the task off. So after a crash in between it is sent again under
// the same id, which WhatsApp takes for the same message, and applied then.

// taskDeed is to send an act of the account, and to apply it.
const taskDeed = "deed"

// Which names a stored message.
type Which struct {
	Chat string // address of the chat
	ID   string
	From string // address of its sender, where several have messages with this id; may be empty: the newest
}

// do has the account do something to a message, and returns that message as it is then. build makes what WhatsApp
// gets: it is given the message, its key as WhatsApp names it, and where it goes.
func (s *Session) do(ctx context.Context, on Which, build func(*conn, store.Message, *waCommon.MessageKey) (*waE2E.Message, error)) (store.Message, error) {
	if err := s.own(ctx); err != nil {
		return store.Message{}, err
	}
	c := s.live.Load()
	if !c.usable() {
		return store.Message{}, ErrOffline
	}
	m, err := s.which(ctx, on)
	if err != nil {
		return m, err
	}
	to, err := c.whereTo(m)
	if err != nil {
		return m, err
	}
	key, err := s.keyOf(ctx, to, m)
	if err != nil {
		return m, err
	}
	content, err := build(c, m, key)
	if err != nil {
		return m, err
	}
	t, err := c.intend(m, content)
	if err != nil {
		return m, err
	}
	if err := c.carryOut(t); err != nil {
		return m, err
	}
	if err := s.Settled(ctx); err != nil {
		return m, err
	}
	after, err := s.m.cfg.Store.Messages().Get(ctx, s.id, m.MessageKey)
	if err != nil {
		return m, fmt.Errorf("read message: %w", err)
	}
	return after, nil
}

// which finds a message. store.ErrNotFound.
func (s *Session) which(ctx context.Context, on Which) (store.Message, error) {
	in, err := convert.ParseAddress(on.Chat)
	if err != nil {
		return store.Message{}, err
	}
	if err := s.Settled(ctx); err != nil {
		return store.Message{}, err
	}
	chats, err := s.ChatKeys(ctx, in)
	if err != nil {
		return store.Message{}, err
	}
	if on.From == "" {
		m, err := s.m.cfg.Store.Messages().Find(ctx, s.id, chats, on.ID)
		if err != nil {
			return m, fmt.Errorf("find message: %w", err)
		}
		return m, nil
	}
	by, err := convert.ParseAddress(on.From)
	if err != nil {
		return store.Message{}, err
	}
	senders, err := s.ChatKeys(ctx, by)
	if err != nil {
		return store.Message{}, err
	}
	for _, chat := range chats {
		for _, sender := range senders {
			m, err := s.m.cfg.Store.Messages().Get(ctx, s.id, store.MessageKey{Chat: chat, Sender: sender, ID: on.ID})
			if err == nil {
				return m, nil
			}
			if !errors.Is(err, store.ErrNotFound) {
				return m, fmt.Errorf("find message: %w", err)
			}
		}
	}
	return store.Message{}, store.ErrNotFound
}

// keyOf names a message to WhatsApp's clients, from the side of the account.
func (s *Session) keyOf(ctx context.Context, to types.JID, m store.Message) (*waCommon.MessageKey, error) {
	key := &waCommon.MessageKey{RemoteJID: proto.String(to.String()), FromMe: proto.Bool(m.FromMe), ID: proto.String(m.ID)}
	if m.FromMe || convert.KindOf(to) == store.ChatPerson {
		return key, nil
	}
	sender, err := s.wireSender(ctx, m)
	if err != nil {
		return nil, err
	}
	key.Participant = proto.String(sender)
	return key, nil
}

// intend keeps what is to be done to a message, before anything of it leaves.
func (c *conn) intend(m store.Message, content *waE2E.Message) (store.Task, error) {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	if err := d.meet(c.ctx, nil); err != nil {
		return store.Task{}, err
	}
	id := NewMessageID()
	payload, err := json.Marshal(waitingAct{
		Chat: m.Chat, Sender: d.me(), ID: id, FromMe: true, Timestamp: now().UnixMilli(), Raw: hex.EncodeToString(rawOf(content)),
	})
	if err != nil { // plain values
		panic(fmt.Sprintf("whatsapp: %v", err))
	}
	// The workers leave it alone while its caller is at it.
	t := store.Task{ID: taskDeed + "/" + id, Kind: taskDeed, Payload: payload, Due: now().Add(2 * c.s.m.cfg.SendTimeout)}
	d.unit.Tasks = append(d.unit.Tasks, store.TaskChange{Task: t})
	return t, d.commit(c.ctx)
}

// carryOut does a deed for the first time, and says what came of it: ErrUnconfirmed when it is tried again later,
// else it is done or has failed for good.
func (c *conn) carryOut(t store.Task) error {
	var said error
	kept := c.do(t, func(c *conn, ctx context.Context, t store.Task) (outcome, error) {
		add, err := c.deed(ctx, t)
		if said = err; errors.Is(err, ErrOffline) {
			err = fmt.Errorf("%w: nothing has left, and its caller is told: %w", errNever, err)
		}
		return add, err
	}, c.s.m.cfg.SendTimeout)
	switch {
	case said != nil:
		return said
	case kept != nil:
		return fmt.Errorf("%w: sent, but not kept: %w", ErrUnconfirmed, kept)
	case c.ctx.Err() != nil: // the connection ended before it was known
		return ErrUnconfirmed
	}
	return nil
}

// deed sends an act of the account; what it returns applies it to its target.
func (c *conn) deed(ctx context.Context, t store.Task) (outcome, error) {
	p, r, err := readWaiting(t)
	if err != nil || r.Act == nil {
		return nil, errors.Join(errNever, err)
	}
	at, err := c.say(ctx, p, t.Attempt > 0)
	if errors.Is(err, ErrRefused) {
		return nil, fmt.Errorf("%w: %w", errNever, err)
	}
	if err != nil {
		return nil, err
	}
	a := deed{Act: *r.Act, chat: p.Chat, actor: p.Sender, id: p.ID, fromMe: true, at: plausible(at), asked: true, admin: true} // WhatsApp took it
	t.Attempt = actTries                                                                                                       // a target that is gone does not come again
	return c.applied(a, r, t), nil
}

// say sends an act, and returns when WhatsApp had it.
func (c *conn) say(ctx context.Context, p waitingAct, again bool) (time.Time, error) {
	raw, err := hex.DecodeString(p.Raw)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", errNever, err)
	}
	var content waE2E.Message
	if err := proto.Unmarshal(raw, &content); err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", errNever, err)
	}
	to, err := c.whereTo(store.Message{MessageKey: store.MessageKey{Chat: p.Chat}})
	if err != nil {
		return time.Time{}, err
	}
	answer, err := c.offer(ctx, to, p.ID, &content)
	if err != nil {
		return time.Time{}, c.unsent(answer, err, again)
	}
	return answer.Timestamp, nil
}

// offer has whatsmeow send a message until it is sent or not: one that comes in just now can change the keys under
// it; then nothing has left.
func (c *conn) offer(ctx context.Context, to types.JID, id string, content *waE2E.Message) (answer whatsmeow.SendResponse, err error) {
	for {
		if err = c.freshMembers(ctx, to); err != nil {
			return answer, err
		}
		try := keys.WithSend(ctx)
		answer, err = c.sendOne(try, to, id, content)
		if !errors.Is(err, keys.ErrStale) && !keys.Stale(try) || ctx.Err() != nil {
			return answer, err
		}
	}
}

// sendOne sends a message, with the frame that whatsmeow does not give it where there is one. whatsmeow sends one
// after the other: what goes past it does so while nothing else is sent.
func (c *conn) sendOne(ctx context.Context, to types.JID, id string, content *waE2E.Message) (whatsmeow.SendResponse, error) {
	if frame, ok := frameOf(content); ok && (convert.KindOf(to) == store.ChatPerson || to.Server == types.GroupServer) {
		c.framing.Lock()
		defer c.framing.Unlock()
		f := framed{c: c, to: to, id: id, content: content, frame: frame}
		return f.send(ctx)
	}
	c.framing.RLock()
	defer c.framing.RUnlock()
	return c.client.SendMessage(ctx, to, content, whatsmeow.SendRequestExtra{ID: id, Timeout: c.s.m.cfg.SendTimeout})
}
