package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/sync/errgroup"

	"whatsapp-api/store"
)

// asc and desc name the fields of an index. All begin with the session, so that a
// collection can be sharded by it.
func asc(fields ...string) bson.D {
	var d bson.D
	for _, f := range fields {
		d = append(d, bson.E{Key: f, Value: 1})
	}
	return d
}

func desc(d bson.D, fields ...string) bson.D {
	for _, f := range fields {
		d = append(d, bson.E{Key: f, Value: -1})
	}
	return d
}

func partial(field string, value any) *options.IndexOptionsBuilder {
	return options.Index().SetPartialFilterExpression(bson.D{{Key: field, Value: value}})
}

// queuedIndex is asked for by name: the server would take one that has all messages, which
// looks the same to it while few are stored.
const queuedIndex = "queued"

// wordsIndex is asked for by name too: a search is answered from it alone.
const wordsIndex = "words"

// outdated are indexes of the messages that earlier versions made.
var outdated = []string{"s_1_c_1_w_1"}

// index makes the indexes that lack. What is found by its id alone needs none.
func (s *Store) index(ctx context.Context) error {
	wanted := map[*mongo.Collection][]mongo.IndexModel{
		s.col.users:    {{Keys: asc("email"), Options: options.Index().SetUnique(true)}, {Keys: asc("role", "active")}},
		s.col.tokens:   {{Keys: asc("user")}, {Keys: asc("expires")}},
		s.col.apiKeys:  {{Keys: asc("hash"), Options: options.Index().SetUnique(true)}, {Keys: asc("owner", "_id")}},
		s.col.audit:    {{Keys: asc("at")}, {Keys: desc(asc("user"), "_id")}},
		s.col.sessions: {{Keys: asc("owner", "_id")}},
		s.col.units:    {{Keys: asc("s", "last"), Options: partial("last", bson.D{{Key: "$gt", Value: 0}})}},
		s.col.chats:    {{Keys: append(desc(asc("s"), "act"), asc("id")...)}},
		s.col.contacts: {{Keys: asc("s", "aka")}},
		s.col.tasks:    {{Keys: asc("s", "kind", "due", "_id")}},
		s.col.messages: {
			{Keys: desc(asc("s", "c"), "ts", "pos")},
			{Keys: desc(asc("s", "c", "w"), "ts", "pos"), Options: options.Index().SetName(wordsIndex)},
			{Keys: asc("s", "ts", "pos")},
			// Named, since it differs from the one before by its filter alone.
			{Keys: asc("s", "ts", "pos"), Options: partial("st", store.StatusQueued).SetName(queuedIndex)},
		},
		s.col.webhooks:   {{Keys: asc("owner", "_id")}, {Keys: asc("session", "_id")}},
		s.col.cursors:    {{Keys: asc("s")}},
		s.col.deliveries: {{Keys: asc("w", "st", "i")}, {Keys: asc("s")}},
		s.col.calls:      {{Keys: asc("expires")}},
	}
	g, making := errgroup.WithContext(ctx)
	for c, models := range wanted {
		g.Go(func() error {
			if _, err := c.Indexes().CreateMany(making, models); err != nil {
				return fmt.Errorf("indexes of %s: %w", c.Name(), err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, name := range outdated {
		err := s.col.messages.Indexes().DropOne(ctx, name)
		var answer mongo.ServerError
		if err != nil && (!errors.As(err, &answer) || !answer.HasErrorCode(indexNotFound)) {
			return fmt.Errorf("drop index %s: %w", name, err)
		}
	}
	return nil
}
