package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/store"
)

// unitPage is how many units are read at once for their events.
const unitPage = 100

// unitsFrom matches the units of a session with an event after seq.
func unitsFrom(doc sessionDoc, seq int64) bson.D {
	// A Seq is at least 1; saying so lets the partial index be used.
	filter := bson.D{{Key: "s", Value: doc.ID}, {Key: "last", Value: bson.D{{Key: "$gt", Value: max(seq, 0)}}}}
	if doc.First > 0 { // one of the session before may come late
		filter = append(filter, bson.E{Key: "n", Value: bson.D{{Key: "$gt", Value: doc.First}}})
	}
	return filter
}

func (s *Store) unitsWithEvents(ctx context.Context, doc sessionDoc, seq int64, limit int) ([]unitDoc, error) {
	return findAll[unitDoc](ctx, s.col.units, unitsFrom(doc, seq),
		options.Find().SetSort(asc("last")).SetLimit(int64(limit)).SetProjection(bson.D{{Key: "rest", Value: 0}}))
}

func (l eventLog) After(ctx context.Context, session string, seq int64, limit int) ([]store.Event, error) {
	events, err := l.after(ctx, session, seq, limit)
	if err != nil {
		return nil, fault("read events", err)
	}
	return events, nil
}

// after shows no more than what is projected: whoever sees an event sees what it tells of.
func (l eventLog) after(ctx context.Context, session string, seq int64, limit int) (list []store.Event, err error) {
	if err := l.s.see(ctx, session); err != nil {
		return nil, err
	}
	doc, err := l.s.find(ctx, "read head", session)
	if err != nil {
		return nil, err
	}
	if seq < doc.Oldest-1 {
		return nil, store.ErrExpired
	}
	if seq > doc.Seq {
		return nil, l.ahead(ctx, doc, seq)
	}
	for next := seq; len(list) < limit && next < doc.Seq; {
		units, err := l.s.unitsWithEvents(ctx, doc, next, min(limit-len(list), unitPage))
		if err != nil {
			return nil, err
		}
		if len(units) == 0 || units[0].First > next+1 {
			return nil, store.ErrExpired // pruned just now
		}
		for _, u := range units {
			encoded, err := l.s.load(ctx, u, partEvents, u.Events)
			if err != nil {
				return nil, err
			}
			events, err := u.events(encoded)
			if err != nil {
				return nil, err
			}
			for _, e := range events {
				if e.Seq > next && e.Seq <= doc.Seq && len(list) < limit {
					list = append(list, e)
				}
			}
			next = u.Last
		}
	}
	return list, nil
}

// ahead says that a Seq is ahead of the log, unless only the head is behind, as it may be
// for a moment on a new primary: the units have it.
func (l eventLog) ahead(ctx context.Context, doc sessionDoc, seq int64) error {
	units, err := l.s.unitsWithEvents(ctx, doc, seq-1, 1)
	if err == nil && len(units) == 0 {
		err = store.ErrExpired
	}
	return err
}

// Bounds looks at the units too: after a crash the head may be behind what readers have seen.
func (l eventLog) Bounds(ctx context.Context, session string) (oldest, newest int64, err error) {
	behind := l.s.lines.seq(session)
	doc, err := l.s.find(ctx, "read event bounds", session)
	if err != nil {
		return 0, 0, err
	}
	ahead, err := findAll[unitDoc](ctx, l.s.col.units, unitsFrom(doc, doc.Seq),
		options.Find().SetSort(desc(nil, "last")).SetLimit(1).SetProjection(asc("last")))
	if err != nil {
		return 0, 0, fault("read event bounds", err)
	}
	newest = max(doc.Seq, behind)
	if len(ahead) > 0 {
		newest = max(newest, ahead[0].Last)
	}
	return doc.Oldest, newest, nil
}

// Prune deletes from the oldest event up to the first that is not old enough, so that
// what is kept has no gaps. That it is no longer kept is written first; then the units
// go that have nothing else, as far as they are durable. The rest go when they are.
func (l eventLog) Prune(ctx context.Context, session string, before time.Time) (int, error) {
	n, err := l.prune(ctx, session, before)
	return n, fault("prune events", err)
}

func (l eventLog) prune(ctx context.Context, session string, before time.Time) (int, error) {
	line, err := l.s.lines.take(ctx, session)
	if err != nil {
		return 0, err
	}
	defer line.unlock()
	if err := l.s.ready(ctx, line); err != nil {
		return 0, err
	}
	if err := l.s.advance(ctx, line); err != nil {
		return 0, err
	}
	doc, err := l.s.find(ctx, "read head", session)
	if errors.Is(err, store.ErrNotFound) {
		l.s.gone(line)
	}
	if err != nil {
		return 0, err
	}
	oldest, err := l.firstSince(ctx, doc, before.UnixMilli())
	if err != nil {
		return 0, err
	}
	if oldest > doc.Oldest {
		on, err := l.s.termsOf(line)
		if err != nil {
			return 0, err
		}
		res, err := l.s.col.sessions.UpdateOne(ctx, ofEpoch(append(byID(session), bson.E{Key: "oldest", Value: doc.Oldest}, notDeleting), on.epoch),
			bson.D{{Key: "$set", Value: bson.D{{Key: "oldest", Value: oldest}}}})
		if err != nil {
			return 0, err
		}
		if res.MatchedCount == 0 {
			return 0, nil // another process prunes
		}
	}
	if line.head != nil { // it knows more than what is written
		line.head.oldest, doc.Stripped = oldest, line.head.stripped
	}
	return int(oldest - doc.Oldest), l.s.dropUnits(ctx, doc, oldest)
}

// firstSince returns the Seq of the first kept event that is not older.
func (l eventLog) firstSince(ctx context.Context, doc sessionDoc, ms int64) (int64, error) {
	oldest := doc.Oldest
	for oldest <= doc.Seq {
		units, err := l.s.unitsWithEvents(ctx, doc, oldest-1, unitPage)
		if err != nil {
			return 0, err
		}
		if len(units) == 0 {
			return 0, fmt.Errorf("events %d to %d of the session are missing", oldest, doc.Seq)
		}
		for _, u := range units {
			if u.Newest < ms {
				oldest = u.Last + 1
				continue
			}
			encoded, err := l.s.load(ctx, u, partEvents, u.Events)
			if err != nil {
				return 0, err
			}
			events, err := u.events(encoded)
			if err != nil {
				return 0, err
			}
			for _, e := range events {
				if e.Seq >= oldest && e.Timestamp.UnixMilli() >= ms {
					return min(e.Seq, doc.Seq+1), nil
				}
			}
			oldest = u.Last + 1 // its newest was pruned before
		}
	}
	return min(oldest, doc.Seq+1), nil
}

// dropUnits deletes the durable units whose events are all older than oldest.
func (s *Store) dropUnits(ctx context.Context, doc sessionDoc, oldest int64) error {
	gone := bson.D{
		{Key: "s", Value: doc.ID},
		{Key: "last", Value: bson.D{{Key: "$gt", Value: 0}, {Key: "$lt", Value: oldest}}},
		{Key: "n", Value: bson.D{{Key: "$lte", Value: doc.Stripped}}},
	}
	if _, err := deleteMany(ctx, s.col.units, gone); err != nil {
		return err
	}
	return s.dropChunks(ctx, doc.ID, 0, doc.Stripped)
}
