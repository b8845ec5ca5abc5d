package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// newInserts gathers the units of all sessions that wait to be committed. Of one session no more than
// one unit is among them, so their order does not matter.
func newInserts() *gather[unitDoc] {
	return &gather[unitDoc]{atOnce: 2, most: 128, bytes: 8 << 20, size: unitDoc.size}
}

// insertTogether inserts a unit, with others that wait. The error is that of this unit alone.
func (s *Store) insertTogether(ctx context.Context, doc unitDoc) error {
	return s.inserts.do(ctx, doc, func(docs []unitDoc) []error {
		errs := make([]error, len(docs))
		if len(docs) == 1 {
			_, errs[0] = s.col.units.InsertOne(ctx, doc)
			return errs
		}
		ctx, cancel := s.bounded(context.WithoutCancel(ctx)) // others wait for it too
		defer cancel()
		_, err := s.col.units.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
		for i := range errs {
			errs[i] = errorOf(err, i)
		}
		return errs
	})
}

// errorOf is what the error of a command says of its n-th document.
func errorOf(err error, n int) error {
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || bulk.WriteConcernError != nil {
		return err
	}
	for _, e := range bulk.WriteErrors {
		if e.Index == n {
			return mongo.WriteException{WriteErrors: mongo.WriteErrors{e.WriteError}, Labels: bulk.Labels}
		}
	}
	return nil
}

// size is about how many bytes the document has.
func (d unitDoc) size() int { return len(d.Rest.Data) + len(d.Events.Data) }
