package operate

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// Janitor deletes what is no longer needed: old events, expired tokens and keys, files.
type Janitor struct {
	Store  store.Store
	Events time.Duration // how long events are kept
	Audit  time.Duration // how long the audit log is kept
	Files  *Files
	Every  time.Duration
	Log    *zap.Logger
}

// Run cleans now and then until ctx ends.
func (j *Janitor) Run(ctx context.Context) error {
	tick := time.NewTicker(j.Every)
	defer tick.Stop()
	for {
		if err := j.Clean(ctx); err != nil && ctx.Err() == nil {
			j.Log.Warn("cleaning failed", zap.Error(err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Clean cleans once. It does what it can and returns all that failed.
func (j *Janitor) Clean(ctx context.Context) error {
	return errors.Join(j.cleanOfAll(ctx), j.prune(ctx))
}

// cleanOfAll cleans what is of no session, if that is this process's duty.
func (j *Janitor) cleanOfAll(ctx context.Context) error {
	_, err := j.Store.Duties().Take(ctx, store.DutyCleaning)
	if errors.Is(err, store.ErrOwnedElsewhere) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err1 := j.Store.Tokens().DeleteExpired(ctx, service.Now())
	_, err2 := j.Store.Idempotency().DeleteExpired(ctx, service.Now())
	_, err3 := j.Store.Audit().DeleteBefore(ctx, service.Now().Add(-j.Audit))
	return errors.Join(err1, err2, err3, j.Files.Clean(ctx))
}

func (j *Janitor) prune(ctx context.Context) error {
	for cursor := ""; ; {
		list, next, err := j.Store.Sessions().List(ctx, "", store.Page{Cursor: cursor, Limit: 200})
		if err != nil {
			return err
		}
		for _, s := range list {
			_, err := j.Store.Log().Prune(ctx, s.ID, service.Now().Add(-j.Events))
			if err != nil && !errors.Is(err, store.ErrFenced) { // the owner of the session does it
				return err
			}
		}
		if cursor = next; next == "" {
			return nil
		}
	}
}
