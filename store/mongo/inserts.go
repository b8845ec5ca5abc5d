package mongo

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// How many units, and bytes of them, go in one command, and how many commands are under way at once.
const (
	insertMost  = 128
	insertBytes = 8 << 20 // but one unit may be larger
	insertsAway = 2
)

// inserts are the units of all sessions that wait to be committed. One command takes those that came
// while others were under way: each costs a wait for the disk, and on a replica set one for the other
// members. Of one session no more than one unit is among them, so their order does not matter.
type inserts struct {
	mu      sync.Mutex
	waiting []*inserting
	away    int // commands that are under way, or about to be
}

// inserting is one unit that waits, and whose caller waits with it.
type inserting struct {
	doc  unitDoc
	lead chan struct{} // closed when its caller is to send the next command
	done chan error    // what became of it, when another's command took it
}

// insertTogether inserts a unit, with others that wait. The error is that of this unit alone.
func (s *Store) insertTogether(ctx context.Context, doc unitDoc) error {
	one := &inserting{doc: doc, lead: make(chan struct{}), done: make(chan error, 1)}
	s.inserts.enter(one)
	select {
	case <-one.lead:
		return s.leadInsert(ctx, one)
	case err := <-one.done:
		return err
	case <-ctx.Done():
	}
	if s.inserts.leave(one) {
		return ctx.Err()
	}
	select { // it is under way, or was told to lead just now
	case <-one.lead:
		s.inserts.next()
		return ctx.Err()
	case err := <-one.done:
		return err
	}
}

// leadInsert sends the command for its own unit and those that wait, and then has another lead.
func (s *Store) leadInsert(ctx context.Context, own *inserting) error {
	defer s.inserts.next()
	batch := s.inserts.take(own)
	if len(batch) == 1 {
		_, err := s.col.units.InsertOne(ctx, own.doc)
		return err
	}
	docs := make([]unitDoc, len(batch))
	for i, one := range batch {
		docs[i] = one.doc
	}
	ctx, cancel := s.bounded(context.WithoutCancel(ctx)) // others wait for it too
	defer cancel()
	_, err := s.col.units.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	for i, one := range batch[1:] {
		one.done <- errorOf(err, i+1)
	}
	return errorOf(err, 0)
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

// enter puts a unit in line, or has it lead at once.
func (i *inserts) enter(one *inserting) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.away < insertsAway {
		i.away++
		close(one.lead)
		return
	}
	i.waiting = append(i.waiting, one)
}

// leave takes a unit out of the line; false when it is not in it any more.
func (i *inserts) leave(one *inserting) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := slices.Index(i.waiting, one)
	if n < 0 {
		return false
	}
	i.waiting = slices.Delete(i.waiting, n, n+1)
	return true
}

// take takes out of the line what goes together with own.
func (i *inserts) take(own *inserting) []*inserting {
	i.mu.Lock()
	defer i.mu.Unlock()
	batch, bytes := []*inserting{own}, own.doc.size()
	for len(i.waiting) > 0 && len(batch) < insertMost {
		if bytes += i.waiting[0].doc.size(); bytes > insertBytes {
			break
		}
		batch = append(batch, i.waiting[0])
		i.waiting = i.waiting[1:]
	}
	return batch
}

// next ends a command: the first that waits leads the next.
func (i *inserts) next() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.waiting) == 0 {
		i.waiting = nil
		i.away--
		return
	}
	close(i.waiting[0].lead)
	i.waiting = i.waiting[1:]
}

// size is about how many bytes the document has.
func (d unitDoc) size() int { return len(d.Rest.Data) + len(d.Events.Data) }
