package mongo

import (
	"context"
	"fmt"
	"regexp"

	"go.mongodb.org/mongo-driver/v2/bson"

	"whatsapp-api/store"
)

type chats struct{ s *Store }

type chatDoc struct {
	ID         string   `bson:"_id"` // session, chat
	Session    string   `bson:"s"`
	Chat       string   `bson:"id"`
	Kind       string   `bson:"kind"`
	Name       string   `bson:"name"`
	Words      []string `bson:"w"` // of the name
	Unread     int      `bson:"unread"`
	Archived   bool     `bson:"archived"`
	Pinned     bool     `bson:"pinned"`
	MutedUntil int64    `bson:"muted"`
	ActivityAt int64    `bson:"act"`
	Op         int64    `bson:"u"` // the last change that went into it

	Last []messageDoc `bson:"last,omitempty"` // of a query: the newest message
}

func (d chatDoc) chat() store.Chat {
	c := store.Chat{
		SessionID: d.Session, ID: d.Chat, Kind: d.Kind, Name: d.Name, Unread: d.Unread, Archived: d.Archived, Pinned: d.Pinned,
		MutedUntil: at(d.MutedUntil), LastActivityAt: at(d.ActivityAt),
	}
	if len(d.Last) > 0 {
		c.LastMessage = ptr(d.Last[0].message())
	}
	return c
}

// withLast adds the newest message of each chat: one step in an index for each.
func withLast(session string) bson.D {
	return bson.D{{Key: "$lookup", Value: bson.D{
		{Key: "from", Value: "messages"},
		{Key: "as", Value: "last"},
		{Key: "let", Value: bson.D{{Key: "c", Value: "$id"}}},
		{Key: "pipeline", Value: bson.A{
			bson.D{{Key: "$match", Value: bson.D{
				{Key: "s", Value: session}, {Key: "$expr", Value: bson.D{{Key: "$eq", Value: bson.A{"$c", "$$c"}}}},
			}}},
			bson.D{{Key: "$sort", Value: desc(nil, "ts", "pos")}},
			bson.D{{Key: "$limit", Value: 1}},
		}},
	}}}
}

func (h chats) read(ctx context.Context, pipeline bson.A) (docs []chatDoc, err error) {
	cursor, err := h.s.col.chats.Aggregate(ctx, pipeline)
	if err != nil {
		return nil, err
	}
	return docs, cursor.All(ctx, &docs)
}

func (h chats) Get(ctx context.Context, session, id string) (store.Chat, error) {
	if err := h.s.see(ctx, session); err != nil {
		return store.Chat{}, fault("get chat", err)
	}
	docs, err := h.read(ctx, bson.A{bson.D{{Key: "$match", Value: byID(join(session, id))}}, withLast(session)})
	if err == nil && len(docs) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Chat{}, fault("get chat", err)
	}
	return docs[0].chat(), nil
}

func (h chats) List(ctx context.Context, q store.ChatQuery) (list []store.Chat, next string, err error) {
	pipeline, err := listChats(q)
	if err != nil {
		return nil, "", fmt.Errorf("list chats: %w", err)
	}
	if q.Page.Limit <= 0 {
		return nil, "", nil
	}
	if err := h.s.see(ctx, q.Session); err != nil {
		return nil, "", fault("list chats", err)
	}
	docs, err := h.read(ctx, append(pipeline, withLast(q.Session)))
	if err != nil {
		return nil, "", fault("list chats", err)
	}
	docs, next = cut(docs, q.Page, func(d chatDoc) any { return timeKey{At: &d.ActivityAt, ID: []byte(d.Chat)} })
	for _, d := range docs {
		list = append(list, d.chat())
	}
	return list, next, nil
}

// listChats makes the query of one page, without the last messages.
func listChats(q store.ChatQuery) (bson.A, error) {
	match := bson.D{{Key: "s", Value: q.Session}}
	var and bson.A
	if q.Page.Cursor != "" {
		key, err := decodeTimeKey(q.Page.Cursor)
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
		if digits := phoneDigits(q.Search); digits != "" {
			or = append(or, bson.D{{Key: "id", Value: beginning(digits)}})
		}
		and = append(and, bson.D{{Key: "$or", Value: or}})
	}
	if len(and) > 0 {
		match = append(match, bson.E{Key: "$and", Value: and})
	}
	return bson.A{
		bson.D{{Key: "$match", Value: match}},
		bson.D{{Key: "$sort", Value: append(desc(nil, "act"), asc("id")...)}},
		bson.D{{Key: "$limit", Value: onePast(q.Page)}},
	}, nil
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
