package mongo

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"whatsapp-api/store"
)

// putMessages inserts the messages that are not there yet, and then changes what is. What
// comes before its message in the order of the ops finds it with a later one.
func (s *Store) putMessages(ctx context.Context, p projection) error {
	var models []mongo.WriteModel // in one command, since each waits for the disk
	for _, m := range p.messages {
		if p.contested.message(m.ID) { // stored again after it was deleted
			models = append(models, mongo.NewReplaceOneModel().
				SetFilter(append(byID(m.ID), bson.E{Key: "gone", Value: bson.D{{Key: "$exists", Value: true}}})).SetReplacement(m))
		}
	}
	if len(p.updates)+len(models) == 0 {
		return s.bulk(ctx, s.col.messages, inserts(p.messages), false)
	}
	for _, m := range p.messages {
		models = append(models, mongo.NewUpdateOneModel().SetFilter(byID(m.ID)).SetUpsert(true).
			SetUpdate(doc{{Key: "$setOnInsert", Value: m}}))
	}
	return s.bulk(ctx, s.col.messages, append(models, p.updates...), true)
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
