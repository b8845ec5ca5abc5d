package whatsapp

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types/events"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// apply changes the record that an act is about, and tells of it. An act that changes nothing, as
// one that came twice, is not told.
func (d *draft) apply(ctx context.Context, a deed, m store.Message) error {
	switch a.Kind {
	case convert.ActEdit:
		return d.edit(ctx, a, m)
	case convert.ActRevoke:
		return d.revoke(a, m)
	case convert.ActComment:
		return d.comment(ctx, a, m)
	case convert.ActVote:
		d.vote(a, m, false)
		return nil
	case convert.ActAnswer:
		d.answer(a, m)
		return nil
	case convert.ActStar:
		d.star(a, m)
		return nil
	case convert.ActDelete:
		d.delete(a, m)
		return nil
	}
	live := liveOf(m)
	switch a.Kind {
	case convert.ActReaction:
		if live.React(store.Reaction{By: a.actor, Emoji: a.Emoji, At: a.At}) {
			d.alive(m, live)
			d.acted(EventMessageReaction, a, ReactionData{
				Acted: d.actedOn(m), From: convert.AddressOf(a.actor, d.people), FromMe: a.fromMe, Emoji: convert.TextOrNil(a.Emoji), Timestamp: a.moment(),
			})
		}
		return nil
	case convert.ActAddOption:
		return d.touch(m, live, a.Option != nil && live.AddOption(*a.Option))
	case convert.ActPin:
		pin := store.Pin{By: a.actor, At: a.At}
		if a.On {
			pin.Until = a.At + int64(a.Seconds)*1000
		}
		return d.touch(m, live, live.Pin(pin))
	case convert.ActKeep:
		return d.touch(m, live, live.Keep(store.Mark{By: a.actor, On: a.On, At: a.At}))
	case convert.ActMedia:
		if a.Media == nil || !d.isOf(m.Sender, a.actor) {
			return nil
		}
		return d.touch(m, live, live.Replace(store.LiveMedia{ID: a.id, Media: *a.Media, Raw: rawOf(a.Message), At: a.At}))
	case convert.ActCancel:
		if !d.isOf(m.Sender, a.actor) || live.CancelledAt != 0 {
			return nil
		}
		live.CancelledAt = a.At
		return d.touch(m, live, true)
	}
	return nil
}

// liveOf is what people did to a message so far, to be changed.
func liveOf(m store.Message) *store.Live {
	if m.Live == nil {
		return &store.Live{}
	}
	live := *m.Live
	live.Reactions, live.Votes, live.Answers = clone(live.Reactions), clone(live.Votes), clone(live.Answers)
	return &live
}

func clone[T any](list []T) []T { return append([]T(nil), list...) }

// alive keeps what people did to a message.
func (d *draft) alive(m store.Message, live *store.Live) {
	d.unit.Updates = append(d.unit.Updates, store.MessageUpdate{Key: m.MessageKey, Live: live})
}

func (d *draft) touch(m store.Message, live *store.Live, changed bool) error {
	if changed {
		d.alive(m, live)
	}
	return nil
}

// acted tells of an act: the same one, told again after an unsure commit, has the same id.
func (d *draft) acted(name string, a deed, data any) {
	d.event(name, strings.Join([]string{a.chat, a.actor, a.id}, "\x00"), data)
}

func (d *draft) actedOn(m store.Message) Acted {
	from := convert.AddressOf(m.Sender, d.people)
	return Acted{ChatID: d.shown(m.Chat), MessageID: m.ID, MessageFrom: &from, MessageFromMe: m.FromMe}
}

func (a deed) moment() convert.Time { return convert.Time(time.UnixMilli(a.At).UTC()) }

// edit gives a message its new words: only its author may, and an older edit changes nothing. Its
// file stays, and so does the secret with which answers to it are sealed.
func (d *draft) edit(ctx context.Context, a deed, m store.Message) error {
	at := time.UnixMilli(a.At).UTC()
	switch {
	case !d.isOf(m.Sender, a.actor):
		d.s.log.Info("edit of somebody else's message left out", zap.String("message", m.ID))
		return nil
	case a.Message == nil || !m.RevokedAt.IsZero() || !at.After(m.EditedAt):
		return nil
	}
	r := convert.Read(a.Message)
	if r.Class != convert.ClassMessage || r.Type == convert.TypeUnknown {
		return nil
	}
	if err := d.meet(ctx, nil, namedIn(r)...); err != nil {
		return err
	}
	said := d.body(m.Chat, r, nil)
	body := m.Body()
	body.Text, body.Mentions = said.Text, said.Mentions
	if said.Quoted != nil {
		body.Quoted = said.Quoted
	}
	body.Content = editedContent(m.Content, said.Content)
	if m.Media == nil {
		body.Type = said.Type
		body.Raw = edited(a.Message, m)
	}
	d.unit.Updates = append(d.unit.Updates, store.MessageUpdate{Key: m.MessageKey, Body: &body, EditedAt: &at})
	m.SetBody(body)
	m.EditedAt = at
	people, err := d.peopleIn(ctx, m)
	if err != nil {
		return err
	}
	d.acted(EventMessageEdited, a, MessageData{Message: convert.MessageOf(m, people)})
	return nil
}

// editedContent is what an edited message says beyond its text: what the edit says, and what an edit
// does not repeat.
func editedContent(was, now *store.Content) *store.Content {
	if was == nil {
		return now
	}
	all := *was
	if now != nil {
		all.Links, all.MentionsAll, all.GroupMentions = now.Links, now.MentionsAll, now.GroupMentions
		if now.Poll != nil {
			all.Poll = now.Poll
		}
		if now.CalendarEvent != nil {
			all.CalendarEvent = now.CalendarEvent
		}
	}
	return &all
}

// edited is the raw form of a message after an edit, with what only the original has.
func edited(now *waE2E.Message, m store.Message) []byte {
	var was waE2E.Message
	if err := proto.Unmarshal(m.Raw, &was); err != nil {
		return rawOf(now)
	}
	all, ok := proto.Clone(now).(*waE2E.Message)
	if !ok {
		return rawOf(now)
	}
	if secret := convert.Read(&was).Secret; len(secret) > 0 {
		if all.MessageContextInfo == nil {
			all.MessageContextInfo = &waE2E.MessageContextInfo{}
		}
		all.MessageContextInfo.MessageSecret = secret
	}
	return rawOf(all)
}

// secretOf is the secret with which answers to a message are sealed.
func secretOf(m store.Message) ([]byte, error) {
	var raw waE2E.Message
	if err := proto.Unmarshal(m.Raw, &raw); err != nil {
		return nil, fmt.Errorf("read stored message: %w: %w", convert.ErrSealed, err)
	}
	return convert.Read(&raw).Secret, nil
}

// revoke takes a message back: its author may, and an admin of the group. What it said is gone from
// the record.
func (d *draft) revoke(a deed, m store.Message) error {
	switch {
	case !m.RevokedAt.IsZero():
		return nil
	case !d.isOf(m.Sender, a.actor) && !a.admin:
		d.s.log.Info("revocation of somebody else's message left out", zap.String("message", m.ID))
		return nil
	}
	at := time.UnixMilli(a.At).UTC()
	d.unit.Updates = append(d.unit.Updates, store.MessageUpdate{Key: m.MessageKey, RevokedAt: &at})
	d.acted(EventMessageRevoked, a, RevokedData{Acted: d.actedOn(m), By: convert.AddressOf(a.actor, d.people), ByMe: a.fromMe, Timestamp: a.moment()})
	return nil
}

// vote keeps a vote in a poll. One that could not be read is told as such, and is no choice.
func (d *draft) vote(a deed, m store.Message, sealed bool) {
	if m.Content == nil || m.Content.Poll == nil {
		return
	}
	a.At = within(a.At, a.at)
	live := liveOf(m)
	v := store.Vote{By: a.actor, Mine: a.fromMe, Hashes: a.Hashes, Sealed: sealed, At: a.At}
	if !live.Vote(v) {
		return
	}
	d.alive(m, live)
	data := PollVoteData{Acted: d.actedOn(m), By: convert.AddressOf(a.actor, d.people), ByMe: a.fromMe, Timestamp: a.moment()}
	if !sealed {
		data.Options = append([]string{}, m.Content.Poll.Texts(live, v)...)
	}
	d.acted(EventPollVote, a, data)
}

// answer keeps an answer to a calendar event. One that could not be read is told as such, and is none.
func (d *draft) answer(a deed, m store.Message) {
	if m.Content == nil || m.Content.CalendarEvent == nil {
		return
	}
	a.At = within(a.At, a.at)
	live := liveOf(m)
	if !live.Answer(store.Answer{By: a.actor, Answer: a.Answer, Guests: a.Guests, At: a.At}) {
		return
	}
	d.alive(m, live)
	d.acted(EventAnswer, a, AnswerData{
		Acted: d.actedOn(m), By: convert.AddressOf(a.actor, d.people), ByMe: a.fromMe, Answer: convert.TextOrNil(a.Answer), Guests: a.Guests, Timestamp: a.moment(),
	})
}

// star keeps that the account has marked a message, or taken the mark off.
func (d *draft) star(a deed, m store.Message) {
	live := liveOf(m)
	was := live.Starred != nil && live.Starred.On
	if !live.Star(store.Mark{By: a.actor, On: a.On, At: a.At}) {
		return
	}
	d.alive(m, live)
	if was != a.On {
		d.acted(EventMessageStarred, a, StarredData{Acted: d.actedOn(m), Starred: a.On, Timestamp: a.moment()})
	}
}

// comment keeps a comment, which is a message that answers its target. One that waited for it is
// kept as it would have been.
func (d *draft) comment(ctx context.Context, a deed, m store.Message) error {
	if a.Message == nil {
		return nil
	}
	r := convert.Read(a.Message)
	if r.Class != convert.ClassMessage {
		return nil
	}
	if err := d.meet(ctx, nil, namedIn(r)...); err != nil {
		return err
	}
	said := store.Message{
		SessionID: d.s.id, MessageKey: store.MessageKey{Chat: a.chat, Sender: a.actor, ID: a.id}, FromMe: a.fromMe,
		Status: store.StatusReceived, Timestamp: a.at, StoredAt: now(),
	}
	if a.fromMe {
		said.Status = store.StatusSent
	}
	if a.event != nil {
		said.Envelope = envelopeOf(a.event, r)
	}
	said.SetBody(d.body(a.chat, r, rawOf(a.Message)))
	said.Quoted = &store.Quoted{ID: m.ID, Sender: m.Sender, Type: m.Type, Text: m.Text}
	if _, there, err := d.stored(said.MessageKey); err != nil || there {
		return err
	}
	return d.receive(ctx, said)
}

// peopleIn are the people of the draft, and whom a message names beside them.
func (d *draft) peopleIn(ctx context.Context, m store.Message) (convert.People, error) {
	people, err := d.s.PeopleOf(ctx, convert.IDs(m)...)
	if err != nil {
		return nil, err
	}
	for key, p := range d.people {
		people[key] = p
	}
	return people, nil
}

// runningPage is how many live locations of a chat are looked at for the one that moves.
const runningPage = 20

// locate keeps a live location: the first position is a message, each further one moves it while it
// runs.
func (d *draft) locate(e *events.Message, r convert.Reading, a deed) error {
	if err := d.settled(d.c.ctx); err != nil {
		return err
	}
	list, _, err := d.s.m.cfg.Store.Messages().List(d.c.ctx, store.MessageQuery{
		Session: d.s.id, Chats: d.keysOf(a.chat), Type: convert.TypeLiveLocation, Page: store.Page{Limit: runningPage},
	})
	if err != nil {
		return fmt.Errorf("find live location: %w", err)
	}
	for _, m := range list {
		if !d.isOf(m.Sender, a.actor) || m.ID == a.id || !m.RevokedAt.IsZero() || m.Content == nil || m.Content.Location == nil {
			continue
		}
		if ends := m.Content.Location.ExpiresAt; ends != 0 && ends < a.at.UnixMilli() {
			continue
		}
		if a.Location == nil || a.Location.Sequence <= m.Content.Location.Sequence { // it begins anew
			break
		}
		to := *a.Location
		to.UpdatedAt = a.at.UnixMilli()
		live := liveOf(m)
		if live.Move(to) {
			d.alive(m, live)
		}
		return d.commit(d.c.ctx)
	}
	return d.keep(e, r)
}
