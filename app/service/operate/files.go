package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"whatsapp-api/app/service"
	"whatsapp-api/media"
	"whatsapp-api/store"
)

const (
	// recordWithin is how long a file may be kept without a record: its record follows once it is kept.
	recordWithin = time.Hour
	// uploadWithin is how long a file may take to be put.
	uploadWithin = 24 * time.Hour
	// walkEvery is how often all files of the place are looked at.
	walkEvery = 24 * time.Hour
	// lookAtOnce is how many files are looked up in the store at once.
	lookAtOnce = 500
)

// Files deletes the records of files that nobody needed for long, and the files that no record needs.
// A file is put before its record is made, and goes after it: so whatever a kill cuts short leaves a
// file without a record at most, and that is found here.
type Files struct {
	Records   store.Files
	Place     media.Blobs
	Retention time.Duration // how long a file is kept after it was needed last; 0: for ever

	walked time.Time
}

// Clean cleans once. Only the one server whose duty it is calls it, and not twice at a time.
func (f *Files) Clean(ctx context.Context) error {
	now := service.Now()
	if f.Retention > 0 {
		if _, err := f.Records.DeleteBefore(ctx, now.Add(-f.Retention)); err != nil {
			return err
		}
	}
	if now.Sub(f.walked) < walkEvery {
		return nil
	}
	err := errors.Join(f.Place.Sweep(ctx, now.Add(-uploadWithin)), f.walk(ctx, now.Add(-recordWithin)))
	if err != nil {
		return fmt.Errorf("clean files: %w", err)
	}
	f.walked = now
	return nil
}

// walk looks at the files that were put before this time.
func (f *Files) walk(ctx context.Context, before time.Time) error {
	var sums []media.Sum
	err := f.Place.Walk(ctx, func(b media.Blob) error {
		if b.At.Before(before) {
			sums = append(sums, b.Sum)
		}
		if len(sums) < lookAtOnce {
			return nil
		}
		some := sums
		sums = nil
		return f.removeUnneeded(ctx, some, before)
	})
	if err != nil {
		return err
	}
	return f.removeUnneeded(ctx, sums, before)
}

// removeUnneeded removes those of these files that no record needs, unless somebody puts them anew
// meanwhile.
func (f *Files) removeUnneeded(ctx context.Context, sums []media.Sum, before time.Time) error {
	keys := make([][]byte, len(sums))
	for i, sum := range sums {
		keys[i] = sum[:]
	}
	needed, err := f.Records.Needed(ctx, keys)
	if err != nil {
		return err
	}
	for i, sum := range sums {
		if needed[i] {
			continue
		}
		if _, err := f.Place.Remove(ctx, sum, before); err != nil {
			return err
		}
	}
	return nil
}
