package mongo

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"whatsapp-api/store"
)

// madeMessage is a message that is made, and what changes it in the same projection.
type madeMessage struct {
	store.Message
	pos, op int64
	updates []mongo.WriteModel
}

func (p *projection) makeMessage(m store.Message, pos, op int64) {
	p.made[messageID(p.session, m.MessageKey)] = len(p.messages)
	p.messages = append(p.messages, madeMessage{Message: m, pos: pos, op: op})
}

// changeMessage adds a change of a message. That of one which is made here goes with it: as a part of
// it, where it is only how far the message has got and nothing was projected before, or else behind it.
func (p *projection) changeMessage(u store.MessageUpdate, op int64) {
	id := messageID(p.session, u.Key)
	i, made := p.made[id]
	if !made {
		p.updates = append(p.updates, messageWrites(p.session, u, op)...)
		return
	}
	m := &p.messages[i]
	onWay := store.MessageUpdate{Key: u.Key, Status: u.Status, Timestamp: u.Timestamp}
	if !p.first || len(m.updates) > 0 || onWay != u || p.contested.message(id) {
		m.updates = append(m.updates, messageWrites(p.session, u, op)...)
		return
	}
	m.op = op
	if u.Status != nil && store.StatusRises(m.Status, *u.Status) {
		m.Status = *u.Status
	}
	if u.Timestamp != nil {
		m.Timestamp = *u.Timestamp
	}
}

// putMessages inserts the messages that are not there yet, and then changes what is. What
// comes before its message in the order of the ops finds it with a later one.
func (s *Store) putMessages(ctx context.Context, p projection) error {
	var ordered writes // in one command, since each waits for the disk
	var plain []messageDoc
	for _, m := range p.messages {
		doc := newMessageDoc(p.session, m.Message, m.pos, m.op)
		contested := p.contested.message(doc.ID)
		if len(m.updates) == 0 && !contested {
			plain = append(plain, doc)
			continue
		}
		if contested { // stored again after it was deleted
			ordered = append(ordered, mongo.NewReplaceOneModel().
				SetFilter(append(byID(doc.ID), bson.E{Key: "gone", Value: bson.D{{Key: "$exists", Value: true}}})).SetReplacement(doc))
		}
		ordered = append(ordered, mongo.NewUpdateOneModel().SetFilter(byID(doc.ID)).SetUpsert(true).SetUpdate(bson.D{{Key: "$setOnInsert", Value: doc}}))
		ordered = append(ordered, m.updates...)
	}
	return errors.Join(s.bulk(ctx, s.col.messages, inserts(plain), false), s.bulk(ctx, s.col.messages, ordered, true))
}

// messageWrites changes a message; there is nothing to write where nothing changes.
func messageWrites(session string, m store.MessageUpdate, op int64) []mongo.WriteModel {
	change := messageChange(m)
	if len(change) == 0 {
		return nil
	}
	return []mongo.WriteModel{mongo.NewUpdateOneModel().
		SetFilter(append(byID(messageID(session, m.Key)), olderThanOp(op))).
		SetUpdate(bson.A{doc{{Key: "$set", Value: append(change, bson.E{Key: "u", Value: op})}}})}
}

// messageChange are the new values of a message's fields, as expressions.
func messageChange(u store.MessageUpdate) (change doc) {
	add := func(field string, value any) { change = append(change, bson.E{Key: field, Value: value}) }
	if u.Status != nil {
		add("st", risen(*u.Status))
	}
	if u.Failure != nil {
		add("fl", doc{
			{Key: "code", Value: literal(u.Failure.Code)},
			{Key: "detail", Value: literal(u.Failure.Detail)},
			{Key: "retryable", Value: u.Failure.Retryable},
		})
	}
	if u.Timestamp != nil {
		add("ts", u.Timestamp.UnixMilli())
	}
	if u.EditedAt != nil {
		add("edited", u.EditedAt.UnixMilli())
	}
	if u.Live != nil {
		add("lv", literal(u.Live))
	}
	var revoked any = "$revoked"
	if u.RevokedAt != nil {
		revoked = u.RevokedAt.UnixMilli()
		add("revoked", revoked)
	}
	if u.RevokedAt == nil && u.Body == nil {
		return change
	}
	// content empties a field of a revoked message, whatever is given for it.
	content := func(field string, empty, given any) {
		if u.Body == nil {
			given = "$" + field
		}
		isRevoked := doc{{Key: "$ne", Value: bson.A{revoked, store.Never}}}
		add(field, doc{{Key: "$cond", Value: bson.A{isRevoked, empty, given}}})
	}
	var body store.Body
	if u.Body != nil {
		body = *u.Body
		add("t", literal(body.Type))
	}
	content("x", "", literal(body.Text))
	content("w", bson.A{}, literal(words(body.Text)))
	content("q", "$$REMOVE", given(body.Quoted, body.Quoted != nil))
	content("at", "$$REMOVE", given(body.Mentions, len(body.Mentions) > 0))
	content("md", "$$REMOVE", given(body.Media, body.Media != nil))
	content("ct", "$$REMOVE", given(body.Content, body.Content != nil))
	content("raw", "$$REMOVE", given(body.Raw, len(body.Raw) > 0))
	return change
}

// given is a value, or none.
func given(v any, is bool) any {
	if !is {
		return "$$REMOVE"
	}
	return literal(v)
}

var statuses = []string{
	store.StatusReceived, store.StatusQueued, store.StatusSent, store.StatusDelivered,
	store.StatusRead, store.StatusPlayed, store.StatusFailed,
}

// risen is next where store.StatusRises says so, else the status that is there. A status
// that is none of ours is told from them.
func risen(next string) doc {
	stays := slices.DeleteFunc(slices.Clone(statuses), func(now string) bool { return store.StatusRises(now, next) })
	rises := doc{{Key: "$not", Value: bson.A{doc{{Key: "$in", Value: bson.A{"$st", stays}}}}}}
	if !store.StatusRises("", next) {
		from := slices.DeleteFunc(slices.Clone(statuses), func(now string) bool { return !store.StatusRises(now, next) })
		rises = doc{{Key: "$in", Value: bson.A{"$st", from}}}
	}
	return doc{{Key: "$cond", Value: bson.A{rises, literal(next), "$st"}}}
}
