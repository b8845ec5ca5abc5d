package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// sending measures how long a text takes until WhatsApp's server has it, with so many
// requests at once, which the sessions share.
type sending struct{ sessions, atOnce, total int }

func (m sending) what() string {
	return fmt.Sprintf("send, %s, %d at once", plural(m.sessions, "session"), m.atOnce)
}

func (m sending) run(ctx context.Context, w *world, s side, t *table) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	to, err := w.phone(ctx, "Recipient")
	if err != nil {
		return err
	}
	for i := range 3 * m.sessions { // the first fetches the recipient's keys
		if err := s.send(ctx, i%m.sessions, to, "hello"); err != nil {
			return err
		}
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	took := make([]time.Duration, m.total)
	var next atomic.Int64
	var g errgroup.Group
	began, before := time.Now(), processorTime()
	for range m.atOnce {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= m.total {
					return nil
				}
				start := time.Now()
				if err := s.send(ctx, i%m.sessions, to, fmt.Sprintf("message %d that tells how fast we are", i)); err != nil {
					return err
				}
				took[i] = time.Since(start)
			}
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	all, used := time.Since(began), processorTime()-before
	ms := milliseconds(took)
	t.add(m.what()+", p50 ms", s.name(), at(ms, 0.5), difference)
	t.add(m.what()+", p99 ms", s.name(), at(ms, 0.99), difference)
	t.add(m.what()+", messages/s", s.name(), float64(m.total)/all.Seconds(), ratio)
	t.add(m.what()+", CPU of the process per message, µs", s.name(), per(used, m.total), ratio)
	return w.settle(ctx)
}

// per is a share in microseconds.
func per(all time.Duration, n int) float64 { return float64(all.Nanoseconds()) / 1000 / float64(n) }

// milliseconds sorts.
func milliseconds(took []time.Duration) []float64 {
	ms := make([]float64, len(took))
	for i, d := range took {
		ms[i] = float64(d.Microseconds()) / 1000
	}
	slices.Sort(ms)
	return ms
}

// at is the value below which so large a share of the sorted values is.
func at(sorted []float64, share float64) float64 { return sorted[int(share*float64(len(sorted)-1))] }
