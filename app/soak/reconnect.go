package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"whatsapp-api/whatsapp/sandbox"
)

const (
	linking     = 4 // sessions that are linked at the same time
	warmUp      = 2 // rounds before anything is compared
	leastRounds = 1 // after them, however short the time is
)

// load is what the server's process takes up.
type load struct {
	rounds                    int // until then
	memory, goroutines, files float64
}

// tolerance is how much more of something there may be at the end than after the warm-up:
// a share, and a number besides, for what comes and goes. One thing left behind by each
// reconnection would be far more after a single round.
type tolerance struct {
	what  string
	of    func(load) float64
	share float64
	plus  float64
}

var tolerances = []tolerance{
	{"goroutines", func(l load) float64 { return l.goroutines }, 0.02, 50},
	{"open files", func(l load) float64 { return l.files }, 0.02, 50},
	{"memory", func(l load) float64 { return l.memory }, 0.20, 16 << 20}, // its collector works when it likes
}

// reconnect cuts all connections of many sessions over and over, and looks whether anything
// of them stays behind.
func (s *soak) reconnect(ctx context.Context, r *report) error {
	if err := s.linkMany(ctx); err != nil {
		return err
	}
	var first, last load
	end := time.Now().Add(s.o.length)
	for round := 1; round <= warmUp+leastRounds || time.Now().Before(end); round++ {
		if err := s.cutAll(ctx); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		now, err := s.least(ctx, round)
		if err != nil {
			return err
		}
		progress("%s: round %d: all %d sessions are back; %.0f goroutines, %.0f open files, %.0f MB", s.store, round, s.o.sessions, now.goroutines, now.files, now.memory/1e6)
		if round <= warmUp {
			first = load{round, max(first.memory, now.memory), max(first.goroutines, now.goroutines), max(first.files, now.files)}
		}
		last = now
	}
	f := flatness{store: s.store, sessions: s.o.sessions, first: first, last: last}
	r.flat = append(r.flat, f)
	return f.verdict()
}

// linkMany links the sessions, a few at a time.
func (s *soak) linkMany(ctx context.Context) error {
	var g errgroup.Group
	g.SetLimit(linking)
	var linked atomic.Int64
	for i := range s.o.sessions {
		g.Go(func() error {
			id := fmt.Sprintf("s%d", i+1)
			if _, err := s.gateway.link(ctx, s.world, id); err != nil {
				return fmt.Errorf("link %s: %w", id, err)
			}
			if n := linked.Add(1); n%25 == 0 {
				progress("%s: %d of %d sessions linked", s.store, n, s.o.sessions)
			}
			return nil
		})
	}
	return errors.Join(g.Wait(), s.gateway.awaitState(ctx, connected, s.o.sessions))
}

// cutAll cuts all connections, and waits until every session has a new one.
func (s *soak) cutAll(ctx context.Context) error {
	before, err := s.world.stats(ctx)
	if err != nil {
		return err
	}
	if err := s.world.fault(ctx, sandbox.Fault{Kind: sandbox.FaultCut}); err != nil {
		return err
	}
	err = until(ctx, "all come back", func(ctx context.Context) (bool, error) {
		now, err := s.world.stats(ctx)
		if err != nil {
			return false, err
		}
		opened := now.ConnectionsOpened - before.ConnectionsOpened
		if opened < uint64(s.o.sessions) || now.Connections != s.o.sessions {
			return false, fmt.Errorf("%d were opened, %d are open", opened, now.Connections)
		}
		return true, nil
	})
	return errors.Join(err, s.gateway.awaitState(ctx, connected, s.o.sessions))
}

// least looks a few times, for what comes and goes.
func (s *soak) least(ctx context.Context, rounds int) (least load, err error) {
	for i := range 5 {
		now, err := s.gateway.gauges(ctx)
		if err != nil {
			return least, err
		}
		l := load{rounds, now["process_resident_memory_bytes"], now["go_goroutines"], now["process_open_fds"]}
		if l.memory == 0 || l.goroutines == 0 || l.files == 0 {
			return least, errors.New("/metrics does not tell what the process takes up")
		}
		if i == 0 {
			least = l
		}
		least = load{rounds, min(least.memory, l.memory), min(least.goroutines, l.goroutines), min(least.files, l.files)}
		if !pause(ctx, time.Second) {
			return least, ctx.Err()
		}
	}
	return least, nil
}

// flatness is what many reconnections have left behind.
type flatness struct {
	store       string
	sessions    int
	first, last load
}

// most is what there may be at the end.
func (t tolerance) most(first load) float64 { return t.of(first)*(1+t.share) + t.plus }

func (f flatness) verdict() error {
	var errs []error
	for _, t := range tolerances {
		if now, most := t.of(f.last), t.most(f.first); now > most {
			errs = append(errs, fmt.Errorf("%s grew from %.0f to %.0f; up to %.0f is tolerated", t.what, t.of(f.first), now, most))
		}
	}
	return errors.Join(errs...)
}
