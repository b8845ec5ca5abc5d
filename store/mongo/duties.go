package mongo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/zap"

	"whatsapp-api/store"
)

type duties struct{ s *Store }

// dutyDoc says who does what one process does for all.
type dutyDoc struct {
	Name  string   `bson:"_id"`
	Lease leaseDoc `bson:"lease"`
	Took  int64    `bson:"took"` // the holder has taken in so many changes, see changes.go
}

// dutiesTaken are those of this process by their name.
type dutiesTaken struct {
	mu  sync.Mutex
	all map[string]*store.Duty
}

func (t *dutiesTaken) get(name string) *store.Duty {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[name]
}

func (t *dutiesTaken) put(d *store.Duty) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[string]*store.Duty{}
	}
	t.all[d.Name] = d
}

func (t *dutiesTaken) drop(d *store.Duty) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[d.Name] == d {
		delete(t.all, d.Name)
	}
}

func (t *dutiesTaken) held() (list []*store.Duty) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.all {
		list = append(list, d)
	}
	return list
}

func (d duties) Take(ctx context.Context, name string) (*store.Duty, error) {
	if mine := d.s.duties.get(name); mine != nil && mine.Held() {
		return mine, nil
	}
	began := time.Now() // the lease lasts longer by the server's clock than by this one
	var now dutyDoc
	err := d.s.col.duties.FindOneAndUpdate(ctx, byID(name), bson.A{bson.D{{Key: "$set", Value: bson.D{
		{Key: "lease", Value: bson.D{{Key: "$cond", Value: bson.A{d.s.mayTake(), d.s.newLease(), "$lease"}}}},
	}}}}, options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Decode(&now)
	switch {
	case mongo.IsDuplicateKeyError(err): // another made it at this moment
		return nil, fmt.Errorf("take duty: %w", &store.OwnedElsewhere{})
	case err != nil:
		return nil, fault("take duty", err)
	case now.Lease.Owner != d.s.uid:
		return nil, fmt.Errorf("take duty: %w", &store.OwnedElsewhere{Owner: now.Lease.Name})
	}
	mine := store.NewDuty(name, now.Lease.Epoch, began.Add(d.s.pace.lease))
	if old := d.s.duties.get(name); old != nil {
		old.End()
	}
	d.s.duties.put(mine)
	return mine, nil
}

func (d duties) GiveBack(ctx context.Context, mine *store.Duty) error {
	d.s.duties.drop(mine)
	mine.End()
	_, err := d.s.col.duties.UpdateOne(ctx, bson.D{{Key: "_id", Value: mine.Name}, {Key: "lease.epoch", Value: mine.Epoch}}, givenBack(true))
	return fault("give back duty", err)
}

// renewDuties renews the duties of this process, and ends those that another has taken. One that cannot
// be renewed ends by itself in time.
func (s *Store) renewDuties(ctx context.Context) error {
	var failed error
	for _, d := range s.duties.held() {
		began := time.Now()
		res, err := s.col.duties.UpdateOne(ctx, bson.D{{Key: "_id", Value: d.Name}, {Key: "lease.owner", Value: s.uid}, {Key: "lease.epoch", Value: d.Epoch}},
			bson.A{bson.D{{Key: "$set", Value: bson.D{{Key: "lease.until", Value: fromNow(s.pace.lease)}}}}})
		switch {
		case err != nil:
			failed = errors.Join(failed, fmt.Errorf("renew duty %s: %w", d.Name, err))
		case res.MatchedCount == 1 && d.Held():
			d.Extend(began.Add(s.pace.lease))
		default: // another has it, or this process was so late that it stopped: it may take it anew
			s.log.Warn("another server has taken over a duty", zap.String("duty", d.Name))
			s.duties.drop(d)
			d.End()
		}
	}
	return failed
}

// giveBackAll gives all duties back.
func (s *Store) giveBackAll() {
	ctx, cancel := s.bounded(context.Background())
	defer cancel()
	for _, d := range s.duties.held() {
		if err := s.Duties().GiveBack(ctx, d); err != nil { // it runs out
			s.log.Warn("could not give back a duty", zap.String("duty", d.Name), zap.Error(err))
		}
	}
}

// onDuty returns store.ErrFenced unless this process still has a duty.
func (s *Store) onDuty(ctx context.Context, d *store.Duty) error {
	if d == nil {
		return nil
	}
	if !d.Held() {
		return store.ErrFenced
	}
	n, err := s.col.duties.CountDocuments(ctx, bson.D{{Key: "_id", Value: d.Name}, {Key: "lease.epoch", Value: d.Epoch}})
	if err == nil && n == 0 {
		err = store.ErrFenced
	}
	return err
}
