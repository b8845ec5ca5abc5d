package mongo

import (
	"bytes"
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"whatsapp-api/store"
)

type idempotency struct{ s *Store }

type callDoc struct {
	Key       string `bson:"_id"`
	BodyHash  []byte `bson:"hash"`
	Holder    string `bson:"holder"`
	MessageID string `bson:"message"`
	CreatedAt int64  `bson:"created"`
	ExpiresAt int64  `bson:"expires"`
	Done      bool   `bson:"done"`
	Status    int    `bson:"status"`
	Body      []byte `bson:"body"`
	Version   int64  `bson:"v"`
}

func newCallDoc(c store.IdempotentCall) callDoc {
	return callDoc{
		Key: c.Key, BodyHash: store.Some(c.BodyHash), Holder: c.Holder, MessageID: c.MessageID,
		CreatedAt: c.CreatedAt.UnixMilli(), ExpiresAt: c.ExpiresAt.UnixMilli(), Done: c.Done, Status: c.Status, Body: store.Some(c.Body),
	}
}

func (d callDoc) call() store.IdempotentCall {
	return store.IdempotentCall{
		Key: d.Key, BodyHash: d.BodyHash, Holder: d.Holder, MessageID: d.MessageID,
		CreatedAt: at(d.CreatedAt), ExpiresAt: at(d.ExpiresAt), Done: d.Done, Status: d.Status, Body: d.Body,
	}
}

func (i idempotency) Begin(ctx context.Context, c store.IdempotentCall) (store.IdempotentCall, bool, error) {
	fresh := newCallDoc(c)
	for {
		err := insert(ctx, "begin call", i.s.col.calls, fresh)
		if err == nil {
			return fresh.call(), true, nil
		}
		if !errors.Is(err, store.ErrExists) {
			return store.IdempotentCall{}, false, err
		}
		kept, won, err := i.beginAgain(ctx, fresh)
		if errors.Is(err, errMoved) || errors.Is(err, store.ErrNotFound) {
			err = pause(ctx)
			if err == nil {
				continue
			}
		}
		return kept.call(), won, fault("begin call", err)
	}
}

// beginAgain looks at the call that is there already.
func (i idempotency) beginAgain(ctx context.Context, c callDoc) (kept callDoc, won bool, err error) {
	if err := findOne(ctx, "read call", i.s.col.calls, byID(c.Key), &kept); err != nil {
		return kept, false, err
	}
	next := kept
	switch {
	case kept.ExpiresAt <= c.CreatedAt:
		next = c
	case kept.Done || kept.Holder == c.Holder || !bytes.Equal(kept.BodyHash, c.BodyHash):
		return kept, false, nil
	default:
		next.Holder = c.Holder
	}
	next.Version = kept.Version + 1
	res, err := i.s.col.calls.ReplaceOne(ctx, bson.D{{Key: "_id", Value: c.Key}, {Key: "v", Value: kept.Version}}, next)
	if err == nil && res.MatchedCount == 0 {
		err = errMoved
	}
	return next, err == nil, err
}

func (i idempotency) Finish(ctx context.Context, key string, status int, body []byte) error {
	res, err := i.s.col.calls.UpdateByID(ctx, key, bson.D{
		{Key: "$set", Value: bson.D{{Key: "done", Value: true}, {Key: "status", Value: status}, {Key: "body", Value: store.Some(body)}}},
		{Key: "$inc", Value: bson.D{{Key: "v", Value: 1}}},
	})
	if err == nil && res.MatchedCount == 0 {
		err = store.ErrNotFound
	}
	return fault("finish call", err)
}

func (i idempotency) Release(ctx context.Context, key string) error {
	_, err := deleteMany(ctx, i.s.col.calls, byID(key))
	return fault("release call", err)
}

func (i idempotency) DeleteExpired(ctx context.Context, now time.Time) (int, error) {
	n, err := deleteMany(ctx, i.s.col.calls, expired(now))
	return n, fault("delete expired calls", err)
}
