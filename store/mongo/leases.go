package mongo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/zap"

	"whatsapp-api/store"
)

// How long a lease lasts without a word of its owner, and how often it is renewed.
const (
	leaseLasts = 15 * time.Second
	leaseTries = 3 // renewals in that time
)

// leaseDoc says in a session's document who owns it. Times are by the clock of the server.
type leaseDoc struct {
	Owner string    `bson:"owner"` // random: which opening of the store; empty: it was given back
	Name  string    `bson:"name"`
	Until time.Time `bson:"until"`
	Epoch int64     `bson:"epoch"` // rises with every change of the owner
	Clean bool      `bson:"clean"` // given back, with nothing of the owner's under way

	Process *processDoc `bson:"proc,omitempty"` // which process it is; nil: not known
}

// lease is one that this process has taken.
type lease struct {
	session string
	epoch   int64
	over    atomic.Bool               // another process has it, or it was given back
	sure    atomic.Pointer[time.Time] // before the server said last that it is this process's

	mu    sync.Mutex
	asked bool // for, by Acquire
	lost  func()
}

// end says that the lease is over, and to whom took it so.
func (l *lease) end(lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over.Swap(true) || !lost || l.lost == nil {
		return
	}
	go l.lost()
}

// tell sets who is told of the loss.
func (l *lease) tell(lost func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked, l.lost = true, lost
	if l.over.Load() && lost != nil {
		go lost()
	}
}

// confirm takes down that the server said, after this time, that the lease is this process's.
func (l *lease) confirm(asked time.Time) { l.sure.Store(&asked) }

// isSure says whether nobody else can have taken the lease, by what the server said within half of the
// time that it lasts. Both clocks count: one stands still while a machine sleeps, the other can be set.
func (l *lease) isSure(lasts time.Duration) bool {
	at := l.sure.Load()
	if at == nil || l.over.Load() {
		return false
	}
	byWall := time.Now().Round(0).Sub(at.Round(0))
	return time.Since(*at) < lasts/2 && byWall >= 0 && byWall < lasts/2
}

// wasAsked says whether somebody asked for the lease, and not just committed or deleted something.
func (l *lease) wasAsked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

// noEpoch is for what is projected while nobody may own a session.
const noEpoch = -1

// ofEpoch is part of the filter of what the owner writes into a session's document.
func ofEpoch(filter bson.D, epoch int64) bson.D {
	if epoch == noEpoch {
		return filter
	}
	return append(filter, bson.E{Key: "lease.epoch", Value: epoch})
}

type leases struct{ s *Store }

// Acquire reads and projects, once it has the lease, what the owner before has left.
func (l leases) Acquire(ctx context.Context, session string, lost func()) error {
	line, err := l.s.lines.take(ctx, session)
	if err != nil {
		return fault("acquire session", err)
	}
	defer line.unlock()
	if mine := line.lease.Load(); mine == nil || mine.over.Load() || line.fenced {
		line.head, line.fenced = nil, false
		if err := l.s.recover(context.WithoutCancel(ctx), line); err != nil {
			return fault("acquire session", err)
		}
	}
	line.lease.Load().tell(lost)
	return nil
}

// own takes the lease of a session unless this process has it. The caller has the line, whose head
// is unknown afterwards if the lease is a new one. takenOver says that an owner before may still
// write.
func (s *Store) own(ctx context.Context, l *line) (takenOver bool, err error) {
	if mine := l.lease.Load(); mine != nil && !mine.over.Load() {
		return false, nil
	}
	var was sessionDoc
	asked := time.Now()
	err = s.col.sessions.FindOneAndUpdate(ctx, append(byID(l.session), notDeleting, bson.E{Key: "$expr", Value: s.mayTake()}),
		bson.A{bson.D{{Key: "$set", Value: bson.D{{Key: "lease", Value: s.newLease()}}}}}, options.FindOneAndUpdate().SetReturnDocument(options.Before)).Decode(&was)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, s.refused(ctx, l)
	}
	if err != nil {
		return false, err
	}
	l.head = nil
	mine := &lease{session: l.session, epoch: was.Lease.Epoch + 1}
	mine.confirm(asked)
	l.lease.Store(mine)
	s.leased.Store(l.session, mine)
	return was.Lease.Epoch > 0 && !was.Lease.Clean, nil
}

// newLease is the lease of this process that follows on the one of a document.
func (s *Store) newLease() bson.D {
	return bson.D{
		{Key: "owner", Value: literal(s.uid)},
		{Key: "name", Value: literal(s.name)},
		{Key: "until", Value: fromNow(s.pace.lease)},
		{Key: "epoch", Value: bson.D{{Key: "$add", Value: bson.A{bson.D{{Key: "$ifNull", Value: bson.A{"$lease.epoch", int64(0)}}}, int64(1)}}}},
		{Key: "clean", Value: false},
		{Key: "proc", Value: literal(s.process)},
	}
}

// givenBack is the change of a document whose lease is given back.
func givenBack(clean bool) bson.D {
	return bson.D{{Key: "$set", Value: bson.D{
		{Key: "lease.owner", Value: ""}, {Key: "lease.name", Value: ""}, {Key: "lease.until", Value: time.UnixMilli(0)}, {Key: "lease.clean", Value: clean},
	}}, {Key: "$unset", Value: bson.D{{Key: "lease.proc", Value: ""}}}}
}

// mayTake is true for a lease that has run out, or is this process's.
func (s *Store) mayTake() bson.D {
	return bson.D{{Key: "$or", Value: bson.A{bson.D{{Key: "$eq", Value: bson.A{"$lease.owner", s.uid}}}, passed("$lease.until")}}}
}

// refused says why a session could not be taken.
func (s *Store) refused(ctx context.Context, l *line) error {
	doc, err := s.find(ctx, "read head", l.session)
	if errors.Is(err, store.ErrNotFound) {
		s.gone(l)
	}
	if err != nil {
		return err
	}
	return &store.OwnedElsewhere{Owner: doc.Lease.Name}
}

// Release projects what is behind before it gives the session back.
func (l leases) Release(ctx context.Context, session string) error {
	line := l.s.lines.known(session)
	if line == nil {
		return nil
	}
	if err := line.lock(ctx); err != nil {
		return fault("release session", err)
	}
	defer line.unlock()
	return fault("release session", l.s.giveBack(context.WithoutCancel(ctx), line))
}

// giveBack ends the lease of a line that the caller has. What could not be projected is left to
// the next owner.
func (s *Store) giveBack(ctx context.Context, l *line) error {
	mine := l.lease.Load()
	if mine == nil || mine.over.Load() {
		return nil
	}
	err := s.advance(ctx, l)
	clean := err == nil && l.head != nil && len(l.unsure) == 0
	mine.end(false)
	s.leased.CompareAndDelete(l.session, mine)
	l.lease.Store(nil)
	l.head = nil
	_, gave := s.col.sessions.UpdateOne(ctx, ofEpoch(byID(l.session), mine.epoch), givenBack(clean))
	return errors.Join(err, gave)
}

func (l leases) Owner(ctx context.Context, session string) (mine bool, name string, err error) {
	doc, err := l.s.find(ctx, "owner of session", session)
	if err != nil {
		return false, "", err
	}
	return doc.Lease.Owner == l.s.uid, doc.Lease.Name, nil
}

// Others goes by what this process knows of its own leases, so that one that is alone asks nothing.
func (l leases) Others(ctx context.Context, sessions []string) (map[string]int64, error) {
	others := map[string]int64{}
	for _, id := range sessions {
		others[id] = -1
	}
	l.s.leased.Range(func(session string, one *lease) {
		if !one.over.Load() {
			delete(others, session)
		}
	})
	if len(others) == 0 {
		return nil, nil
	}
	docs, err := findAll[sessionDoc](ctx, l.s.col.sessions, bson.D{
		notDeleting, {Key: "_id", Value: bson.D{{Key: "$in", Value: slices.Collect(maps.Keys(others))}}},
	}, options.Find().SetProjection(asc("seq")))
	if err != nil {
		return nil, fault("newest events of others' sessions", err)
	}
	for _, d := range docs {
		others[d.ID] = d.Seq
	}
	return others, nil
}

func (l leases) Free(ctx context.Context) ([]string, error) {
	asked := map[string]bool{}
	l.s.leased.Range(func(session string, one *lease) { asked[session] = one.wasAsked() })
	docs, err := findAll[sessionDoc](ctx, l.s.col.sessions, bson.D{
		notDeleting, {Key: "$expr", Value: l.s.mayTake()},
	}, options.Find().SetSort(asc("_id")).SetProjection(asc("_id")))
	var free []string
	for _, d := range docs {
		if !asked[d.ID] {
			free = append(free, d.ID)
		}
	}
	return free, fault("list free sessions", err)
}

// keepLeases renews the leases of this process. One that it cannot renew since the server does not
// answer is not lost: whoever takes the session over has to reach that server too, and what this
// process writes late changes nothing.
func (s *Store) keepLeases(ctx context.Context) {
	tick := time.NewTicker(s.pace.lease / leaseTries)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := errors.Join(s.renew(ctx), s.renewDuties(ctx)); err != nil && ctx.Err() == nil {
			s.log.Warn("could not renew the leases of this server", zap.Error(err))
		}
	}
}

// renew renews all leases of this process, and ends those that another has taken.
func (s *Store) renew(ctx context.Context) error {
	held := map[string]*lease{}
	ids := bson.A{}
	s.leased.Range(func(session string, l *lease) {
		held[session], ids = l, append(ids, session)
	})
	if len(held) == 0 {
		return nil
	}
	asked := time.Now()
	mine := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}, {Key: "lease.owner", Value: s.uid}}
	res, err := s.col.sessions.UpdateMany(ctx, mine, bson.A{bson.D{{Key: "$set", Value: bson.D{{Key: "lease.until", Value: fromNow(s.pace.lease)}}}}})
	if err != nil {
		return err
	}
	if int(res.MatchedCount) == len(held) {
		for _, l := range held {
			l.confirm(asked)
		}
		return nil
	}
	left, err := findAll[sessionDoc](ctx, s.col.sessions, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
	if err != nil {
		return err
	}
	for _, doc := range left {
		if doc.Lease.Owner == s.uid {
			delete(held, doc.ID)
		}
	}
	for session, l := range held {
		s.loses(session, l)
	}
	return nil
}

// loses ends a lease that another process has taken.
func (s *Store) loses(session string, l *lease) {
	s.log.Warn("another server has taken over a session", zap.String("session", session))
	s.leased.CompareAndDelete(session, l)
	l.end(true)
}

// held are the leases of this process by their session.
type held struct {
	mu  sync.Mutex
	all map[string]*lease
}

func (h *held) Store(session string, l *lease) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[string]*lease{}
	}
	h.all[session] = l
}

func (h *held) CompareAndDelete(session string, l *lease) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all[session] == l {
		delete(h.all, session)
	}
}

func (h *held) Range(fn func(string, *lease)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for session, l := range h.all {
		fn(session, l)
	}
}

// thisProcess is what an owner is called that has no better name.
func thisProcess() string {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown machine"
	}
	return fmt.Sprintf("process %d on %s", os.Getpid(), host)
}
