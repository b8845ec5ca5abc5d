package mongo

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"whatsapp-api/store"
)

// How the last admin stays without a transaction: who stops being an admin is first
// marked as leaving, in a write of its own, and only then are the admins counted that
// stay, which are those without a mark. Of two that leave at once each sees the other's
// mark, or one of them had not yet marked itself when the other counted and so will see
// that mark when it counts itself. Either way they cannot both rely on each other.
// A mark that a crash left is taken off by whoever finds it old; that raises the
// version, so that a slow owner of the mark finds its own write refused.

// markExpires is the age at which a mark is taken for a crashed one's.
const markExpires = 30 * time.Second

// errMoved says that the document is not as it was read. Try again.
var errMoved = errors.New("changed meanwhile")

func activeAdmin(u userDoc) bool { return u.Active && u.Role == store.RoleAdmin }

// settle makes a change of a user by write, which gets the version that the document
// must still have. It returns errMoved when all is to be tried again.
func (s *Store) settle(ctx context.Context, was userDoc, stays bool, write func(context.Context, int64) error) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	if stays || !activeAdmin(was) {
		return write(ctx, was.Version)
	}
	s.admins.Lock()
	defer s.admins.Unlock()
	if err := s.mark(ctx, was.ID, was.Version, time.Now().UnixMilli()); err != nil {
		return err
	}
	marked := was.Version + 1
	err := s.mayLeave(ctx, was.ID)
	if err == nil {
		err = write(ctx, marked)
	}
	if err != nil {
		// Should this fail too, the mark is taken off when it is old.
		clean, cancel := s.bounded(context.WithoutCancel(ctx))
		defer cancel()
		_ = s.mark(clean, was.ID, marked, 0)
	}
	return err
}

// mark sets or takes off the mark of a user who has this version, and raises it.
func (s *Store) mark(ctx context.Context, id string, version, leaving int64) error {
	set := bson.D{{Key: "$set", Value: bson.D{{Key: "leaving", Value: leaving}, {Key: "v", Value: version + 1}}}}
	res, err := s.col.users.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "v", Value: version}}, set)
	if err == nil && res.MatchedCount == 0 {
		err = errMoved
	}
	return err
}

// mayLeave says whether an admin stays when id, who is marked, goes.
func (s *Store) mayLeave(ctx context.Context, id string) error {
	for {
		admins, err := findAll[userDoc](ctx, s.col.users, bson.D{
			{Key: "role", Value: store.RoleAdmin}, {Key: "active", Value: true}, {Key: "_id", Value: bson.D{{Key: "$ne", Value: id}}},
		})
		if err != nil {
			return err
		}
		var leaving []userDoc
		for _, a := range admins {
			if a.Leaving == 0 {
				return nil
			}
			leaving = append(leaving, a)
		}
		if len(leaving) == 0 {
			return store.ErrLastAdmin
		}
		// All others are leaving too. One has to give way: all but the first by id do,
		// and begin anew; the first waits until it sees how they decided.
		for _, a := range leaving {
			if time.Since(at(a.Leaving)) > markExpires {
				if err := s.mark(ctx, a.ID, a.Version, 0); err != nil && !errors.Is(err, errMoved) {
					return err
				}
			} else if a.ID < id {
				return errMoved
			}
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// pause waits a few milliseconds, so that two who race do not do so for ever.
func pause(ctx context.Context) error {
	t := time.NewTimer(time.Duration(1+rand.IntN(10)) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
