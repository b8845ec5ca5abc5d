package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.uber.org/zap"
)

// processDoc says which process the owner of a lease is, well enough to prove on the same machine that it has
// ended: no number of the four comes twice while the machine runs. A namespace of processes has its number
// for as long as one of them lives.
type processDoc struct {
	Boot  string `bson:"boot"`  // of the machine, random
	Space string `bson:"space"` // the namespace that PID is of
	PID   int    `bson:"pid"`
	Start string `bson:"start"` // when it began, in ticks since the boot
}

// expireDead ends the leases of processes that this one can prove dead, so that a server that was
// killed and started again need not wait for itself. What such a process had under way may still arrive: its leases
// have run out, and were not given back.
func (s *Store) expireDead(ctx context.Context) error {
	if s.process == nil {
		return nil
	}
	for _, c := range []*mongo.Collection{s.col.sessions, s.col.duties} {
		var all []processDoc
		if err := c.Distinct(ctx, "lease.proc", bson.D{
			{Key: "lease.proc.boot", Value: s.process.Boot}, {Key: "lease.proc.space", Value: s.process.Space}, {Key: "lease.owner", Value: bson.D{{Key: "$ne", Value: ""}}},
		}).Decode(&all); err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
			return fmt.Errorf("find leases of dead processes: %w", err)
		}
		for _, p := range all {
			if !s.process.provesDead(p) {
				continue
			}
			res, err := c.UpdateMany(ctx, bson.D{{Key: "lease.proc", Value: p}, {Key: "lease.owner", Value: bson.D{{Key: "$ne", Value: ""}}}},
				bson.D{{Key: "$set", Value: bson.D{{Key: "lease.until", Value: time.UnixMilli(0)}}}})
			if err != nil {
				return fmt.Errorf("end leases of a dead process: %w", err)
			}
			s.log.Info("a server on this machine has ended without giving back what it owned; taking over at once",
				zap.Int("pid", p.PID), zap.String("collection", c.Name()), zap.Int64("leases", res.ModifiedCount))
		}
	}
	return nil
}
