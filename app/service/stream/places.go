package stream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

// Places keeps where streams of many sessions are, so that their clients need not carry it all. A place is
// named by its content and never changes. It is kept beside the answers to calls that may be repeated,
// and expires as they do.
type Places struct {
	Calls store.Idempotency
	For   time.Duration // how long a place is kept
}

// PlaceID names a place.
type PlaceID [12]byte

func (p *Places) key(id PlaceID) string { return "place/" + hex.EncodeToString(id[:]) }

// Keep keeps a place and returns its name.
func (p *Places) Keep(ctx context.Context, place []byte) (PlaceID, error) {
	sum := sha256.Sum256(place)
	id, at := PlaceID(sum[:12]), service.Now()
	_, _, err := p.Calls.Begin(ctx, store.IdempotentCall{Key: p.key(id), CreatedAt: at, ExpiresAt: at.Add(p.For), Done: true, Body: place})
	if err != nil {
		return id, fmt.Errorf("keep place: %w", err)
	}
	return id, nil
}

// Get returns a place. store.ErrExpired: it is no longer kept.
func (p *Places) Get(ctx context.Context, id PlaceID) ([]byte, error) {
	at := service.Now()
	c, fresh, err := p.Calls.Begin(ctx, store.IdempotentCall{Key: p.key(id), CreatedAt: at, ExpiresAt: at})
	if err == nil && fresh { // it was not there, and is not to be
		if err = p.Calls.Release(ctx, p.key(id)); err == nil {
			err = store.ErrExpired
		}
	}
	if err != nil {
		return nil, fmt.Errorf("get place: %w", err)
	}
	return c.Body, nil
}
