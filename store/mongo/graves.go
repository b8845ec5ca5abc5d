package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/store"
)

// What an owner that was paused writes late must not go into another session, which has got the same id
// after that owner's was deleted. So numbers are never given out twice under one id: a session that is deleted
// leaves a grave, and the next of its id begins with greater numbers of units and epochs. Then a late write
// finds no document that it could change, since each has a later op. It can only make documents
// of its own again: the owner itself removes those when it sees that its session is gone, see removeLate, and
// they are of units before the first of the new session.

// gravesFor is how long graves stay: far longer than any write can be under way.
const gravesFor = 2 * contestedFor

// unitsSkipped is how many units an owner could still commit that has not seen yet that its session is gone.
const unitsSkipped = 1 << 16

// graveDoc is what stays of a session that was deleted.
type graveDoc struct {
	ID    string    `bson:"_id"` // of the session
	Unit  int64     `bson:"unit"`
	Epoch int64     `bson:"epoch"`
	At    time.Time `bson:"at"`
}

// dig leaves the grave of a session that is about to be purged.
func (s *Store) dig(ctx context.Context, id string) error {
	var doc sessionDoc
	err := s.col.sessions.FindOne(ctx, byID(id)).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) { // it was purged before
		return nil
	}
	if err != nil {
		return err
	}
	newest, err := findAll[unitDoc](ctx, s.col.units, byID(below(id)), options.Find().SetSort(desc(nil, "_id")).SetLimit(1).SetProjection(asc("n")))
	if err != nil {
		return err
	}
	unit := doc.Proj
	if len(newest) > 0 {
		unit = max(unit, newest[0].N)
	}
	_, err = s.col.graves.UpdateByID(ctx, id, bson.D{
		{Key: "$max", Value: bson.D{{Key: "unit", Value: unit + unitsSkipped}, {Key: "epoch", Value: doc.Lease.Epoch + 1}}},
		{Key: "$set", Value: bson.D{{Key: "at", Value: time.Now()}}},
	}, options.UpdateOne().SetUpsert(true))
	return err
}

// begins are the first numbers of a new session, as fields of its document.
func (s *Store) begins(ctx context.Context, id string) (bson.D, error) {
	var grave graveDoc
	err := s.col.graves.FindOne(ctx, byID(id)).Decode(&grave)
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		err = nil
	case err != nil:
		return nil, err
	}
	d := bson.D{{Key: "proj", Value: grave.Unit}, {Key: "durable", Value: grave.Unit}, {Key: "stripped", Value: grave.Unit}}
	if grave.Unit > 0 {
		d = append(d, bson.D{
			{Key: "first", Value: grave.Unit},
			{Key: "lease", Value: bson.D{
				{Key: "owner", Value: ""},
				{Key: "name", Value: ""},
				{Key: "until", Value: time.UnixMilli(0)},
				{Key: "epoch", Value: grave.Epoch},
				{Key: "clean", Value: true},
			}},
		}...)
	}
	return d, err
}

// removeLate removes what units have made late of a session that is gone: last is the number of the newest. If
// the session is there still, or another one is, that keeps what is its own.
func (s *Store) removeLate(ctx context.Context, session string, last int64) error {
	ctx = context.WithoutCancel(ctx)
	now, err := s.find(ctx, "read head", session)
	if errors.Is(err, store.ErrNotFound) {
		err, now.First = nil, last
	}
	if err != nil || now.First < last {
		return err
	}
	ctx, cancel := unbounded(ctx)
	defer cancel()
	upTo := bson.E{Key: "u", Value: bson.D{{Key: "$lt", Value: (last + 1) << opBits}}}
	for _, c := range []*mongo.Collection{s.col.keys, s.col.messages, s.col.receipts, s.col.chats, s.col.contacts, s.col.tasks} {
		if _, err := deleteMany(ctx, c, append(byID(below(session)), upTo)); err != nil {
			return fmt.Errorf("remove what was written late: %w", err)
		}
	}
	for _, c := range []*mongo.Collection{s.col.units, s.col.chunks} {
		if _, err := deleteMany(ctx, c, append(byID(below(session)), bson.E{Key: "n", Value: bson.D{{Key: "$lte", Value: last}}})); err != nil {
			return fmt.Errorf("remove what was written late: %w", err)
		}
	}
	return nil
}
