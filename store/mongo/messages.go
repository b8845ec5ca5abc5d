package mongo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/store"
)

type messages struct{ s *Store }

type messageDoc struct {
	ID        string          `bson:"_id"` // session, chat, message id, sender
	Session   string          `bson:"s"`
	Chat      string          `bson:"c"`
	Sender    string          `bson:"f"`
	Message   string          `bson:"i"`
	FromMe    bool            `bson:"me"`
	Type      string          `bson:"t"`
	Text      string          `bson:"x"`
	Words     []string        `bson:"w,omitempty"` // of the text
	Quoted    *store.Quoted   `bson:"q,omitempty"`
	Mentions  []string        `bson:"at,omitempty"`
	Media     *store.Media    `bson:"md,omitempty"`
	Content   *store.Content  `bson:"ct,omitempty"`
	Live      *store.Live     `bson:"lv,omitempty"`
	Envelope  *store.Envelope `bson:"env,omitempty"`
	Status    string          `bson:"st"`
	Failure   *store.Failure  `bson:"fl,omitempty"`
	Timestamp int64           `bson:"ts"`
	StoredAt  int64           `bson:"stored"`
	EditedAt  int64           `bson:"edited"`
	RevokedAt int64           `bson:"revoked"`
	Raw       []byte          `bson:"raw,omitempty"`
	Pos       int64           `bson:"pos"`
	Op        int64           `bson:"u"` // the last change that went into it
}

func messageID(session string, k store.MessageKey) string {
	return join(session, k.Chat, k.ID, k.Sender)
}

func newMessageDoc(session string, m store.Message, pos, op int64) messageDoc {
	if !m.RevokedAt.IsZero() {
		m.SetBody(m.Body().Emptied())
	}
	return messageDoc{
		ID: messageID(session, m.MessageKey), Session: session, Chat: m.Chat, Sender: m.Sender, Message: m.ID, FromMe: m.FromMe,
		Type: m.Type, Text: m.Text, Words: store.Words(m.Text), Quoted: m.Quoted, Mentions: m.Mentions, Media: m.Media,
		Content: m.Content, Live: m.Live, Envelope: m.Envelope, Status: m.Status, Failure: m.Failure, Timestamp: m.Timestamp.UnixMilli(), StoredAt: m.StoredAt.UnixMilli(),
		EditedAt: m.EditedAt.UnixMilli(), RevokedAt: m.RevokedAt.UnixMilli(), Raw: m.Raw, Pos: pos, Op: op,
	}
}

func (d messageDoc) key() store.MessageKey {
	return store.MessageKey{Chat: d.Chat, Sender: d.Sender, ID: d.Message}
}

func (d messageDoc) message() store.Message {
	return store.Message{
		SessionID: d.Session, MessageKey: d.key(), FromMe: d.FromMe, Type: d.Type, Text: d.Text, Quoted: d.Quoted,
		Mentions: d.Mentions, Media: d.Media, Content: d.Content, Live: d.Live, Envelope: d.Envelope, Status: d.Status, Failure: d.Failure, Timestamp: at(d.Timestamp),
		StoredAt: at(d.StoredAt), EditedAt: at(d.EditedAt), RevokedAt: at(d.RevokedAt), Raw: store.Some(d.Raw), Pos: d.Pos,
	}
}

func all(docs []messageDoc) (list []store.Message) {
	for _, d := range docs {
		list = append(list, d.message())
	}
	return list
}

func (h messages) Get(ctx context.Context, session string, key store.MessageKey) (store.Message, error) {
	if err := h.s.see(ctx, session); err != nil {
		return store.Message{}, fault("get message", err)
	}
	var doc messageDoc
	if err := findOne(ctx, "get message", h.s.col.messages, append(byID(messageID(session, key)), notGone), &doc); err != nil {
		return store.Message{}, err
	}
	return doc.message(), nil
}

func (h messages) Find(ctx context.Context, session string, chats []string, id string) (store.Message, error) {
	if err := h.s.see(ctx, session); err != nil {
		return store.Message{}, fault("find message", err)
	}
	var newest *messageDoc
	for _, chat := range chats {
		// One id has one sender, but for forgeries: the sort is of a few.
		docs, err := findAll[messageDoc](ctx, h.s.col.messages, append(byID(below(session, chat, id)), notGone),
			options.Find().SetSort(newestFirst()).SetLimit(1))
		if err != nil {
			return store.Message{}, fault("find message", err)
		}
		if len(docs) > 0 && (newest == nil || newer(docs[0], *newest)) {
			newest = &docs[0]
		}
	}
	if newest == nil {
		return store.Message{}, fault("find message", store.ErrNotFound)
	}
	return newest.message(), nil
}

// newer says whether a stands before b in a list.
func newer(a, b messageDoc) bool {
	return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(a.Pos, b.Pos)) > 0
}

// inChats matches the messages of a chat with these keys.
func inChats(session string, chats []string) bson.D {
	var chat any = bson.D{{Key: "$in", Value: chats}}
	if len(chats) == 1 {
		chat = chats[0]
	}
	return bson.D{{Key: "s", Value: session}, {Key: "c", Value: chat}}
}

// withoutRaw is what lists read of messages.
func withoutRaw() bson.D { return bson.D{{Key: "raw", Value: 0}} }

func (h messages) List(ctx context.Context, q store.MessageQuery) ([]store.Message, string, error) {
	filter, err := listMessages(q)
	if err != nil {
		return nil, "", fmt.Errorf("list messages: %w", err)
	}
	if q.Page.Limit <= 0 || len(q.Chats) == 0 {
		return nil, "", nil
	}
	if err := h.s.see(ctx, q.Session); err != nil {
		return nil, "", fault("list messages", err)
	}
	var docs []messageDoc
	if len(store.Words(q.Search)) > 0 {
		docs, err = h.search(ctx, q, filter)
	} else {
		docs, err = findAll[messageDoc](ctx, h.s.col.messages, filter, options.Find().SetProjection(withoutRaw()).SetSort(newestFirst()).SetLimit(store.OnePast(q.Page)))
	}
	if err != nil {
		return nil, "", fault("list messages", err)
	}
	docs, next := store.Cut(docs, q.Page, func(d messageDoc) any { return store.TimeKey{At: &d.Timestamp, Pos: d.Pos} })
	return all(docs), next, nil
}

// newestFirst is the order of pages.
func newestFirst() bson.D { return desc(nil, "ts", "pos") }

// placeOnly is what a message is ordered by.
func placeOnly() bson.D { return append(asc("ts", "pos"), bson.E{Key: "_id", Value: 0}) }

// search first finds the places of the page's messages, which stand in the index of words: of
// all messages that have the words only those of the page are read.
func (h messages) search(ctx context.Context, q store.MessageQuery, filter bson.D) ([]messageDoc, error) {
	for {
		places, err := findAll[struct {
			Timestamp int64 `bson:"ts"`
			Pos       int64 `bson:"pos"`
		}](ctx, h.s.col.messages, filter, options.Find().SetProjection(placeOnly()).
			SetSort(newestFirst()).SetLimit(store.OnePast(q.Page)).SetHint(wordsIndex).SetAllowDiskUse(true))
		if err != nil || len(places) == 0 {
			return nil, err
		}
		var ts, pos bson.A
		for _, p := range places {
			ts, pos = append(ts, p.Timestamp), append(pos, p.Pos)
		}
		docs, err := findAll[messageDoc](ctx, h.s.col.messages, append(inChats(q.Session, q.Chats), bson.D{
			{Key: "ts", Value: bson.D{{Key: "$in", Value: ts}}},
			{Key: "pos", Value: bson.D{{Key: "$in", Value: pos}}},
		}...), options.Find().SetProjection(withoutRaw()).SetSort(newestFirst()))
		if err != nil || len(docs) >= len(places) {
			return docs, err
		}
		// One was moved or deleted in between.
	}
}

// listMessages makes the filter of one page.
func listMessages(q store.MessageQuery) (bson.D, error) {
	filter := inChats(q.Session, q.Chats)
	var ts, or bson.D
	if q.Page.Cursor != "" {
		key, err := store.DecodeTimeKey(q.Page.Cursor)
		if err != nil {
			return nil, err
		}
		// The first condition bounds the index; the second leaves out the rest of that time.
		ts = append(ts, bson.E{Key: "$lte", Value: *key.At})
		or = bson.D{{Key: "$or", Value: bson.A{
			bson.D{{Key: "ts", Value: bson.D{{Key: "$lt", Value: *key.At}}}},
			bson.D{{Key: "pos", Value: bson.D{{Key: "$lt", Value: key.Pos}}}},
		}}}
	}
	if !q.Before.IsZero() {
		ts = append(ts, bson.E{Key: "$lt", Value: q.Before.UnixMilli()})
	}
	if !q.After.IsZero() {
		ts = append(ts, bson.E{Key: "$gt", Value: q.After.UnixMilli()})
	}
	if len(ts) > 0 {
		filter = append(filter, bson.E{Key: "ts", Value: ts})
	}
	if q.FromMe != nil {
		filter = append(filter, bson.E{Key: "me", Value: *q.FromMe})
	}
	if q.Type != "" {
		filter = append(filter, bson.E{Key: "t", Value: q.Type})
	}
	if words := store.Words(q.Search); len(words) > 0 {
		filter = append(filter, bson.E{Key: "w", Value: bson.D{{Key: "$all", Value: beginnings(words)}}})
	}
	return append(filter, or...), nil
}

func queuedMessages(session string) bson.D {
	return bson.D{{Key: "s", Value: session}, {Key: "st", Value: store.StatusQueued}}
}

func (h messages) Queued(ctx context.Context, session string, limit int) ([]store.Message, error) {
	if limit <= 0 {
		return nil, nil
	}
	if err := h.s.see(ctx, session); err != nil {
		return nil, fault("list queued messages", err)
	}
	docs, err := findAll[messageDoc](ctx, h.s.col.messages, queuedMessages(session),
		options.Find().SetProjection(withoutRaw()).SetSort(asc("ts", "pos")).SetLimit(int64(limit)).SetHint(queuedIndex))
	return all(docs), fault("list queued messages", err)
}

func (h messages) Known(ctx context.Context, session string, keys []store.MessageKey) (map[store.MessageKey]bool, error) {
	known := make(map[store.MessageKey]bool, len(keys))
	if len(keys) == 0 {
		return known, nil
	}
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = messageID(session, k)
	}
	// It need not wait: what is behind says which messages it makes.
	l := h.s.lines.known(session)
	var since int64
	var made map[string]bool
	if l != nil {
		since, made = l.missed.now(), l.behind.makes(ids)
	}
	for i, k := range keys {
		if made[ids[i]] {
			known[k] = true
		}
	}
	if len(known) == len(keys) {
		return known, nil
	}
	docs, err := findAll[messageDoc](ctx, h.s.col.messages, append(byID(bson.D{{Key: "$in", Value: ids}}), notGone),
		options.Find().SetProjection(asc("c", "f", "i")))
	if err != nil {
		return nil, fault("look up messages", err)
	}
	for _, d := range docs {
		known[d.key()] = true
	}
	if l != nil {
		l.missed.add(since, unknownOf(ids, keys, known))
	}
	return known, nil
}

func unknownOf(ids []string, keys []store.MessageKey, known map[store.MessageKey]bool) (missed []string) {
	for i, k := range keys {
		if !known[k] {
			missed = append(missed, ids[i])
		}
	}
	return missed
}

type receiptDoc struct {
	ID      string `bson:"_id"` // session, chat, message id, sender, person, status
	Chat    string `bson:"c"`
	Sender  string `bson:"f"`
	Message string `bson:"i"`
	By      string `bson:"by"`
	Status  string `bson:"st"`
	At      int64  `bson:"ts"`
	Op      int64  `bson:"u"` // the last change that went into it
}

func receiptID(session string, r store.Receipt) string {
	return join(session, r.Key.Chat, r.Key.ID, r.Key.Sender, r.By, r.Status)
}

func newReceiptDoc(session string, r store.Receipt, op int64) receiptDoc {
	return receiptDoc{
		ID:   receiptID(session, r),
		Chat: r.Key.Chat, Sender: r.Key.Sender, Message: r.Key.ID, By: r.By, Status: r.Status, At: r.At.UnixMilli(), Op: op,
	}
}

func (d receiptDoc) receipt() store.Receipt {
	key := store.MessageKey{Chat: d.Chat, Sender: d.Sender, ID: d.Message}
	return store.Receipt{Key: key, By: d.By, Status: d.Status, At: at(d.At)}
}

func (h messages) Receipts(ctx context.Context, session string, key store.MessageKey) ([]store.Receipt, error) {
	if err := h.s.see(ctx, session); err != nil {
		return nil, fault("list receipts", err)
	}
	docs, err := findAll[receiptDoc](ctx, h.s.col.receipts, byID(below(session, key.Chat, key.ID, key.Sender)),
		options.Find().SetSort(asc("ts", "by", "st")))
	if err != nil {
		return nil, fault("list receipts", err)
	}
	var list []store.Receipt
	for _, d := range docs {
		list = append(list, d.receipt())
	}
	return list, nil
}

func (h messages) Unread(ctx context.Context, session string, chats []string, t time.Time, pos int64) (int, error) {
	if len(chats) == 0 {
		return 0, nil
	}
	if err := h.s.see(ctx, session); err != nil {
		return 0, fault("count unread messages", err)
	}
	n, err := h.s.col.messages.CountDocuments(ctx, append(inChats(session, chats),
		bson.E{Key: "ts", Value: bson.D{{Key: "$gte", Value: t.UnixMilli()}}}, bson.E{Key: "me", Value: false},
		bson.E{Key: "t", Value: bson.D{{Key: "$ne", Value: store.TypeSystem}}},
		bson.E{Key: "$or", Value: bson.A{
			bson.D{{Key: "ts", Value: bson.D{{Key: "$gt", Value: t.UnixMilli()}}}}, bson.D{{Key: "pos", Value: bson.D{{Key: "$gt", Value: pos}}}},
		}}))
	return int(n), fault("count unread messages", err)
}

func olderThan(session string, before time.Time) bson.D {
	return bson.D{{Key: "s", Value: session}, {Key: "ts", Value: bson.D{{Key: "$lt", Value: before.UnixMilli()}}}}
}

func (h messages) Count(ctx context.Context, session string, before time.Time) (int, error) {
	if err := h.s.see(ctx, session); err != nil {
		return 0, fault("count messages", err)
	}
	n, err := h.s.col.messages.CountDocuments(ctx, olderThan(session, before))
	return int(n), fault("count messages", err)
}

// deleteBatch is how many messages are deleted by one command.
const deleteBatch = 500

// Delete first makes durable what was projected, as DeleteBefore does.
func (h messages) Delete(ctx context.Context, session string, keys []store.MessageKey) (total int, err error) {
	c, err := h.s.makeDurable(ctx, session)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	for some := range slices.Chunk(keys, deleteBatch) {
		if err != nil {
			break
		}
		ids := make([]string, len(some))
		for i, k := range some {
			ids[i] = messageID(session, k)
		}
		var docs []messageDoc
		docs, err = findAll[messageDoc](ctx, h.s.col.messages, append(byID(bson.D{{Key: "$in", Value: ids}}), notGone), options.Find().SetProjection(asc("_id")))
		if err != nil || len(docs) == 0 {
			continue
		}
		var n int
		n, err = h.delete(ctx, docs, c)
		total += n
	}
	return total, fault("delete messages", err)
}

// DeleteBefore first makes durable what was projected: what Recover projects again would
// bring back messages that were deleted.
func (h messages) DeleteBefore(ctx context.Context, session string, before time.Time, limit int) (total int, err error) {
	c, err := h.s.makeDurable(ctx, session)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fault("delete old messages", err)
	}
	for limit > 0 && err == nil {
		var docs []messageDoc
		docs, err = findAll[messageDoc](ctx, h.s.col.messages, olderThan(session, before), options.Find().
			SetSort(asc("ts", "pos")).SetLimit(int64(min(limit, deleteBatch))).SetProjection(asc("_id")))
		if err != nil || len(docs) == 0 {
			break
		}
		var n int
		n, err = h.delete(ctx, docs, c)
		total, limit = total+n, limit-len(docs)
	}
	return total, fault("delete old messages", err)
}

// delete deletes messages after their receipts, so that none are left without one.
func (h messages) delete(ctx context.Context, docs []messageDoc, c *contested) (int, error) {
	var ids []string
	var ranges bson.A
	for _, d := range docs {
		ids = append(ids, d.ID)
		// An id of a receipt begins with that of its message.
		ranges = append(ranges, byID(bson.D{{Key: "$gt", Value: d.ID}, {Key: "$lt", Value: d.ID[:len(d.ID)-1] + "\x01"}}))
	}
	for some := range slices.Chunk(ranges, 100) {
		if _, err := deleteMany(ctx, h.s.col.receipts, bson.D{{Key: "$or", Value: some}}); err != nil {
			return 0, err
		}
	}
	var models []mongo.WriteModel
	for _, id := range ids {
		if c.message(id) { // none of its late changes finds it either
			models = append(models, mongo.NewReplaceOneModel().SetFilter(append(byID(id), notGone)).SetReplacement(tombstone(math.MaxInt64)))
		}
	}
	if err := bulk(ctx, h.s.col.messages, models, false); err != nil {
		return 0, err
	}
	n, err := deleteMany(ctx, h.s.col.messages, append(byID(bson.D{{Key: "$in", Value: ids}}), notGone))
	return n + len(models), err
}
