package mongo

import (
	"context"
	"errors"
	"fmt"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"whatsapp-api/store"
)

// Recover reads the head anew and projects what it does not say to be projected. It makes this
// process the session's owner again when it was fenced.
func (l eventLog) Recover(ctx context.Context, session string) error {
	line, err := l.s.lines.take(ctx, session)
	if err != nil {
		return fault("recover session", err)
	}
	defer line.unlock()
	line.head, line.fenced = nil, false
	return fault("recover session", l.s.recover(context.WithoutCancel(ctx), line))
}

// recover sets l.head. Units that this process has not projected yet are among those that the
// log has.
func (s *Store) recover(ctx context.Context, l *line) error {
	h, err := s.replayAll(ctx, l)
	if err != nil {
		return err
	}
	l.head = h // keepDurable makes it so, and strips what a crash has left
	return nil
}

func (s *Store) replayAll(ctx context.Context, l *line) (*head, error) {
	if err := l.behind.enter(ctx); err != nil {
		return nil, err
	}
	defer l.behind.leave()
	l.missed.forget()
	doc, err := s.find(ctx, "read head", l.session)
	if errors.Is(err, store.ErrNotFound) {
		l.behind.done(math.MaxInt64)
		s.lines.drop(l)
	}
	if err != nil {
		return nil, err
	}
	h := headOf(doc)
	if err := s.replay(ctx, l.session, &h); err != nil {
		return nil, err
	}
	l.behind.done(math.MaxInt64)
	l.seen.Store(true)
	return &h, nil
}

func headOf(doc sessionDoc) head {
	return head{unit: doc.Proj, seq: doc.Seq, durable: doc.Durable, stripped: doc.Stripped, oldest: doc.Oldest}
}

// replayPage is how many units are read at once.
const replayPage = 16

// replay projects all that comes after h, which moves on to the newest unit.
func (s *Store) replay(ctx context.Context, session string, h *head) error {
	for {
		docs, err := findAll[unitDoc](ctx, s.col.units, byID(bson.D{{Key: "$gt", Value: unitID(session, h.unit)}, below(session)[1]}),
			options.Find().SetSort(asc("_id")).SetLimit(replayPage))
		if err != nil {
			return fmt.Errorf("read units: %w", err)
		}
		units := make([]committed, len(docs))
		for i, doc := range docs {
			if doc.N != h.unit+1+int64(i) {
				return fmt.Errorf("unit %d of the session is missing: the next is %d", h.unit+1+int64(i), doc.N)
			}
			rest, err := s.rest(ctx, doc)
			if err != nil {
				return err
			}
			units[i] = committed{doc: doc, rest: rest, bytes: len(doc.Rest.Data)}
		}
		for len(units) > 0 {
			n := together(units)
			if err := s.projectIn(ctx, units[:n], h); err != nil {
				return err
			}
			units = units[n:]
		}
		if len(docs) < replayPage {
			return nil
		}
	}
}

// projectIn projects units within the time of one call, and moves h on.
func (s *Store) projectIn(ctx context.Context, units []committed, h *head) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	if err := s.project(ctx, units); err != nil {
		return err
	}
	for _, u := range units {
		h.unit, h.seq = u.doc.N, max(h.seq, u.doc.Last)
	}
	return nil
}

// advance makes the head durable, by a write that is acknowledged by a majority and
// journalled. Its filter holds only where the head has come to; where it was lost it is
// unknown, and read anew.
func (s *Store) advance(ctx context.Context, l *line) error {
	h := l.head
	if h == nil {
		return nil
	}
	if err := s.catchUp(ctx, l); err != nil {
		l.head = nil
		return err
	}
	if s.hooks.keepAll || h.unit == h.durable && h.durable == h.stripped {
		return nil
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	if err := s.keepHead(ctx, l.session, h); err != nil {
		l.head = nil
		return err
	}
	return nil
}

// keepHead makes durable how far the session is projected, and strips the units up to there.
func (s *Store) keepHead(ctx context.Context, session string, h *head) error {
	if h.unit > h.durable {
		res, err := s.col.sessions.UpdateOne(ctx,
			append(byID(session), bson.E{Key: "proj", Value: bson.D{{Key: "$gte", Value: h.unit}}}, notDeleting),
			bson.D{{Key: "$set", Value: bson.D{{Key: "durable", Value: h.unit}, {Key: "stripped", Value: h.stripped}}}})
		if err == nil && res.MatchedCount == 0 {
			err = errMoved
		}
		if err != nil {
			return err
		}
		h.durable = h.unit
	}
	return s.strip(ctx, session, h)
}

// strip takes from durable units what nobody needs any more: all but the events that
// are kept, and all of a unit that has none. That it was done is written with the next
// advance; until then Recover does it again.
func (s *Store) strip(ctx context.Context, session string, h *head) error {
	units := s.col.units.Database().Collection("units", options.Collection().SetWriteConcern(writeconcern.W1()))
	between := unitsBetween(session, h.stripped, h.durable)
	_, err := units.BulkWrite(ctx, []mongo.WriteModel{
		mongo.NewDeleteManyModel().SetFilter(append(between, bson.E{Key: "last", Value: bson.D{{Key: "$exists", Value: false}}})),
		mongo.NewDeleteManyModel().SetFilter(append(between, bson.E{Key: "last", Value: bson.D{{Key: "$lt", Value: h.oldest}}})),
		mongo.NewUpdateManyModel().SetFilter(between).SetUpdate(bson.D{{Key: "$unset", Value: bson.D{{Key: "rest", Value: ""}}}}),
	})
	if err != nil {
		return fmt.Errorf("strip units: %w", err)
	}
	if err := s.dropChunks(ctx, session, h.stripped, h.durable); err != nil {
		return err
	}
	h.stripped = h.durable
	return nil
}

// dropChunks deletes the chunks of durable units that nobody needs: all but those of
// events that are kept. Those of an insert that failed are among them: only now is it sure
// that it cannot come late.
func (s *Store) dropChunks(ctx context.Context, session string, after, last int64) error {
	chunks, err := findAll[chunkDoc](ctx, s.col.chunks, chunksBetween(session, after, last),
		options.Find().SetProjection(asc("n", "uid", "part")))
	if err != nil {
		return fmt.Errorf("find chunks: %w", err)
	}
	for _, c := range chunks {
		if c.Part == partEvents {
			err := s.col.units.FindOne(ctx, append(byID(unitID(session, c.N)), bson.E{Key: "uid", Value: c.UID})).Err()
			if err == nil {
				continue
			}
			if !errors.Is(err, mongo.ErrNoDocuments) {
				return fmt.Errorf("find the unit of a chunk: %w", err)
			}
		}
		if _, err := s.col.chunks.DeleteOne(ctx, byID(c.ID)); err != nil {
			return fmt.Errorf("delete chunk: %w", err)
		}
	}
	return nil
}
