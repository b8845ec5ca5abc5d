package mongo

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/store"
)

type chats struct{ s *Store }

type chatDoc struct {
	ID          string   `bson:"_id"` // session, chat
	Session     string   `bson:"s"`
	Chat        string   `bson:"id"`
	Kind        string   `bson:"kind"`
	Name        string   `bson:"name"`
	Words       []string `bson:"w"` // of the name
	Unread      int      `bson:"unread"`
	Archived    bool     `bson:"archived"`
	Pinned      bool     `bson:"pinned"`
	MutedUntil  int64    `bson:"muted"`
	ActivityAt  int64    `bson:"act"`
	Ephemeral   int      `bson:"eph,omitempty"`
	EphemeralAt *int64   `bson:"ephAt,omitempty"`
	ReadUpTo    *int64   `bson:"readTo,omitempty"`
	Phone       string   `bson:"phone,omitempty"` // the number of its person
	Into        string   `bson:"into,omitempty"`  // the chat as which it is shown; it stands in no list
	Also        []string `bson:"also,omitempty"`
	Op          int64    `bson:"u"` // the last change that went into it

	last *messageDoc // the newest message, once it was looked for
}

func (d chatDoc) chat() store.Chat {
	c := store.Chat{
		SessionID: d.Session, ID: d.Chat, Kind: d.Kind, Name: d.Name, Unread: d.Unread, Archived: d.Archived, Pinned: d.Pinned,
		MutedUntil: at(d.MutedUntil), LastActivityAt: at(d.ActivityAt), Ephemeral: d.Ephemeral, EphemeralAt: atOrNever(d.EphemeralAt),
		ReadUpTo: atOrNever(d.ReadUpTo), Also: d.Also,
	}
	if d.last != nil {
		d.last.Raw = nil
		c.LastMessage = ptr(d.last.message())
	}
	return c
}

// atOrNever is the zero time where there is none.
func atOrNever(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return at(*ms)
}

// newestOf finds the newest message of each of these chats: one step in an index for each. It
// is written as the server recognises that: sorted as the index is, then the first of each.
func newestOf(session string, chats []string) bson.A {
	return bson.A{
		bson.D{{Key: "$match", Value: bson.D{{Key: "s", Value: session}, {Key: "c", Value: bson.D{{Key: "$in", Value: chats}}}}}},
		bson.D{{Key: "$sort", Value: desc(asc("s", "c"), "ts", "pos")}},
		bson.D{{Key: "$group", Value: bson.D{{Key: "_id", Value: "$c"}, {Key: "m", Value: bson.D{{Key: "$first", Value: "$$ROOT"}}}}}},
		bson.D{{Key: "$project", Value: bson.D{{Key: "m.raw", Value: 0}}}},
	}
}

// withLast gives chats of one session their newest messages.
func (h chats) withLast(ctx context.Context, session string, docs []chatDoc) error {
	if len(docs) == 0 {
		return nil
	}
	var ids []string
	at := make(map[string][]int, len(docs))
	for i, d := range docs {
		for _, id := range append([]string{d.Chat}, d.Also...) {
			ids, at[id] = append(ids, id), append(at[id], i)
		}
	}
	cursor, err := h.s.col.messages.Aggregate(ctx, newestOf(session, ids))
	if err != nil {
		return err
	}
	var found []struct {
		Chat    string     `bson:"_id"`
		Message messageDoc `bson:"m"`
	}
	if err := cursor.All(ctx, &found); err != nil {
		return err
	}
	for i, f := range found {
		for _, n := range at[f.Chat] {
			if d := &docs[n]; d.last == nil || newer(f.Message, *d.last) {
				d.last = &found[i].Message
			}
		}
	}
	return nil
}

func (h chats) Get(ctx context.Context, session, id string) (store.Chat, error) {
	if err := h.s.see(ctx, session); err != nil {
		return store.Chat{}, fault("get chat", err)
	}
	docs, err := findAll[chatDoc](ctx, h.s.col.chats, byID(join(session, id)))
	if err == nil && len(docs) == 0 {
		err = store.ErrNotFound
	}
	if err == nil {
		err = h.withLast(ctx, session, docs)
	}
	if err != nil {
		return store.Chat{}, fault("get chat", err)
	}
	return docs[0].chat(), nil
}

func (h chats) List(ctx context.Context, q store.ChatQuery) (list []store.Chat, next string, err error) {
	filter, err := listChats(q)
	if err != nil {
		return nil, "", fmt.Errorf("list chats: %w", err)
	}
	if q.Page.Limit <= 0 {
		return nil, "", nil
	}
	if err := h.s.see(ctx, q.Session); err != nil {
		return nil, "", fault("list chats", err)
	}
	docs, err := findAll[chatDoc](ctx, h.s.col.chats, filter, options.Find().SetSort(chatOrder()).SetLimit(store.OnePast(q.Page)))
	if err != nil {
		return nil, "", fault("list chats", err)
	}
	docs, next = store.Cut(docs, q.Page, func(d chatDoc) any { return store.TimeKey{At: &d.ActivityAt, ID: []byte(d.Chat)} })
	if err := h.withLast(ctx, q.Session, docs); err != nil {
		return nil, "", fault("list chats", err)
	}
	for _, d := range docs {
		list = append(list, d.chat())
	}
	return list, next, nil
}

// chatOrder is by last activity.
func chatOrder() bson.D { return append(desc(nil, "act"), asc("id")...) }

// listChats makes the filter of one page.
func listChats(q store.ChatQuery) (bson.D, error) {
	match := bson.D{{Key: "s", Value: q.Session}, {Key: "into", Value: bson.D{{Key: "$exists", Value: false}}}}
	var and bson.A
	if q.Page.Cursor != "" {
		key, err := store.DecodeTimeKey(q.Page.Cursor)
		if err != nil {
			return nil, err
		}
		// The first condition bounds the index; the second leaves out the rest of that time.
		match = append(match, bson.E{Key: "act", Value: bson.D{{Key: "$lte", Value: *key.At}}})
		and = append(and, bson.D{{Key: "$or", Value: bson.A{
			bson.D{{Key: "act", Value: bson.D{{Key: "$lt", Value: *key.At}}}},
			bson.D{{Key: "id", Value: bson.D{{Key: "$gt", Value: string(key.ID)}}}},
		}}})
	}
	if q.Archived != nil {
		match = append(match, bson.E{Key: "archived", Value: *q.Archived})
	}
	if q.Unread != nil {
		than := "$lte"
		if *q.Unread {
			than = "$gt"
		}
		match = append(match, bson.E{Key: "unread", Value: bson.D{{Key: than, Value: 0}}})
	}
	if words := store.Words(q.Search); len(words) > 0 {
		or := bson.A{bson.D{{Key: "w", Value: bson.D{{Key: "$all", Value: beginnings(words)}}}}}
		if digits := store.PhoneDigits(q.Search); digits != "" {
			or = append(or, bson.D{{Key: "phone", Value: beginning(digits)}},
				bson.D{{Key: "id", Value: beginning(digits)}, {Key: "kind", Value: bson.D{{Key: "$ne", Value: store.ChatPerson}}}})
		}
		and = append(and, bson.D{{Key: "$or", Value: or}})
	}
	if len(and) > 0 {
		match = append(match, bson.E{Key: "$and", Value: and})
	}
	return match, nil
}

// beginning matches what begins with the word; such a pattern uses an index.
func beginning(word string) bson.Regex { return bson.Regex{Pattern: "^" + regexp.QuoteMeta(word)} }

func beginnings(words []string) bson.A {
	var all bson.A
	for _, w := range words {
		all = append(all, beginning(w))
	}
	return all
}
