package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// contact is a phone that writes to the sessions.
type contact struct {
	phone string
	mu    sync.Mutex // it does one thing at a time
	n     int
}

// write has the contact send count messages to a session, and notes them.
func (s *soak) write(ctx context.Context, c *contact, to *session, count int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	wrote := s.ledger.writing(chatKey{to.id, c.phone})
	ids, err := s.world.write(ctx, c.phone, to.phone, fmt.Sprintf("from %s, letter %d.{n}", c.phone, c.n), count)
	wrote(ids)
	return err
}

// chatter has a contact write to sessions, one message or a few, until ctx ends.
func (s *soak) chatter(ctx context.Context, c *contact, random *rand.Rand) error {
	each := time.Duration(float64(time.Second) * float64(len(s.contacts)) / s.o.rate)
	for {
		count := 1
		if random.IntN(8) == 0 {
			count = 2 + random.IntN(30)
		}
		to := s.sessions[random.IntN(len(s.sessions))]
		// What the sandbox was asked for, it does: the request is not cut with the load.
		if err := s.write(context.WithoutCancel(ctx), c, to, count); err != nil {
			return fmt.Errorf("%s writes: %w", c.phone, err)
		}
		rest := time.Duration(count) * each
		if !pause(ctx, rest/2+time.Duration(random.Int64N(int64(rest)))) {
			return nil
		}
	}
}
