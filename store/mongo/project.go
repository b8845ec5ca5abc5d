package mongo

import (
	"context"
	"fmt"
	"maps"
	"slices"

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

// project writes what the units change, which follow one another and go together, and at
// last the head. It may have been done before, as a whole or in part. errMoved: the head is
// not at the unit before. ErrFenced: another process owns the session; what it projects is not changed.
func (s *Store) project(ctx context.Context, units []committed, on terms) error {
	p := projection{session: units[0].doc.Session, contested: on.contested, first: on.first, forget: -1, last: map[string]int{}, tasks: map[string]mongo.WriteModel{}, made: map[string]int{}, touched: map[string]int{}}
	for _, u := range units {
		p.add(u, u.doc.N<<opBits+1)
	}
	// From here on nothing touches a document of another kind, so all goes at once.
	g, gctx := errgroup.WithContext(ctx)
	part := func(what string, n int, fn func(ctx context.Context) error) {
		if n == 0 {
			return
		}
		g.Go(func() error {
			if err := fn(gctx); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			return nil
		})
	}
	part("device keys", len(p.keys)+int(p.forget+1), func(ctx context.Context) error { return s.putKeys(ctx, p) })
	part("contacts", len(p.contacts), func(ctx context.Context) error { return s.bulk(ctx, s.col.contacts, p.contacts, true) })
	part("chats", len(p.chats), func(ctx context.Context) error { return s.bulk(ctx, s.col.chats, p.chatWrites(), true) })
	part("messages", len(p.messages), func(ctx context.Context) error { return s.putMessages(ctx, p) })
	part("updates of messages", len(p.updates), func(ctx context.Context) error { return s.bulk(ctx, s.col.messages, p.updates, true) })
	part("receipts", len(p.receipts), func(ctx context.Context) error { return s.bulk(ctx, s.col.receipts, inserts(p.receipts), false) })
	part("tasks", len(p.tasks), func(ctx context.Context) error {
		return s.bulk(ctx, s.col.tasks, slices.Collect(maps.Values(p.tasks)), false)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if s.hooks.projected != nil {
		for _, u := range units {
			if err := s.hooks.projected(u.doc.N); err != nil {
				return err
			}
		}
	}
	return s.putHead(ctx, units, on.epoch)
}

// projection is what units change in the documents of each kind.
type projection struct {
	session string

	contested *contested
	first     bool  // as in terms
	forget    int64 // the op that removes all keys, or -1
	keys      []keyWrite
	last      map[string]int // where in keys the last one of an id is
	contacts  []mongo.WriteModel
	chats     []chatWrite
	touched   map[string]int // where in chats the last one of a chat is
	messages  []madeMessage
	made      map[string]int     // where in messages one is
	updates   []mongo.WriteModel // of messages that were there before
	receipts  []receiptDoc
	tasks     map[string]mongo.WriteModel // the last of each id, which is what the changes in order come to
}

type keyWrite struct {
	id string
	op int64
	store.KeyChange
}

// add adds a unit whose first change has this op.
func (p *projection) add(u committed, op int64) {
	for _, m := range u.rest.Merges {
		p.merge(m, op)
		op++
	}
	if u.rest.ForgetKeys {
		p.forget = op
		op++
	}
	for _, k := range u.rest.Keys {
		id := keyID(p.session, k.Table, k.Key)
		p.last[id] = len(p.keys)
		p.keys = append(p.keys, keyWrite{id, op, k})
		op++
	}
	for _, c := range u.rest.Contacts {
		p.contacts = append(p.contacts, contactWrites(p.session, c, op)...)
		op++
	}
	for _, c := range u.rest.Chats {
		p.changeChat(c, op)
		op++
	}
	for i, m := range u.rest.Messages {
		p.makeMessage(m, u.doc.N<<opBits+int64(i)+1, op)
		op++
	}
	for _, m := range u.rest.Updates {
		p.changeMessage(m, op)
		op++
	}
	for _, r := range u.rest.Receipts {
		p.receipts = append(p.receipts, newReceiptDoc(p.session, r, op))
		op++
	}
	for _, ch := range u.rest.Tasks {
		p.tasks[ch.Task.ID] = taskWrite(p.session, ch, op, p.contested)
		op++
	}
}

// merge makes of two chats what it is today when the records of two turn out to be one person's.
// Merges come first and have one op each, as the first version had it: what that has projected of
// the unit already is not projected again.
func (p *projection) merge(m mergeDoc, op int64) {
	for _, c := range []store.ContactUpdate{{ID: m.From, SameAs: m.To}, {ID: m.To, Also: []string{m.From}}} {
		p.contacts = append(p.contacts, contactWrites(p.session, c, op)...)
	}
	for _, c := range []store.ChatUpdate{{ID: m.From, Into: m.To}, {ID: m.To, Also: []string{m.From}}} {
		p.changeChat(c, op)
	}
}

// chatWrite is a change of a chat, with its op.
type chatWrite struct {
	store.ChatUpdate
	op int64
}

// changeChat adds a change of a chat. One that was changed before, as by each message of a burst, is
// changed once: but not when it may have been already, since the op says of a change whether it was made.
func (p *projection) changeChat(u store.ChatUpdate, op int64) {
	i, ok := p.touched[u.ID]
	if ok && p.first {
		if both, ok := p.chats[i].Then(u); ok {
			p.chats[i] = chatWrite{both, op}
			return
		}
	}
	p.touched[u.ID] = len(p.chats)
	p.chats = append(p.chats, chatWrite{u, op})
}

func (p *projection) chatWrites() (models writes) {
	for _, c := range p.chats {
		if c.Gone {
			models = append(models, remove(join(p.session, c.ID), c.op, false)) // all a late write can bring back is a chat without messages
			continue
		}
		models = append(models, upsert(join(p.session, c.ID), c.op, blankChat(p.session, c.ID), chatChange(c.ChatUpdate)))
	}
	return models
}

// putHead says that the units are projected, and changes the session itself: both are one
// document, so neither happens twice.
func (s *Store) putHead(ctx context.Context, units []committed, epoch int64) error {
	first, last := units[0].doc, units[len(units)-1].doc
	set := doc{{Key: "proj", Value: last.N}}
	seq := int64(0)
	for _, u := range units {
		seq = max(seq, u.doc.Last)
	}
	if seq > 0 {
		set = append(set, bson.E{Key: "seq", Value: seq})
	}
	update := doc{}
	if fields := stateFields(units[0].rest.State); len(fields) > 0 { // of one that is alone
		set = append(set, fields...)
		update = doc{{Key: "$inc", Value: doc{{Key: "v", Value: 1}}}}
	}
	update = append(update, bson.E{Key: "$set", Value: set})
	made, err := s.putHeadTogether(ctx, headChange{ofEpoch(append(byID(first.Session), bson.E{Key: "proj", Value: first.N - 1}, notDeleting), epoch), update})
	if err != nil || made {
		return err
	}
	now, err := s.find(ctx, "read head", first.Session)
	switch {
	case err != nil:
	case epoch != noEpoch && now.Lease.Epoch != epoch:
		err = store.ErrFenced
	case now.Proj < last.N:
		err = errMoved
	}
	return err // nil: they were projected before
}

// putKeys writes the last value of each key, which is what the changes in order come to.
func (s *Store) putKeys(ctx context.Context, p projection) error {
	if p.forget >= 0 {
		if _, err := s.col.keys.DeleteMany(ctx, append(byID(below(p.session)), olderThanOp(p.forget))); err != nil {
			return err
		}
	}
	var models []mongo.WriteModel
	for id := range p.contested.allKeys() {
		if p.forget >= 0 {
			models = append(models, remove(id, p.forget, true))
		}
	}
	for i, k := range p.keys {
		if p.last[k.id] != i {
			continue
		}
		if k.Value == nil {
			models = append(models, remove(k.id, k.op, p.contested.key(k.id)))
			continue
		}
		filter := append(byID(k.id), olderThanOp(k.op))
		models = append(models, mongo.NewReplaceOneModel().SetFilter(filter).SetUpsert(true).SetReplacement(doc{
			{Key: "k", Value: []byte(k.Key)}, {Key: "v", Value: k.Value}, {Key: "u", Value: k.op},
		}))
	}
	return s.bulk(ctx, s.col.keys, models, false)
}

func taskWrite(session string, ch store.TaskChange, op int64, c *contested) mongo.WriteModel {
	id := join(session, ch.Task.ID)
	if ch.Done {
		return remove(id, op, c.task(id))
	}
	filter := append(byID(id), olderThanOp(op))
	return mongo.NewReplaceOneModel().SetFilter(filter).SetUpsert(true).SetReplacement(newTaskDoc(session, ch.Task, op))
}

// bulk writes; documents that are there already, with a later op, are left alone. What is
// ordered finds its documents by their ids alone.
func bulk(ctx context.Context, c *mongo.Collection, models []mongo.WriteModel, ordered bool) error {
	if len(models) == 0 {
		return nil
	}
	for {
		_, err := c.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(ordered))
		if !ordered || !mongo.IsDuplicateKeyError(err) {
			return known(err)
		}
		// Another process upserted the same document at once. What came behind was not done.
	}
}

// inserts are changes that make documents, where they are not there yet.
func inserts[T any](docs []T) writes {
	models := make(writes, len(docs))
	for i, d := range docs {
		models[i] = mongo.NewInsertOneModel().SetDocument(d)
	}
	return models
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

func contactWrites(session string, u store.ContactUpdate, op int64) (models []mongo.WriteModel) {
	id := join(session, u.ID)
	var change doc
	add := func(field, value string) {
		if value != "" {
			change = append(change, bson.E{Key: field, Value: literal(value)})
		}
	}
	aliases := bson.A{}
	for _, a := range []struct{ field, jid string }{{"phone", u.Phone}, {"lid", u.LID}} {
		if a.jid == "" {
			continue
		}
		models = append(models, unclaim(session, id, a.field, a.jid, op))
		aliases = append(aliases, literal(a.jid))
		add(a.field, a.jid)
	}
	if len(aliases) > 0 {
		change = append(change, bson.E{Key: "aka", Value: doc{{Key: "$setUnion", Value: bson.A{orEmpty("$aka"), aliases}}}})
	}
	add("name", u.Name)
	add("push", u.PushName)
	add("business", u.BusinessName)
	add("same", u.SameAs)
	if u.Also != nil {
		change = append(change, bson.E{Key: "also", Value: literal(u.Also)})
	}
	return append(models, upsert(id, op, blankContact(session, u.ID), change))
}

// orEmpty is a list that may not be there.
func orEmpty(field string) doc { return doc{{Key: "$ifNull", Value: bson.A{field, bson.A{}}}} }

// unclaim takes an address from whoever has it but the contact with this id.
func unclaim(session, id, field, jid string, op int64) mongo.WriteModel {
	is := doc{{Key: "$eq", Value: bson.A{"$" + field, literal(jid)}}}
	return mongo.NewUpdateManyModel().SetFilter(doc{
		{Key: "s", Value: session},
		{Key: "aka", Value: jid},
		{Key: "_id", Value: doc{{Key: "$ne", Value: id}}},
		olderThanOp(op),
	}).SetUpdate(bson.A{doc{{Key: "$set", Value: doc{
		{Key: "aka", Value: doc{{Key: "$setDifference", Value: bson.A{"$aka", bson.A{literal(jid)}}}}},
		{Key: field, Value: doc{{Key: "$cond", Value: bson.A{is, "", "$" + field}}}},
	}}}})
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
		{Key: "aka", Value: bson.A{}},
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
		{Key: "muted", Value: store.Never},
		{Key: "act", Value: store.Never},
	}
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
	if u.Ephemeral != nil {
		add("eph", *u.Ephemeral)
	}
	if u.EphemeralAt != nil {
		add("ephAt", u.EphemeralAt.UnixMilli())
	}
	if !u.ReadUpTo.IsZero() {
		add("readTo", doc{{Key: "$max", Value: bson.A{"$readTo", u.ReadUpTo.UnixMilli()}}})
	}
	if u.Phone != nil {
		add("phone", literal(*u.Phone))
	}
	if u.Into != "" {
		add("into", literal(u.Into))
	}
	if u.Also != nil {
		add("also", literal(u.Also))
	}
	return change
}

// words is store.Words, but never nil: that would be null in the database.
func words(text string) []string { return append([]string{}, store.Words(text)...) }
