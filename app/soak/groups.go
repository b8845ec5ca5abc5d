package main

import (
	"context"
	"fmt"
	"sync"
)

// group is a chat of all contacts and all accounts.
type group struct {
	id string     // its address
	mu sync.Mutex // one writes at a time, so that its messages have an order
}

// makeGroups makes a group of each form of address. Every contact says something there, so that the
// sessions have their sender keys before anything is put out of order.
func (s *soak) makeGroups(ctx context.Context) error {
	var others []string
	for _, one := range s.sessions {
		others = append(others, one.phone)
	}
	for _, c := range s.contacts {
		others = append(others, c.phone)
	}
	for _, addressing := range []string{"lid", "pn"} {
		id, err := s.world.group(ctx, addressing, others)
		if err != nil {
			return fmt.Errorf("make a group: %w", err)
		}
		g := &group{id: id}
		s.groups = append(s.groups, g)
		for _, c := range s.contacts {
			if err := s.writeInGroup(ctx, c, g, 1); err != nil {
				return err
			}
		}
	}
	return until(ctx, "all sessions have the first messages of the groups", func(ctx context.Context) (bool, error) {
		stats, err := s.world.stats(ctx)
		return stats.AcksOutstanding == 0, err
	})
}

// writeInGroup has the contact send count messages to a group, and notes them: they come to every
// session.
func (s *soak) writeInGroup(ctx context.Context, c *contact, in *group, count int) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	text := fmt.Sprintf("from %s, letter %d.", c.phone, c.n)
	var to []chatKey
	for _, one := range s.sessions {
		to = append(to, chatKey{one.id, in.id})
	}
	wrote := s.ledger.writing(text, to...)
	ids, err := s.world.write(ctx, c.phone, in.id, text+"{n}", count)
	wrote(ids)
	return err
}
