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

type audit struct{ s *Store }

type auditDoc struct {
	ID        string `bson:"_id"`
	At        int64  `bson:"at"`
	UserID    string `bson:"user"`
	KeyID     string `bson:"key"`
	Action    string `bson:"action"`
	Target    string `bson:"target"`
	Address   string `bson:"address"`
	Status    int    `bson:"status"`
	RequestID string `bson:"request"`
}

func (a audit) Append(ctx context.Context, entries []store.AuditEntry) error {
	if len(entries) == 0 {
		return nil
	}
	docs := make([]auditDoc, 0, len(entries))
	for _, e := range entries {
		docs = append(docs, auditDoc{e.ID, e.At.UnixMilli(), e.UserID, e.KeyID, e.Action, e.Target, e.Address, e.Status, e.RequestID})
	}
	_, err := a.s.col.audit.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	if mongo.IsDuplicateKeyError(err) { // those that are there already
		err = nil
	}
	return fault("append audit", err)
}

func (a audit) List(ctx context.Context, q store.AuditQuery) ([]store.AuditEntry, string, error) {
	before, err := store.AfterID(q.Page.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list audit: %w", err)
	}
	if q.Page.Limit <= 0 {
		return nil, "", nil
	}
	filter := bson.D{}
	if q.Page.Cursor != "" {
		filter = append(filter, bson.E{Key: "_id", Value: bson.D{{Key: "$lt", Value: before}}})
	}
	if q.UserID != "" {
		filter = append(filter, bson.E{Key: "user", Value: q.UserID})
	}
	when := bson.D{}
	if !q.Before.IsZero() {
		when = append(when, bson.E{Key: "$lt", Value: q.Before.UnixMilli()})
	}
	if !q.After.IsZero() {
		when = append(when, bson.E{Key: "$gt", Value: q.After.UnixMilli()})
	}
	if len(when) > 0 {
		filter = append(filter, bson.E{Key: "at", Value: when})
	}
	docs, err := findAll[auditDoc](ctx, a.s.col.audit, filter, options.Find().SetSort(desc(nil, "_id")).SetLimit(store.OnePast(q.Page)))
	if err != nil {
		return nil, "", fault("list audit", err)
	}
	docs, next := store.Cut(docs, q.Page, func(d auditDoc) any { return store.IDKey{ID: []byte(d.ID)} })
	var list []store.AuditEntry
	for _, d := range docs {
		list = append(list, store.AuditEntry{
			ID: d.ID, At: at(d.At), UserID: d.UserID, KeyID: d.KeyID, Action: d.Action, Target: d.Target,
			Address: d.Address, Status: d.Status, RequestID: d.RequestID,
		})
	}
	return list, next, nil
}

func (a audit) DeleteBefore(ctx context.Context, before time.Time) (int, error) {
	n, err := deleteMany(ctx, a.s.col.audit, bson.D{{Key: "at", Value: bson.D{{Key: "$lt", Value: before.UnixMilli()}}}})
	return n, fault("delete old audit", err)
}
