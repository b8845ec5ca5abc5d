package mongo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"whatsapp-api/store"
)

type eventLog struct{ s *Store }

// Commit waits for its turn, but once it has begun it is not given up with ctx: the
// answer is then known, unless the server itself gives none in time.
func (l eventLog) Commit(ctx context.Context, u store.Unit) (store.Kept, error) {
	line, err := l.s.lines.take(ctx, u.Session)
	if err != nil {
		return store.Kept{}, fault("commit unit", err)
	}
	defer line.unlock()
	kept, err := l.s.commit(context.WithoutCancel(ctx), line, u)
	if err != nil {
		return store.Kept{}, fault("commit unit", err)
	}
	return kept, nil
}

// ready reads the head of a line, if it is not known, and makes this process the owner of its session,
// if nobody is. ErrFenced: another was faster since the last Recover; OwnedElsewhere.
func (s *Store) ready(ctx context.Context, l *line) error {
	mine := l.lease.Load()
	switch {
	case l.fenced:
		return store.ErrFenced
	case mine != nil && mine.over.Load():
		s.fenced(l)
		return store.ErrFenced
	case l.behind.isGone():
		l.head = nil
	}
	if l.head != nil {
		return nil
	}
	return s.recover(ctx, l)
}

// fenced ends the lease of a line in whose session another process has written: nothing that is behind
// is projected by this one.
func (s *Store) fenced(l *line) {
	l.head, l.fenced = nil, true
	l.behind.done(math.MaxInt64)
	if mine := l.lease.Swap(nil); mine != nil {
		s.loses(l.session, mine)
	}
}

func (s *Store) commit(ctx context.Context, l *line, u store.Unit) (store.Kept, error) {
	again := false // once: an insert of ours that we took for failed may have come late
	for {
		if err := s.ready(ctx, l); err != nil {
			return store.Kept{}, err
		}
		kept, err := s.append(ctx, l, u)
		if errors.Is(err, errMoved) && !again {
			again, l.head = true, nil
			u.Messages = looked(u.Messages)
			continue
		}
		if errors.Is(err, errMoved) {
			err = store.ErrFenced
		}
		if errors.Is(err, store.ErrFenced) {
			s.fenced(l)
		}
		return kept, err
	}
}

// looked are messages that are looked for, new or not: the insert that came late may have made them.
func looked(messages []store.Message) []store.Message {
	all := slices.Clone(messages)
	for i := range all {
		all[i].New = false
	}
	return all
}

// append puts the unit after l.head, which is unknown afterwards if something failed.
func (s *Store) append(ctx context.Context, l *line, u store.Unit) (store.Kept, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	if l.behind.isFull() { // what could not be projected before is tried now, or nothing more is let in
		if err := s.catchUp(ctx, l); err != nil {
			l.head = nil
			return store.Kept{}, err
		}
	}
	if err := s.unknown(ctx, l, u); err != nil {
		return store.Kept{}, err
	}
	doc, rest, err := newUnit(*l.head, u)
	if err != nil {
		return store.Kept{}, err
	}
	if len(l.unsure) > 0 {
		doc.Fence = time.Now().UnixMilli()
	}
	if err := s.insertUnit(ctx, l, doc); err != nil {
		l.head = nil
		return store.Kept{}, err
	}
	for uid, n := range l.unsure {
		if n <= doc.N { // its place is taken: it cannot come late any more
			delete(l.unsure, uid)
		}
	}
	return s.kept(ctx, l, doc, rest, u)
}

// insertUnit commits the unit. errMoved: the head is not as we thought, by our own doing.
func (s *Store) insertUnit(ctx context.Context, l *line, doc unitDoc) error {
	if s.hooks.inserting != nil {
		s.hooks.inserting(doc.N)
	}
	if err := s.split(ctx, &doc); err != nil {
		return err
	}
	err := s.insertTogether(ctx, doc)
	if err == nil {
		return nil
	}
	if !mongo.IsDuplicateKeyError(err) {
		l.unsure[doc.UID] = doc.N
		return err
	}
	var there unitDoc
	if err := findOne(ctx, "read unit", s.col.units, byID(doc.ID), &there, options.FindOne().SetProjection(asc("uid"))); err != nil {
		l.unsure[doc.UID] = doc.N
		return err
	}
	switch {
	case there.UID == doc.UID:
		return nil // the driver tried twice, and the first try was good
	case l.unsure[there.UID] == doc.N:
		return errMoved
	}
	return store.ErrFenced
}

// kept has the committed unit projected, soon or at once, and makes the answer.
func (s *Store) kept(ctx context.Context, l *line, doc unitDoc, rest restDoc, u store.Unit) (store.Kept, error) {
	l.missed.made(u)
	h := l.head
	h.unit, h.seq = doc.N, max(h.seq, doc.Last)
	kept := keptOf(doc, *h, u)
	if s.hooks.inserted != nil {
		if err := s.hooks.inserted(doc.N); err != nil {
			l.head = nil
			return kept, err
		}
	}
	now, arm := l.behind.add(committed{doc: doc, rest: rest, bytes: len(doc.Rest.Data)})
	switch {
	case now:
		if err := s.catchUp(ctx, l); err != nil {
			l.head = nil
			return kept, err
		}
	case arm:
		s.tasks.Go(func() { s.catchUpLater(l) })
	}
	if h.unit-h.durable >= durableUnits {
		// The unit is kept, whatever comes of this. A lost head is read again.
		_ = s.advance(ctx, l)
	}
	return kept, nil
}

// unknown returns store.ErrExists when one of the unit's messages or receipts is there
// already. The caller has the line, so no other unit comes meanwhile.
func (s *Store) unknown(ctx context.Context, l *line, u store.Unit) error {
	var messageIDs, receiptIDs []string
	var all []string
	for _, m := range u.Messages {
		id := messageID(u.Session, m.MessageKey)
		if all = append(all, id); !m.New {
			messageIDs = append(messageIDs, id)
		}
	}
	for _, r := range u.Receipts {
		receiptIDs = append(receiptIDs, receiptID(u.Session, r))
	}
	if twice(all) || twice(receiptIDs) {
		return store.ErrExists
	}
	messageIDs = l.missed.without(messageIDs)
	receiptIDs, there := l.missed.unsure(u.Session, u.Receipts)
	if there {
		return store.ErrExists
	}
	// In this order: a unit that is no longer behind is in the database.
	if len(l.behind.makes(messageIDs)) > 0 || len(l.behind.makes(receiptIDs)) > 0 {
		return store.ErrExists
	}
	if err := none(ctx, s.col.messages, messageIDs); err != nil {
		return err
	}
	return none(ctx, s.col.receipts, receiptIDs)
}

// none returns store.ErrExists when one of these documents is there.
func none(ctx context.Context, c *mongo.Collection, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	err := c.FindOne(ctx, append(byID(bson.D{{Key: "$in", Value: ids}}), notGone), options.FindOne().SetProjection(asc("_id"))).Err()
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return nil
	case err == nil:
		return store.ErrExists
	}
	return fmt.Errorf("look up %s: %w", c.Name(), err)
}

// twice says whether one of the ids is there twice.
func twice(ids []string) bool {
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			return true
		}
		seen[id] = true
	}
	return false
}
