package mongo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"whatsapp-api/store"
)

// Recover reads the head anew and projects what it does not say to be projected.
func (l eventLog) Recover(ctx context.Context, session string) error {
	line, err := l.s.lines.take(ctx, session)
	if err != nil {
		return fault("recover session", err)
	}
	defer line.unlock()
	line.head, line.fenced = nil, false
	return fault("recover session", l.s.recover(context.WithoutCancel(ctx), line))
}

// recover takes the session's lease, if it is free, and sets l.head. Units that this process has not
// projected yet are among those that the log has.
func (s *Store) recover(ctx context.Context, l *line) error {
	before := l.lease.Load()
	takenOver, err := s.own(ctx, l)
	if err != nil {
		return err
	}
	l.fence = l.fence || takenOver
	if l.lease.Load() != before {
		if err := s.readContested(ctx, l); err != nil {
			return err
		}
	}
	for try := 0; ; try++ {
		h, err := s.replayAll(ctx, l)
		if err == nil && l.fence {
			err = s.shutOut(ctx, l, h)
		}
		switch {
		case errors.Is(err, errMoved) && try < 10: // the owner before has committed one more unit
			continue
		case errors.Is(err, store.ErrFenced):
			s.fenced(l)
		case err == nil:
			l.head, l.fence = h, false // keepDurable makes it so, and strips what a crash has left
		}
		return err
	}
}

// shutOut makes a unit in the place to which the owner before would commit its next one, so that it
// cannot. errMoved: it was faster.
func (s *Store) shutOut(ctx context.Context, l *line, h *head) error {
	if _, err := deleteMany(ctx, s.col.units, bson.D{
		{Key: "s", Value: l.session},
		{Key: "fence", Value: bson.D{{Key: "$gt", Value: 0}, {Key: "$lt", Value: time.Now().Add(-contestedFor).UnixMilli()}}},
		{Key: "last", Value: bson.D{{Key: "$exists", Value: false}}},
		{Key: "n", Value: bson.D{{Key: "$lte", Value: h.stripped}}},
	}); err != nil {
		return fmt.Errorf("delete old fences: %w", err)
	}
	doc, rest, err := newUnit(*h, store.Unit{Session: l.session})
	if err != nil {
		return err
	}
	doc.Fence = time.Now().UnixMilli()
	if err := s.insertUnit(ctx, l, doc); errors.Is(err, store.ErrFenced) {
		return errMoved // if it is a third process that has the session now, the projection finds out
	} else if err != nil {
		return err
	}
	on, err := s.termsOf(l)
	if err != nil {
		return err
	}
	return s.projectIn(ctx, []committed{{doc: doc, rest: rest}}, h, on)
}

// replayAll projects all that is not said to be, as the owner of the session.
func (s *Store) replayAll(ctx context.Context, l *line) (*head, error) {
	if err := l.behind.enter(ctx); err != nil {
		return nil, err
	}
	defer l.behind.leave()
	l.missed.forget()
	doc, err := s.find(ctx, "read head", l.session)
	if errors.Is(err, store.ErrNotFound) {
		s.gone(l)
	}
	if err != nil {
		return nil, err
	}
	on, err := s.termsOf(l)
	if err == nil && doc.Lease.Epoch != on.epoch {
		err = store.ErrFenced
	}
	if err != nil {
		return nil, err
	}
	h := headOf(doc)
	var doubtful *line
	if l.fence || l.behind.failed > 0 {
		doubtful = l
	}
	if err := s.replay(ctx, l.session, &h, on, doubtful); err != nil {
		l.behind.failed = math.MaxInt64
		return nil, err
	}
	l.behind.done(math.MaxInt64)
	l.behind.failed = 0
	return &h, nil
}

func headOf(doc sessionDoc) head {
	return head{unit: doc.Proj, seq: doc.Seq, durable: doc.Durable, stripped: doc.Stripped, oldest: doc.Oldest}
}

// replayPage is how many units are read at once.
const replayPage = 16

// errTorn says that a session's document and its units are not of one moment, as in a copy of the
// database that was made while a server wrote to it.
var errTorn = errors.New("the database was restored from a copy that is not of one moment: what this unit changed is not in it any more, though the session does not have it yet; restore a copy made with --oplog, or while no server ran")

// replay projects all that comes after h, which moves on to the newest unit. Where the projection of
// these units may be under way already, they are contested first: doubtful is the line then, else nil.
func (s *Store) replay(ctx context.Context, session string, h *head, on terms, doubtful *line) error {
	on.first = false
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
			if len(doc.Rest.Data) == 0 && doc.Rest.Chunks == 0 {
				return fmt.Errorf("%w: unit %d", errTorn, doc.N)
			}
			rest, err := s.rest(ctx, doc)
			if err != nil {
				return err
			}
			units[i] = committed{doc: doc, rest: rest, bytes: len(doc.Rest.Data)}
		}
		if doubtful != nil {
			if err := s.contest(ctx, doubtful, units); err != nil {
				return err
			}
			on.contested = doubtful.contested.Load()
		}
		for len(units) > 0 {
			n := together(units)
			if err := s.projectIn(ctx, units[:n], h, on); err != nil {
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
func (s *Store) projectIn(ctx context.Context, units []committed, h *head, on terms) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	if err := s.project(ctx, units, on); err != nil {
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
	if err := s.catchUp(ctx, l); err != nil {
		l.head = nil
		return err
	}
	h := l.head
	if h == nil {
		return nil
	}
	on, err := s.termsOf(l)
	if err != nil {
		return err
	}
	if s.hooks.keepAll || h.unit == h.durable && h.durable == h.stripped {
		return nil
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	if err := s.keepHead(ctx, l.session, h, on.epoch); err != nil {
		l.head = nil
		return err
	}
	return nil
}

// keepHead makes durable how far the session is projected, and strips the units up to there.
func (s *Store) keepHead(ctx context.Context, session string, h *head, epoch int64) error {
	if h.unit > h.durable {
		res, err := s.col.sessions.UpdateOne(ctx,
			ofEpoch(append(byID(session), bson.E{Key: "proj", Value: bson.D{{Key: "$gte", Value: h.unit}}}, notDeleting), epoch),
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
		mongo.NewDeleteManyModel().SetFilter(append(between, bson.E{Key: "last", Value: bson.D{{Key: "$exists", Value: false}}}, bson.E{Key: "fence", Value: bson.D{{Key: "$exists", Value: false}}})),
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
