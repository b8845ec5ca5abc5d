package mongo

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/store"
)

// What a late write could bring back. A write of a projection names the op that it comes from, so one
// that arrives late changes no document that is there. But where the document was deleted meanwhile, it
// would make it again. Late are the writes of an owner that was paused in the middle of a projection and
// lost the session, and those that a server runs after the client has given them up. Both belong to units
// that were not known to be projected when a new owner, or the next try, began; so it first writes down
// which documents these units make: they are contested. For a day, far longer than any write can be under
// way, a contested document that is deleted leaves a tombstone, which no late write can
// take the place of. Of all others a delete leaves nothing.

// contestedFor is how long documents are contested, and how long their tombstones stay after that.
const contestedFor = 24 * time.Hour

// contestedDoc are ids of documents that some units make.
type contestedDoc struct {
	ID       string    `bson:"_id"` // session, first unit
	At       time.Time `bson:"at"`
	Keys     []string  `bson:"keys,omitempty"`
	Tasks    []string  `bson:"tasks,omitempty"`
	Messages []string  `bson:"messages,omitempty"`
}

// contested are the documents of one session that may be made by a late write. It is never changed; nil has none.
type contested struct{ keys, tasks, messages map[string]bool }

func (c *contested) key(id string) bool     { return c != nil && c.keys[id] }
func (c *contested) task(id string) bool    { return c != nil && c.tasks[id] }
func (c *contested) message(id string) bool { return c != nil && c.messages[id] }

// allKeys are the ids of all contested keys.
func (c *contested) allKeys() map[string]bool {
	if c == nil {
		return nil
	}
	return c.keys
}

// contest writes down what units make whose projection may be under way elsewhere, and remembers it.
func (s *Store) contest(ctx context.Context, l *line, units []committed) error {
	if len(units) == 0 {
		return nil
	}
	doc := contestedDoc{ID: unitID(l.session, units[0].doc.N), At: time.Now()}
	for _, u := range units {
		for _, k := range u.rest.Keys {
			doc.Keys = append(doc.Keys, keyID(l.session, k.Table, k.Key))
		}
		for _, ch := range u.rest.Tasks {
			doc.Tasks = append(doc.Tasks, join(l.session, ch.Task.ID))
		}
		for _, m := range u.rest.Messages {
			doc.Messages = append(doc.Messages, messageID(l.session, m.MessageKey))
		}
	}
	if len(doc.Keys)+len(doc.Tasks)+len(doc.Messages) == 0 {
		return nil
	}
	if _, err := s.col.contested.ReplaceOne(ctx, byID(doc.ID), doc, options.Replace().SetUpsert(true)); err != nil {
		return fmt.Errorf("write down what is contested: %w", err)
	}
	return s.readContested(ctx, l)
}

// readContested reads what is contested of a session.
func (s *Store) readContested(ctx context.Context, l *line) error {
	docs, err := findAll[contestedDoc](ctx, s.col.contested, byID(below(l.session)))
	if err != nil {
		return fmt.Errorf("read what is contested: %w", err)
	}
	if len(docs) == 0 {
		l.contested.Store(nil)
		return nil
	}
	c := &contested{keys: map[string]bool{}, tasks: map[string]bool{}, messages: map[string]bool{}}
	for _, doc := range docs {
		for _, list := range []struct {
			ids []string
			in  map[string]bool
		}{{doc.Keys, c.keys}, {doc.Tasks, c.tasks}, {doc.Messages, c.messages}} {
			for _, id := range list.ids {
				list.in[id] = true
			}
		}
	}
	l.contested.Store(c)
	return nil
}

// remove deletes the document with this id unless a later op went into it.
func remove(id string, op int64, contested bool) mongo.WriteModel {
	filter := append(byID(id), olderThanOp(op))
	if !contested {
		return mongo.NewDeleteOneModel().SetFilter(filter)
	}
	return mongo.NewReplaceOneModel().SetFilter(filter).SetUpsert(true).SetReplacement(tombstone(op))
}

// tombstone stands where a document was. The server deletes it later by itself.
func tombstone(op int64) doc {
	return doc{{Key: "u", Value: op}, {Key: "gone", Value: time.Now()}}
}

// notGone is part of every filter that could find a tombstone.
var notGone = bson.E{Key: "gone", Value: bson.D{{Key: "$exists", Value: false}}}

// goneIndex lets the server delete tombstones.
func goneIndex() mongo.IndexModel {
	return mongo.IndexModel{Keys: asc("gone"), Options: options.Index().SetSparse(true).SetExpireAfterSeconds(int32(2 * contestedFor / time.Second))}
}

// terms are on what a session is projected: by the owner of this epoch, who knows what is contested.
type terms struct {
	epoch     int64
	contested *contested
	sure      bool // nobody else can own the session now
	first     bool // none of the units was projected before, not even in part: their changes may be put together
}

// termsOf are the terms of a line; ErrFenced when this process does not own its session.
func (s *Store) termsOf(l *line) (terms, error) {
	mine := l.lease.Load()
	if mine == nil || mine.over.Load() {
		return terms{}, store.ErrFenced
	}
	return terms{epoch: mine.epoch, contested: l.contested.Load(), sure: mine.isSure(s.pace.lease)}, nil
}
