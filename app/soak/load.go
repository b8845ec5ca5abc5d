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
	text := fmt.Sprintf("from %s, letter %d.", c.phone, c.n)
	wrote := s.ledger.writing(text, chatKey{to.id, c.phone})
	ids, err := s.world.write(ctx, c.phone, to.phone, text+"{n}", count)
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
		// What the sandbox was asked for, it does: the request is not cut with the load.
		asked := context.WithoutCancel(ctx)
		var err error
		if random.IntN(6) == 0 {
			err = s.writeInGroup(asked, c, s.groups[random.IntN(len(s.groups))], 1+count/8)
		} else {
			err = s.write(asked, c, s.sessions[random.IntN(len(s.sessions))], count)
		}
		if err != nil {
			return fmt.Errorf("%s writes: %w", c.phone, err)
		}
		rest := time.Duration(count) * each
		if !pause(ctx, rest/2+time.Duration(random.Int64N(int64(rest)))) {
			return nil
		}
	}
}
