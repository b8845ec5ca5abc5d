package mongo

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/zap"

	"whatsapp-api/store"
)

// schemaVersion is the form of the documents that this program writes. The first release wrote
// form 1, and did not say so.
const schemaVersion = 2

// schemaDoc says in which form the documents of a database are.
type schemaDoc struct {
	ID           string `bson:"_id"`
	Version      int    `bson:"version"`
	OldestReader int    `bson:"oldestReader"` // the oldest program, by its version, that can use them
}

// Documents of the collection meta.
const (
	schemaID  = "schema"
	upgradeID = "upgrade"
)

// upgrades bring a database from one version to the next; the first from 1 to 2. Each may be cut
// off at any place and begun again. Add at the end, and never change one that was released.
var upgrades = []func(*Store, context.Context) error{(*Store).upgradeTo2}

// upToDate brings the database to the version of this program. It refuses one whose documents this
// program does not understand. Of several processes one does it, while the others wait.
func (s *Store) upToDate(ctx context.Context, db *mongo.Database) error {
	version, err := s.version(ctx, db)
	if err != nil || version >= schemaVersion {
		return err
	}
	by, err := s.startUpgrade(ctx, db)
	if err != nil || by == "" {
		return err
	}
	working, stop := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.holdUpgrade(working, by, stop)
	}()
	err = s.upgrade(working, db)
	stop(nil)
	<-done
	if lost := context.Cause(working); err != nil && lost != nil && ctx.Err() == nil {
		err = errors.Join(err, lost)
	}
	_, free := s.col.meta.DeleteOne(context.WithoutCancel(ctx), bson.D{{Key: "_id", Value: upgradeID}, {Key: "by", Value: by}})
	return errors.Join(err, free)
}

// version reads the version; a database with nothing in it gets the one of this program.
func (s *Store) version(ctx context.Context, db *mongo.Database) (int, error) {
	doc, err := s.schema(ctx)
	if !errors.Is(err, mongo.ErrNoDocuments) {
		return doc.Version, err
	}
	names, err := db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return 0, err
	}
	if len(names) == 0 {
		if err := s.putVersion(ctx, schemaVersion); !mongo.IsDuplicateKeyError(err) {
			return schemaVersion, err
		}
	}
	doc, err = s.schema(ctx) // another process may have begun it meanwhile
	if errors.Is(err, mongo.ErrNoDocuments) {
		return 1, nil
	}
	return doc.Version, err
}

func (s *Store) schema(ctx context.Context) (doc schemaDoc, err error) {
	if err := s.col.meta.FindOne(ctx, byID(schemaID)).Decode(&doc); err != nil {
		return doc, err
	}
	if doc.OldestReader > schemaVersion {
		return doc, fmt.Errorf("the database has version %d, this program knows only %d: use a newer program", doc.Version, schemaVersion)
	}
	return doc, nil
}

// putVersion says in which form the documents are now.
func (s *Store) putVersion(ctx context.Context, version int) error {
	_, err := s.col.meta.ReplaceOne(ctx, append(byID(schemaID), bson.E{Key: "version", Value: bson.D{{Key: "$lt", Value: version}}}),
		schemaDoc{ID: schemaID, Version: version, OldestReader: version}, options.Replace().SetUpsert(true))
	return err
}

// upgrade makes the steps that the database lacks.
func (s *Store) upgrade(ctx context.Context, db *mongo.Database) error {
	for {
		version, err := s.version(ctx, db)
		if err != nil || version >= schemaVersion {
			return err
		}
		s.log.Info("bringing the database up to date; that can take minutes", zap.Int("from", version), zap.Int("to", version+1))
		if err := upgrades[version-1](s, ctx); err != nil {
			return fmt.Errorf("upgrade to version %d: %w", version+1, err)
		}
		if err := s.putVersion(ctx, version+1); err != nil {
			return fmt.Errorf("upgrade to version %d: %w", version+1, err)
		}
	}
}

// How long a process that upgrades is taken to be alive after its last word, and how long others
// wait between looks.
const (
	upgradeAlive = 20 * time.Second
	upgradeLook  = 100 * time.Millisecond
)

// startUpgrade makes this process the one that upgrades. by is empty when another process did it
// while we waited.
func (s *Store) startUpgrade(ctx context.Context, db *mongo.Database) (by string, err error) {
	by = rand.Text()
	for told := false; ; {
		free := passed("$until")
		var now struct {
			By string `bson:"by"`
		}
		err := s.col.meta.FindOneAndUpdate(ctx, byID(upgradeID), bson.A{bson.D{{Key: "$set", Value: bson.D{
			{Key: "by", Value: bson.D{{Key: "$cond", Value: bson.A{free, by, "$by"}}}},
			{Key: "until", Value: bson.D{{Key: "$cond", Value: bson.A{free, fromNow(upgradeAlive), "$until"}}}},
		}}}}, options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Decode(&now)
		switch {
		case err == nil && now.By == by:
			return by, nil
		case told && late(ctx, err):
			return "", upgrading(cmp.Or(err, ctx.Err()))
		case err != nil && !mongo.IsDuplicateKeyError(err):
			return "", err
		}
		if !told {
			s.log.Info("another process brings the database up to date; waiting for it")
			told = true
		}
		wait := time.NewTimer(upgradeLook)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return "", upgrading(ctx.Err())
		}
		version, err := s.version(ctx, db)
		switch {
		case err == nil && version < schemaVersion:
		case err != nil && late(ctx, err):
			return "", upgrading(err)
		default:
			return "", err
		}
	}
}

// late says that the time of ctx is over, or too short for another call: the driver ends one that could not
// be answered in time before ctx does.
func late(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)
}

// upgrading says why the wait for another process's upgrade came to nothing.
func upgrading(why error) error {
	return fmt.Errorf("%w: another process brings the database up to date: %w", store.ErrUnavailable, why)
}

// holdUpgrade says again and again that this process is alive, until ctx ends. It stops the
// upgrade when another process took over.
func (s *Store) holdUpgrade(ctx context.Context, by string, stop context.CancelCauseFunc) {
	tick := time.NewTicker(upgradeAlive / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		res, err := s.col.meta.UpdateOne(ctx, bson.D{{Key: "_id", Value: upgradeID}, {Key: "by", Value: by}},
			bson.A{bson.D{{Key: "$set", Value: bson.D{{Key: "until", Value: fromNow(upgradeAlive)}}}}})
		switch {
		case err == nil && res.MatchedCount == 0:
			stop(errors.New("another process has taken over the upgrade"))
			return
		case err != nil && ctx.Err() == nil:
			s.log.Warn("could not say that the upgrade goes on", zap.Error(err))
		}
	}
}

// passed is true for a time that has passed, by the clock of the server, or that is not there.
// So the clocks of the machines that programs run on do not matter.
func passed(field string) bson.D {
	return bson.D{{Key: "$lt", Value: bson.A{bson.D{{Key: "$ifNull", Value: bson.A{field, time.UnixMilli(0)}}}, "$$NOW"}}}
}

// fromNow is a time so much later than now, by the clock of the server.
func fromNow(d time.Duration) bson.D {
	return bson.D{{Key: "$add", Value: bson.A{"$$NOW", d.Milliseconds()}}}
}
