package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// writes are what a projection writes into one collection, or into documents of sessions.
type writes []mongo.WriteModel

// writer gathers what the projections of many sessions write into one collection: they begin at the same
// time (nextProjection), so that one command has what is there of all. What it writes can be done again
// without harm: when a command fails, each session does its own part alone, and learns from that what
// became of it.
type writer struct {
	ordered, plain gather[writes]
}

func newWriter() *writer {
	w := &writer{}
	for _, g := range []*gather[writes]{&w.ordered, &w.plain} {
		g.atOnce, g.most, g.bytes = 1, 64, 4096 // writes, here
		g.size = func(c writes) int { return len(c) }
	}
	return w
}

// bulk is bulk of one collection, together with what others write there.
func (s *Store) bulk(ctx context.Context, c *mongo.Collection, models writes, ordered bool) error {
	if len(models) == 0 {
		return nil
	}
	g := &s.writers[c.Name()].plain
	if ordered {
		g = &s.writers[c.Name()].ordered
	}
	err := g.do(ctx, models, func(all []writes) []error {
		errs := make([]error, len(all))
		if len(all) == 1 {
			errs[0] = bulk(ctx, c, models, ordered)
			return errs
		}
		ctx, cancel := s.bounded(context.WithoutCancel(ctx)) // others wait for it too
		defer cancel()
		var together writes
		for _, one := range all {
			together = append(together, one...)
		}
		if bulk(ctx, c, together, ordered) != nil {
			for i := range errs {
				errs[i] = errAlone
			}
		}
		return errs
	})
	if errors.Is(err, errAlone) {
		return bulk(ctx, c, models, ordered)
	}
	return err
}

// headChange is what becomes of a session's document once what comes before is projected.
type headChange struct{ filter, update doc }

// putHeadTogether writes a session's document, together with those of others. It says whether the
// filter held: then the change is made, now or by a try before.
func (s *Store) putHeadTogether(ctx context.Context, h headChange) (made bool, err error) {
	err = s.headWriter.do(ctx, h, func(all []headChange) []error {
		errs := make([]error, len(all))
		if len(all) == 1 {
			errs[0] = errAlone
			return errs
		}
		ctx, cancel := s.bounded(context.WithoutCancel(ctx))
		defer cancel()
		models := make([]mongo.WriteModel, len(all))
		for i, one := range all {
			models[i] = mongo.NewUpdateOneModel().SetFilter(one.filter).SetUpdate(one.update)
		}
		res, err := s.col.heads.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
		if err == nil && int(res.MatchedCount) == len(all) {
			return errs
		}
		for i := range errs {
			errs[i] = errAlone
		}
		return errs
	})
	if !errors.Is(err, errAlone) {
		return err == nil, err
	}
	res, err := s.col.heads.UpdateOne(ctx, h.filter, h.update)
	return err == nil && res.MatchedCount == 1, err
}

// nextProjection is how long to wait for the next time at which sessions are projected, the same for
// all, but for one that is less than half of every away.
func nextProjection(every time.Duration, now time.Time) time.Duration {
	wait := every - now.Sub(now.Truncate(every))
	if wait < every/2 {
		wait += every
	}
	return wait
}
