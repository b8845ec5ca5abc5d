package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/sync/errgroup"

	"whatsapp-api/store"
)

// Every change of a unit has a number, its op, that rises over all units of a session.
// A document keeps the op of the last change in its field u, and a change is made only
// where u is less: so what was made once is not made again, and a late one does no harm.

type doc = bson.D

func literal(v any) doc { return doc{{Key: "$literal", Value: v}} }

// olderThanOp is part of the filter of a change.
func olderThanOp(op int64) bson.E { return bson.E{Key: "u", Value: doc{{Key: "$lt", Value: op}}} }

// project writes what the unit changes, and at last the head. It may have been done
// before, as a whole or in part. errMoved: the head is not at the unit before.
func (s *Store) project(ctx context.Context, u unitDoc, rest restDoc) error {
	op := u.N << opBits
	for _, m := range rest.Merges {
		op++
		if err := s.merge(ctx, u.Session, m, op); err != nil {
			return fmt.Errorf("merge chats: %w", err)
		}
	}
	// From here on nothing touches a document of another kind, so all goes at once.
	base := op
	g, gctx := errgroup.WithContext(ctx)
	part := func(what string, n int, fn func(ctx context.Context, op int64) error) {
		if n == 0 {
			return
		}
		first := base + 1
		base += int64(n)
		g.Go(func() error {
			if err := fn(gctx, first); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			return nil
		})
	}
	keys := len(rest.Keys)
	if rest.ForgetKeys {
		keys++
	}
	part("device keys", keys, func(ctx context.Context, op int64) error { return s.putKeys(ctx, u.Session, rest, op) })
	part("contacts", len(rest.Contacts), func(ctx context.Context, op int64) error {
		return s.putContacts(ctx, u.Session, rest.Contacts, op)
	})
	part("chats", len(rest.Chats), func(ctx context.Context, op int64) error { return s.putChats(ctx, u.Session, rest.Chats, op) })
	part("messages", len(rest.Messages)+len(rest.Updates), func(ctx context.Context, op int64) error {
		return s.putMessages(ctx, u, rest, op)
	})
	part("receipts", len(rest.Receipts), func(ctx context.Context, op int64) error {
		return s.putReceipts(ctx, u.Session, rest.Receipts, op)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if s.hooks.projected != nil {
		if err := s.hooks.projected(u.N); err != nil {
			return err
		}
	}
	return s.putHead(ctx, u, rest.State)
}

// putHead says that the unit is projected, and changes the session itself: both are one
// document, so neither happens twice.
func (s *Store) putHead(ctx context.Context, u unitDoc, state *store.SessionUpdate) error {
	set := doc{{Key: "proj", Value: u.N}}
	if u.Last > 0 {
		set = append(set, bson.E{Key: "seq", Value: u.Last})
	}
	update := doc{}
	if fields := stateFields(state); len(fields) > 0 {
		set = append(set, fields...)
		update = doc{{Key: "$inc", Value: doc{{Key: "v", Value: 1}}}}
	}
	update = append(update, bson.E{Key: "$set", Value: set})
	res, err := s.col.heads.UpdateOne(ctx, append(byID(u.Session), bson.E{Key: "proj", Value: u.N - 1}, notDeleting), update)
	if err != nil || res.MatchedCount == 1 {
		return err
	}
	now, err := s.find(ctx, "read head", u.Session)
	if err == nil && now.Proj < u.N {
		err = errMoved
	}
	return err // nil: it was projected before
}

// putKeys writes the last value of each key, which is what the changes in order come to.
func (s *Store) putKeys(ctx context.Context, session string, rest restDoc, op int64) error {
	if rest.ForgetKeys {
		if _, err := s.col.keys.DeleteMany(ctx, append(byID(below(session)), olderThanOp(op))); err != nil {
			return err
		}
		op++
	}
	last := make(map[string]int, len(rest.Keys))
	ids := make([]string, len(rest.Keys))
	for i, k := range rest.Keys {
		ids[i] = keyID(session, k.Table, k.Key)
		last[ids[i]] = i
	}
	var models []mongo.WriteModel
	for i, k := range rest.Keys {
		if last[ids[i]] != i {
			continue
		}
		filter := append(byID(ids[i]), olderThanOp(op+int64(i)))
		if k.Value == nil {
			models = append(models, mongo.NewDeleteOneModel().SetFilter(filter))
			continue
		}
		models = append(models, mongo.NewUpdateOneModel().SetFilter(filter).SetUpsert(true).SetUpdate(doc{{Key: "$set", Value: doc{
			{Key: "k", Value: []byte(k.Key)}, {Key: "v", Value: k.Value}, {Key: "u", Value: op + int64(i)},
		}}}))
	}
	return bulk(ctx, s.col.keys, models, false)
}

// bulk writes; documents that are there already, with a later op, are left alone.
func bulk(ctx context.Context, c *mongo.Collection, models []mongo.WriteModel, ordered bool) error {
	if len(models) == 0 {
		return nil
	}
	_, err := c.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(ordered))
	return known(err)
}

// insertNew inserts the documents that are not there yet.
func insertNew[T any](ctx context.Context, c *mongo.Collection, docs []T) error {
	if len(docs) == 0 {
		return nil
	}
	_, err := c.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	return known(err)
}

// upsert makes or changes the document with this id, unless a later op went into it.
// It is made of blank, what is there, and change, which may look at what is there.
func upsert(id string, op int64, blank, change doc) mongo.WriteModel {
	change = append(change, bson.E{Key: "u", Value: op})
	older := doc{{Key: "$lt", Value: bson.A{doc{{Key: "$ifNull", Value: bson.A{"$u", int64(-1)}}}, op}}}
	merged := doc{{Key: "$mergeObjects", Value: bson.A{literal(blank), "$$ROOT", change}}}
	return mongo.NewUpdateOneModel().SetFilter(byID(id)).SetUpsert(true).SetUpdate(bson.A{
		doc{{Key: "$replaceWith", Value: doc{{Key: "$cond", Value: bson.A{older, merged, "$$ROOT"}}}}},
	})
}

func (s *Store) putContacts(ctx context.Context, session string, updates []store.ContactUpdate, op int64) error {
	var models []mongo.WriteModel
	for i, u := range updates {
		id, op := join(session, u.ID), op+int64(i)
		var change doc
		add := func(field, value string) {
			if value != "" {
				change = append(change, bson.E{Key: field, Value: literal(value)})
			}
		}
		for _, moved := range []struct{ field, jid string }{{"phone", u.Phone}, {"lid", u.LID}} {
			if moved.jid == "" {
				continue
			}
			models = append(models, mongo.NewUpdateManyModel().SetFilter(doc{
				{Key: "s", Value: session},
				{Key: moved.field, Value: moved.jid},
				{Key: "_id", Value: doc{{Key: "$ne", Value: id}}},
				olderThanOp(op),
			}).SetUpdate(doc{{Key: "$set", Value: doc{{Key: moved.field, Value: ""}}}}))
			add(moved.field, moved.jid)
		}
		add("name", u.Name)
		add("push", u.PushName)
		add("business", u.BusinessName)
		models = append(models, upsert(id, op, blankContact(session, u.ID), change))
	}
	return bulk(ctx, s.col.contacts, models, true)
}

func blankContact(session, id string) doc {
	return doc{
		{Key: "s", Value: session},
		{Key: "id", Value: id},
		{Key: "phone", Value: ""},
		{Key: "lid", Value: ""},
		{Key: "name", Value: ""},
		{Key: "push", Value: ""},
		{Key: "business", Value: ""},
	}
}

func blankChat(session, id string) doc {
	return doc{
		{Key: "s", Value: session},
		{Key: "id", Value: id},
		{Key: "kind", Value: ""},
		{Key: "name", Value: ""},
		{Key: "w", Value: bson.A{}},
		{Key: "unread", Value: 0},
		{Key: "archived", Value: false},
		{Key: "pinned", Value: false},
		{Key: "muted", Value: never},
		{Key: "act", Value: never},
	}
}

func (s *Store) putChats(ctx context.Context, session string, updates []store.ChatUpdate, op int64) error {
	var models []mongo.WriteModel
	for i, u := range updates {
		models = append(models, upsert(join(session, u.ID), op+int64(i), blankChat(session, u.ID), chatChange(u)))
	}
	return bulk(ctx, s.col.chats, models, true)
}

func chatChange(u store.ChatUpdate) (change doc) {
	add := func(field string, value any) { change = append(change, bson.E{Key: field, Value: value}) }
	if u.Kind != "" {
		add("kind", literal(u.Kind))
	}
	if u.Name != "" {
		add("name", literal(u.Name))
		add("w", literal(words(u.Name)))
	}
	var unread any = doc{{Key: "$ifNull", Value: bson.A{"$unread", 0}}}
	if u.ClearRead {
		unread = 0
	}
	if u.AddUnread != 0 {
		unread = doc{{Key: "$max", Value: bson.A{0, doc{{Key: "$add", Value: bson.A{unread, u.AddUnread}}}}}}
	}
	add("unread", unread)
	add("act", doc{{Key: "$max", Value: bson.A{"$act", u.ActivityAt.UnixMilli()}}})
	if u.Archived != nil {
		add("archived", *u.Archived)
	}
	if u.Pinned != nil {
		add("pinned", *u.Pinned)
	}
	if u.MutedUntil != nil {
		add("muted", u.MutedUntil.UnixMilli())
	}
	return change
}

// words is store.Words, but never nil: that would be null in the database.
func words(text string) []string { return append([]string{}, store.Words(text)...) }

func (s *Store) putReceipts(ctx context.Context, session string, list []store.Receipt, op int64) error {
	docs := make([]receiptDoc, len(list))
	for i, r := range list {
		docs[i] = newReceiptDoc(session, r, op+int64(i))
	}
	return insertNew(ctx, s.col.receipts, docs)
}
