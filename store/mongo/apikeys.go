package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"whatsapp-api/store"
)

type apiKeys struct{ s *Store }

type keyRecord struct {
	ID         string   `bson:"_id"`
	OwnerID    string   `bson:"owner"`
	Name       string   `bson:"name"`
	Prefix     string   `bson:"prefix"`
	Hash       []byte   `bson:"hash"`
	Scopes     []string `bson:"scopes"`
	Sessions   []string `bson:"sessions"`
	Addresses  []string `bson:"addresses"`
	ExpiresAt  int64    `bson:"expires"`
	LastUsedAt int64    `bson:"used"`
	CreatedAt  int64    `bson:"created"`

	Version int64 `bson:"v"`
}

func newKeyRecord(k store.APIKey) keyRecord {
	return keyRecord{
		ID: k.ID, OwnerID: k.OwnerID, Name: k.Name, Prefix: k.Prefix, Hash: k.Hash, Scopes: k.Scopes, Sessions: k.Sessions, Addresses: k.Addresses,
		ExpiresAt: k.ExpiresAt.UnixMilli(), LastUsedAt: k.LastUsedAt.UnixMilli(), CreatedAt: k.CreatedAt.UnixMilli(),
	}
}

func (d keyRecord) key() store.APIKey {
	return store.APIKey{
		ID: d.ID, OwnerID: d.OwnerID, Name: d.Name, Prefix: d.Prefix, Hash: d.Hash, Scopes: d.Scopes, Sessions: d.Sessions, Addresses: d.Addresses,
		ExpiresAt: at(d.ExpiresAt), LastUsedAt: at(d.LastUsedAt), CreatedAt: at(d.CreatedAt),
	}
}

func (a apiKeys) Create(ctx context.Context, k store.APIKey) error {
	return insert(ctx, "create key", a.s.col.apiKeys, newKeyRecord(k))
}

func (a apiKeys) Get(ctx context.Context, id string) (store.APIKey, error) {
	return a.get(ctx, "get key", byID(id))
}

func (a apiKeys) ByHash(ctx context.Context, hash []byte) (store.APIKey, error) {
	return a.get(ctx, "get key by hash", bson.D{{Key: "hash", Value: hash}})
}

func (a apiKeys) get(ctx context.Context, doing string, filter bson.D) (store.APIKey, error) {
	var d keyRecord
	if err := findOne(ctx, doing, a.s.col.apiKeys, filter, &d); err != nil {
		return store.APIKey{}, err
	}
	return d.key(), nil
}

func (a apiKeys) List(ctx context.Context, owner string, p store.Page) ([]store.APIKey, string, error) {
	filter := bson.D{}
	if owner != "" {
		filter = bson.D{{Key: "owner", Value: owner}}
	}
	docs, next, err := listByID(ctx, "list keys", a.s.col.apiKeys, p, filter, func(d keyRecord) string { return d.ID })
	var list []store.APIKey
	for _, d := range docs {
		list = append(list, d.key())
	}
	return list, next, err
}

func (a apiKeys) Update(ctx context.Context, id string, change func(*store.APIKey) error) (store.APIKey, error) {
	for {
		k, err := a.update(ctx, id, change)
		err = a.s.ifChanged(ctx, err, store.TopicAccess)
		if errors.Is(err, errMoved) {
			if err = pause(ctx); err == nil {
				continue
			}
		}
		return k, fault("update key", err)
	}
}

func (a apiKeys) update(ctx context.Context, id string, change func(*store.APIKey) error) (store.APIKey, error) {
	var was keyRecord
	if err := findOne(ctx, "read key", a.s.col.apiKeys, byID(id), &was); err != nil {
		return store.APIKey{}, err
	}
	k := was.key()
	if err := change(&k); err != nil {
		return store.APIKey{}, err
	}
	d := newKeyRecord(k)
	// Used writes the last use beside this, so the fields are set one by one.
	res, err := a.s.col.apiKeys.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "v", Value: was.Version}}, bson.D{{Key: "$set", Value: bson.D{
		{Key: "owner", Value: d.OwnerID},
		{Key: "name", Value: d.Name},
		{Key: "prefix", Value: d.Prefix},
		{Key: "hash", Value: d.Hash},
		{Key: "scopes", Value: d.Scopes},
		{Key: "sessions", Value: d.Sessions},
		{Key: "addresses", Value: d.Addresses},
		{Key: "expires", Value: d.ExpiresAt},
		{Key: "created", Value: d.CreatedAt},
		{Key: "v", Value: was.Version + 1},
	}}})
	switch {
	case mongo.IsDuplicateKeyError(err):
		return store.APIKey{}, store.ErrExists
	case err != nil:
		return store.APIKey{}, err
	case res.MatchedCount == 0:
		return store.APIKey{}, errMoved
	}
	return a.get(ctx, "read key", byID(id))
}

func (a apiKeys) Used(ctx context.Context, when map[string]time.Time) error {
	if len(when) == 0 {
		return nil
	}
	var writes []mongo.WriteModel
	for id, t := range when {
		writes = append(writes, mongo.NewUpdateOneModel().SetFilter(byID(id)).
			SetUpdate(bson.D{{Key: "$max", Value: bson.D{{Key: "used", Value: t.UnixMilli()}}}}))
	}
	_, err := a.s.col.apiKeys.BulkWrite(ctx, writes)
	return fault("note use of keys", err)
}

func (a apiKeys) Delete(ctx context.Context, id string) error {
	res, err := a.s.col.apiKeys.DeleteOne(ctx, byID(id))
	if err == nil && res.DeletedCount == 0 {
		err = store.ErrNotFound
	}
	return fault("delete key", a.s.ifChanged(ctx, err, store.TopicAccess))
}

func (a apiKeys) DeleteOf(ctx context.Context, owner string) error {
	_, err := deleteMany(ctx, a.s.col.apiKeys, bson.D{{Key: "owner", Value: owner}})
	return fault("delete user's keys", a.s.ifChanged(ctx, err, store.TopicAccess))
}
