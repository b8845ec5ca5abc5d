package whatsapp

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"go.uber.org/zap"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// deed is an act as it came: who did what, in which chat, when.
type deed struct {
	convert.Act
	chat   string // key
	actor  string // key
	id     string // of the message that brought it
	fromMe bool
	admin  bool // an admin of the group, as WhatsApp's server said when it was asked
	asked  bool // it was asked
	at     time.Time
	event  *events.Message // nil: it was kept until its target came
}

// onAct applies what somebody did to a message or a chat. It never rings, never counts as unread
// and stands in no list. What comes before its target waits for it.
func (c *conn) onAct(e *events.Message, r convert.Reading) error {
	c.s.ingest.Lock()
	defer c.s.ingest.Unlock()
	d := c.draft()
	d.received = e.Info.Timestamp
	if err := d.meetSource(&e.Info, r); err != nil {
		return err
	}
	chat, _ := d.place(chatOf(e.Info.MessageSource))
	a := deed{
		Act: *r.Act, chat: chat, actor: d.sender(e.Info), id: convert.CleanID(e.Info.ID), fromMe: e.Info.IsFromMe,
		at: plausible(e.Info.Timestamp), event: e,
	}
	if r.Class == convert.ClassMessage { // the first position of a live location, or a further one
		return d.locate(e, r, a)
	}
	d.learned = d.unit
	done, err := d.act(c.ctx, a)
	if err != nil {
		return err
	}
	if !done {
		d.wait(a, waitingAct{Raw: hex.EncodeToString(rawOf(e.RawMessage))})
	}
	if len(d.unit.Messages) > 0 { // a comment is a message
		return d.commitLater(e)
	}
	return d.commit(c.ctx)
}

// act applies an act; false when its target is not here.
func (d *draft) act(ctx context.Context, a deed) (done bool, err error) {
	if a.Kind == convert.ActTimer {
		a.At = within(a.At, a.at)
		return true, d.setTimer(ctx, a)
	}
	target, found, err := d.target(ctx, a)
	if err != nil || !found {
		return false, err
	}
	if d.needsAdmin(a, target) {
		d.tasks = true
		return false, nil
	}
	if a.Sealed != nil {
		opened, err := d.open(ctx, a, target)
		if errors.Is(err, convert.ErrSealed) {
			d.s.log.Info("act cannot be opened", zap.String("kind", a.Kind), zap.String("message", a.id))
			switch a.Kind {
			case convert.ActVote:
				d.vote(a, target, true)
			case convert.ActAnswer:
				d.answer(a, target)
			}
			return true, nil
		}
		if err != nil {
			return false, err
		}
		a.Act = opened
	}
	a.At = within(a.At, a.at)
	return true, d.apply(ctx, a, target)
}

// needsAdmin says whether it has to be asked first who is an admin: somebody takes back another's
// message in a group. That takes its time, and is left to the session's worker.
func (d *draft) needsAdmin(a deed, target store.Message) bool {
	return a.Kind == convert.ActRevoke && !a.asked && !d.isOf(target.Sender, a.actor) && d.kindOf(a.chat) == store.ChatGroup
}

// target finds the message that an act is about. Whoever acts names its author: themselves, or in
// a group somebody, or else the other side of the chat.
func (d *draft) target(ctx context.Context, a deed) (store.Message, bool, error) {
	key := store.MessageKey{Chat: a.chat, ID: convert.CleanID(a.Target.ID)}
	jid, named := convert.PersonIn(a.Target.Participant)
	switch {
	case a.Target.FromMe:
		key.Sender = a.actor
	case named:
		key.Sender = d.key(jid)
	case d.kindOf(a.chat) != store.ChatPerson:
		return d.anyones(ctx, key)
	case a.fromMe:
		key.Sender = a.chat
	default:
		key.Sender = d.me()
	}
	return d.stored(key)
}

// anyones finds a message by its id alone, where the act does not name its author.
func (d *draft) anyones(ctx context.Context, key store.MessageKey) (store.Message, bool, error) {
	if err := d.settled(ctx); err != nil {
		return store.Message{}, false, err
	}
	m, err := d.s.m.cfg.Store.Messages().Find(ctx, d.s.id, d.keysOf(key.Chat), key.ID)
	if errors.Is(err, store.ErrNotFound) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("find target: %w", err)
	}
	return m, true, nil
}

// open reads a sealed act with the secret of its target. Each client makes the key with the
// identities as it knew them, so all are tried.
func (d *draft) open(ctx context.Context, a deed, target store.Message) (convert.Act, error) {
	people, err := d.s.PeopleOf(ctx, target.Sender, a.actor)
	if err != nil {
		return a.Act, err
	}
	secret, err := secretOf(target)
	if err != nil {
		return a.Act, err
	}
	return a.Open(convert.Keys{Secret: secret, Authors: spellings(target.Sender, people), Actors: spellings(a.actor, people)})
}

// spellings are the addresses of a person, as the keys of sealed acts may hold them.
func spellings(key string, people convert.People) (jids []types.JID) {
	texts := []string{key}
	if p, ok := people[key]; ok {
		texts = []string{p.LID, p.Phone}
	}
	for _, text := range texts {
		if jid, err := types.ParseJID(text); err == nil && !jid.IsEmpty() {
			jids = append(jids, jid)
		}
	}
	return jids
}

// isOf says whether two keys are one person's.
func (d *draft) isOf(key, other string) bool {
	for _, k := range d.keysOf(key) {
		if k == other {
			return true
		}
	}
	return key == other
}
