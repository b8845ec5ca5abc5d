package sqlite

import (
	"context"

	"whatsapp-api/store"
)

// changes: a file has one server, see Own, so nobody else changes what it remembers.
type changes struct{}

func (changes) Watch(ctx context.Context, _ func(store.Topic)) { <-ctx.Done() }

func (changes) Mark(context.Context) (int64, error) { return 0, nil }

func (changes) TakenIn(context.Context, *store.Duty, int64) error { return nil }

func (changes) Await(context.Context, string, int64) error { return nil }
