package mongo

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/store"
)

// mergePage is how many messages or receipts are moved at once.
const mergePage = 200

// merge moves chat m.From into chat m.To. What came to From after the merge, seen by its
// op when the unit is projected again, stays there.
func (s *Store) merge(ctx context.Context, session string, m store.ChatMerge, op int64) error {
	if m.From == m.To {
		return nil
	}
	if err := s.mergeMessages(ctx, session, m, op); err != nil {
		return err
	}
	if err := s.mergeReceipts(ctx, session, m, op); err != nil {
		return err
	}
	if err := s.mergeChat(ctx, session, m, op); err != nil {
		return err
	}
	return s.mergeContact(ctx, session, m, op)
}

// renamed is what a person of From is called in To.
func renamed(m store.ChatMerge, person string) string {
	if person == m.From {
		return m.To
	}
	return person
}

// mergeMessages moves the messages, the one stored first first: of two that become one,
// and of one that To has already, the later insert does nothing.
func (s *Store) mergeMessages(ctx context.Context, session string, m store.ChatMerge, op int64) error {
	there := doc{{Key: "s", Value: session}, {Key: "c", Value: m.From}, olderThanOp(op)}
	return move(ctx, s.col.messages, there, "pos", func(d messageDoc) (string, messageDoc) {
		id := d.ID
		d.Chat, d.Sender, d.Op = m.To, renamed(m, d.Sender), op
		if d.Quoted != nil {
			d.Quoted.Sender = renamed(m, d.Quoted.Sender)
		}
		d.ID = messageID(session, d.key())
		return id, d
	})
}

func (s *Store) mergeReceipts(ctx context.Context, session string, m store.ChatMerge, op int64) error {
	there := append(byID(below(session, m.From)), olderThanOp(op))
	return move(ctx, s.col.receipts, there, "_id", func(d receiptDoc) (string, receiptDoc) {
		r := d.receipt()
		r.Key.Chat, r.Key.Sender, r.By = m.To, renamed(m, r.Key.Sender), renamed(m, r.By)
		return d.ID, newReceiptDoc(session, r, op)
	})
}

// move inserts what becomes of each document, unless it is there, and then deletes the old.
// A crash between the two leaves both; the next time the old is found again and deleted.
func move[T any](ctx context.Context, c *mongo.Collection, there doc, order string, moved func(T) (string, T)) error {
	var docs []T
	cursor, err := c.Find(ctx, there, options.Find().SetSort(asc(order)).SetAllowDiskUse(true))
	if err != nil {
		return err
	}
	if err := cursor.All(ctx, &docs); err != nil {
		return err
	}
	for page := range slices.Chunk(docs, mergePage) {
		ids, fresh := make([]string, len(page)), make([]T, len(page))
		for i, d := range page {
			ids[i], fresh[i] = moved(d)
		}
		if err := insertNew(ctx, c, fresh); err != nil {
			return err
		}
		if _, err := c.DeleteMany(ctx, byID(doc{{Key: "$in", Value: ids}})); err != nil {
			return err
		}
	}
	return nil
}

// mergeChat makes one chat of two. What To does not say is taken from From; a flag
// always says something.
func (s *Store) mergeChat(ctx context.Context, session string, m store.ChatMerge, op int64) error {
	from, to, found, err := pair(ctx, s.col.chats, session, m, op, func(d chatDoc) string { return d.Chat })
	if err != nil || !found {
		return err
	}
	seen := int64(-1)
	switch {
	case to == nil:
		to = &from
	case to.Op < op:
		seen = to.Op
		if to.Name == "" {
			to.Name, to.Words = from.Name, from.Words
		}
		if to.MutedUntil == never {
			to.MutedUntil = from.MutedUntil
		}
		to.Unread, to.ActivityAt = to.Unread+from.Unread, max(to.ActivityAt, from.ActivityAt)
	default:
		return drop(ctx, s.col.chats, session, m, op) // merged before; only the delete was cut off
	}
	to.ID, to.Chat, to.Op = join(session, m.To), m.To, op
	if m.Kind != "" {
		to.Kind = m.Kind
	}
	to.Words = append([]string{}, to.Words...)
	if err := put(ctx, s.col.chats, to.ID, seen, to); err != nil {
		return err
	}
	return drop(ctx, s.col.chats, session, m, op)
}

func (s *Store) mergeContact(ctx context.Context, session string, m store.ChatMerge, op int64) error {
	from, to, found, err := pair(ctx, s.col.contacts, session, m, op, func(d contactDoc) string { return d.Contact })
	if err != nil || !found {
		return err
	}
	seen := int64(-1)
	switch {
	case to == nil:
		to = &from
	case to.Op < op:
		seen = to.Op
		for _, field := range []struct {
			to   *string
			from string
		}{
			{&to.Phone, from.Phone},
			{&to.LID, from.LID},
			{&to.Name, from.Name},
			{&to.PushName, from.PushName},
			{&to.BusinessName, from.BusinessName},
		} {
			if *field.to == "" {
				*field.to = field.from
			}
		}
	default:
		return drop(ctx, s.col.contacts, session, m, op)
	}
	to.ID, to.Contact, to.Op = join(session, m.To), m.To, op
	if err := put(ctx, s.col.contacts, to.ID, seen, to); err != nil {
		return err
	}
	return drop(ctx, s.col.contacts, session, m, op)
}

// pair reads both sides of a merge. found says whether From is there to be merged.
func pair[T any](ctx context.Context, c *mongo.Collection, session string, m store.ChatMerge, op int64, id func(T) string) (from T, to *T, found bool, err error) {
	docs, err := findAll[T](ctx, c, bson.D{{Key: "$or", Value: bson.A{
		append(byID(join(session, m.From)), olderThanOp(op)), byID(join(session, m.To)),
	}}})
	for i, d := range docs {
		if id(d) == m.From {
			from, found = d, true
		} else {
			to = &docs[i]
		}
	}
	return from, to, found, err
}

// put writes what was made of a document with this op, or of none: -1. Where it is
// not so any more, another process has made the same merge, and maybe more.
func put(ctx context.Context, c *mongo.Collection, id string, seen int64, to any) error {
	if seen < 0 {
		_, err := c.InsertOne(ctx, to)
		if mongo.IsDuplicateKeyError(err) {
			err = nil
		}
		return err
	}
	_, err := c.ReplaceOne(ctx, append(byID(id), bson.E{Key: "u", Value: seen}), to)
	return err
}

func drop(ctx context.Context, c *mongo.Collection, session string, m store.ChatMerge, op int64) error {
	_, err := c.DeleteOne(ctx, append(byID(join(session, m.From)), olderThanOp(op)))
	return err
}
