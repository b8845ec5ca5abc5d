package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"whatsapp-api/store"
)

type tokens struct{ s *Store }

type tokenDoc struct {
	ID        string `bson:"_id"`
	UserID    string `bson:"user"`
	CreatedAt int64  `bson:"created"`
	ExpiresAt int64  `bson:"expires"`
}

func (t tokens) Create(ctx context.Context, token store.Token) error {
	return insert(ctx, "create token", t.s.col.tokens, tokenDoc{
		ID: token.ID, UserID: token.UserID, CreatedAt: token.CreatedAt.UnixMilli(), ExpiresAt: token.ExpiresAt.UnixMilli(),
	})
}

func (t tokens) Get(ctx context.Context, id string) (store.Token, error) {
	var d tokenDoc
	if err := findOne(ctx, "get token", t.s.col.tokens, byID(id), &d); err != nil {
		return store.Token{}, err
	}
	return store.Token{ID: d.ID, UserID: d.UserID, CreatedAt: at(d.CreatedAt), ExpiresAt: at(d.ExpiresAt)}, nil
}

func (t tokens) Delete(ctx context.Context, id string) error {
	res, err := t.s.col.tokens.DeleteOne(ctx, byID(id))
	if err == nil && res.DeletedCount == 0 {
		err = store.ErrNotFound
	}
	return fault("delete token", t.s.ifChanged(ctx, err, store.TopicAccess))
}

func (t tokens) DeleteOf(ctx context.Context, userID, except string) error {
	_, err := deleteMany(ctx, t.s.col.tokens, bson.D{
		{Key: "user", Value: userID}, {Key: "_id", Value: bson.D{{Key: "$ne", Value: except}}},
	})
	return fault("delete user's tokens", t.s.ifChanged(ctx, err, store.TopicAccess))
}

func (t tokens) DeleteExpired(ctx context.Context, now time.Time) (int, error) {
	n, err := deleteMany(ctx, t.s.col.tokens, expired(now))
	return n, fault("delete expired tokens", err)
}

func expired(now time.Time) bson.D {
	return bson.D{{Key: "expires", Value: bson.D{{Key: "$lte", Value: now.UnixMilli()}}}}
}

func deleteMany(ctx context.Context, c *mongo.Collection, filter bson.D) (int, error) {
	res, err := c.DeleteMany(ctx, filter)
	if err != nil {
		return 0, err
	}
	return int(res.DeletedCount), nil
}
