package mongo

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/zap"

	"whatsapp-api/store"
)

// changesID is the document of the collection meta that counts the changes of each topic.
const changesID = "changes"

// changesEvery is how often a process looks at it.
const changesEvery = 300 * time.Millisecond

type changes struct{ s *Store }

// raised are the changes that this process has counted, or has still to.
type raised struct {
	mu   sync.Mutex
	own  map[store.Topic]int64
	owed map[store.Topic]bool // could not be counted
}

// changed counts a change that was just written. If that fails it is made up for, since the change is
// there.
func (s *Store) changed(ctx context.Context, topic store.Topic) {
	s.raised.mu.Lock()
	if s.raised.own == nil {
		s.raised.own, s.raised.owed = map[store.Topic]int64{}, map[store.Topic]bool{}
	}
	s.raised.own[topic]++
	s.raised.mu.Unlock()
	_, err := s.col.meta.UpdateByID(context.WithoutCancel(ctx), changesID, bson.D{{Key: "$inc", Value: bson.D{{Key: string(topic), Value: int64(1)}}}},
		options.UpdateOne().SetUpsert(true))
	if err == nil {
		return
	}
	s.log.Warn("a change could not be told to other servers; trying again", zap.String("topic", string(topic)), zap.Error(err))
	s.raised.mu.Lock()
	s.raised.owed[topic] = true
	s.raised.mu.Unlock()
}

// ifChanged counts a change if the write of it was good.
func (s *Store) ifChanged(ctx context.Context, err error, topic store.Topic) error {
	if err == nil {
		s.changed(ctx, topic)
	}
	return err
}

// payOwed counts what could not be counted before.
func (s *Store) payOwed(ctx context.Context) {
	s.raised.mu.Lock()
	owed := s.raised.owed
	s.raised.owed = map[store.Topic]bool{}
	s.raised.mu.Unlock()
	for topic := range owed {
		s.changed(ctx, topic)
	}
}

// counted reads how many changes of each topic there were.
func (s *Store) counted(ctx context.Context) (map[store.Topic]int64, error) {
	var doc bson.M
	err := s.col.meta.FindOne(ctx, byID(changesID)).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	all := map[store.Topic]int64{}
	for topic, n := range doc {
		if n, isNumber := n.(int64); isNumber {
			all[store.Topic(topic)] = n
		}
	}
	return all, err
}

// others are the changes that other processes have counted. One of this process that is under way makes
// the number go up or down for a moment, which is told of without need.
func (s *Store) others(ctx context.Context) (map[store.Topic]int64, error) {
	all, err := s.counted(ctx)
	s.raised.mu.Lock()
	defer s.raised.mu.Unlock()
	for topic, n := range s.raised.own {
		if all == nil {
			all = map[store.Topic]int64{}
		}
		all[topic] -= n
	}
	return all, err
}

func (c changes) Watch(ctx context.Context, fn func(store.Topic)) {
	tick := time.NewTicker(changesEvery)
	defer tick.Stop()
	last, failing := map[store.Topic]int64(nil), false
	for {
		now, err := c.s.others(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !failing {
				c.s.log.Warn("could not look for changes by other servers; trying again", zap.Error(err))
			}
			failing = true
		case last == nil: // what was before is read by all who begin now
			last, failing = now, false
			if last == nil {
				last = map[store.Topic]int64{}
			}
		default:
			for topic, n := range now {
				if n != last[topic] {
					fn(topic)
				}
			}
			last, failing = maps.Clone(now), false
			if last == nil {
				last = map[store.Topic]int64{}
			}
			c.s.payOwed(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c changes) Mark(ctx context.Context) (int64, error) {
	all, err := c.s.counted(ctx)
	return all[store.TopicWebhooks] + all[store.TopicOwners], fault("count changes", err)
}

func (c changes) TakenIn(ctx context.Context, d *store.Duty, mark int64) error {
	res, err := c.s.col.duties.UpdateOne(ctx, bson.D{{Key: "_id", Value: d.Name}, {Key: "lease.epoch", Value: d.Epoch}},
		bson.D{{Key: "$max", Value: bson.D{{Key: "took", Value: mark}}}})
	if err == nil && res.MatchedCount == 0 {
		err = store.ErrFenced
	}
	return fault("say what was taken in", err)
}

func (c changes) Await(ctx context.Context, duty string, mark int64) error {
	tick := time.NewTicker(changesEvery / 6)
	defer tick.Stop()
	for {
		n, err := c.s.col.duties.CountDocuments(ctx, bson.D{
			{Key: "_id", Value: duty},
			{Key: "took", Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$gte", Value: mark}}}}},
			{Key: "$expr", Value: bson.D{{Key: "$not", Value: c.s.mayTake()}}},
		})
		if err != nil || n == 0 {
			return fault("wait for the holder of a duty", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fault("wait for the holder of a duty", ctx.Err())
		}
	}
}
