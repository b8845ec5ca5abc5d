package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// outdated are indexes that earlier versions made, by their collection.
var outdated = map[string][]string{
	"messages": {"s_1_c_1_w_1"},
	"contacts": {"s_1_phone_1", "s_1_lid_1"},
}

// index makes the indexes that lack. What is found by its id alone needs none.
func (s *Store) index(ctx context.Context) error {
	wanted := map[*mongo.Collection][]mongo.IndexModel{
		s.col.users:    {{Keys: asc("email"), Options: options.Index().SetUnique(true)}, {Keys: asc("role", "active")}},
		s.col.tokens:   {{Keys: asc("user")}, {Keys: asc("expires")}},
		s.col.apiKeys:  {{Keys: asc("hash"), Options: options.Index().SetUnique(true)}, {Keys: asc("owner", "_id")}},
		s.col.audit:    {{Keys: asc("at")}, {Keys: desc(asc("user"), "_id")}},
		s.col.sessions: {{Keys: asc("owner", "_id")}},
		s.col.units: {
			{Keys: asc("s", "last"), Options: partial("last", bson.D{{Key: "$gt", Value: 0}})},
			{Keys: asc("s", "fence"), Options: partial("fence", bson.D{{Key: "$gt", Value: 0}})},
		},
		s.col.chats:     {{Keys: append(desc(asc("s"), "act"), asc("id")...)}},
		s.col.contacts:  {{Keys: asc("s", "aka")}},
		s.col.tasks:     {{Keys: asc("s", "kind", "due", "_id")}, goneIndex()},
		s.col.keys:      {goneIndex()},
		s.col.contested: {{Keys: asc("at"), Options: options.Index().SetExpireAfterSeconds(int32(contestedFor / time.Second))}},
		s.col.graves:    {{Keys: asc("at"), Options: options.Index().SetExpireAfterSeconds(int32(gravesFor / time.Second))}},
		s.col.messages: {
			{Keys: desc(asc("s", "c"), "ts", "pos")},
			{Keys: desc(asc("s", "c", "w"), "ts", "pos"), Options: options.Index().SetName(wordsIndex)},
			{Keys: asc("s", "ts", "pos")},
			// Named, since it differs from the one before by its filter alone.
			{Keys: asc("s", "ts", "pos"), Options: partial("st", store.StatusQueued).SetName(queuedIndex)},
			goneIndex(),
		},
		s.col.webhooks:   {{Keys: asc("owner", "_id")}, {Keys: asc("session", "_id")}},
		s.col.cursors:    {{Keys: asc("s")}},
		s.col.deliveries: {{Keys: asc("w", "st", "i")}, {Keys: asc("s")}, laneIndex()},
		s.col.calls:      {{Keys: asc("expires")}},
		s.col.files: {
			{Keys: asc("owner", "_id")},
			{Keys: asc("session", "_id")},
			{Keys: asc("needed")},
			{Keys: asc("sum"), Options: options.Index().SetSparse(true)},
		},
		s.col.blobFiles:  {{Keys: asc("filename"), Options: options.Index().SetUnique(true)}},
		s.col.blobChunks: {{Keys: asc("files_id", "n"), Options: options.Index().SetUnique(true)}},
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
	for collection, names := range outdated {
		for _, name := range names {
			if err := dropIndex(ctx, s.col.units.Database().Collection(collection), name); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropIndex drops an index that may not be there.
func dropIndex(ctx context.Context, c *mongo.Collection, name string) error {
	err := c.Indexes().DropOne(ctx, name)
	var answer mongo.ServerError
	if err != nil && (!errors.As(err, &answer) || !answer.HasErrorCode(indexNotFound)) {
		return fmt.Errorf("drop index %s of %s: %w", name, c.Name(), err)
	}
	return nil
}
