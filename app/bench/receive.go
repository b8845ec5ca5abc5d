package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// sessions is how many accounts each side has.
const sessions = 20

// patience bounds one measurement.
const patience = 5 * time.Minute

// measure is one thing that is measured, for one side at a time.
type measure interface {
	what() string
	run(ctx context.Context, w *world, s side, t *table) error
}

func measures(o options) []measure {
	var all []measure
	for _, only := range o.only {
		switch only {
		case "receive":
			all = append(all, receive{1, choose(o, 300, 2000), ""}, receive{sessions, choose(o, 40, 300), ""}, hooked{receive{sessions, choose(o, 40, 300), ", 1 webhook delivering"}})
		case "send":
			all = append(all, sending{1, 1, choose(o, 60, 200)}, sending{1, 32, choose(o, 160, 600)}, sending{sessions, 32, choose(o, 160, 1200)})
		case "stream":
			all = append(all, stream{1000, choose(o, 10, 50)})
		case "webhooks":
			all = append(all, hooks{1, choose(o, 20, 200)}, hooks{50, choose(o, 4, 20)})
		}
	}
	return all
}

func choose(o options, quick, full int) int {
	if o.quick {
		return quick
	}
	return full
}

// receive measures how fast messages that wait at WhatsApp's server come through: decrypted,
// and with the server stored and seen by the WebSocket client. Each brings a secret of its own, as
// those of real phones do, which both sides keep.
type receive struct {
	sessions, each int
	beside         string // what else goes on, for the label
}

func (r receive) what() string {
	return fmt.Sprintf("receive, %s", plural(r.sessions, "session")+r.beside)
}

func plural(n int, noun string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (r receive) run(ctx context.Context, w *world, s side, t *table) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := r.load(ctx, w, s.phones()[:r.sessions]); err != nil {
		return err
	}
	before := processorTime()
	took, err := r.flow(ctx, w, s)
	if err != nil {
		return err
	}
	t.add(r.what()+", messages/s", s.name(), float64(r.sessions*r.each)/took.Seconds(), ratio)
	t.add(r.what()+", CPU of the process per message, µs", s.name(), per(processorTime()-before, r.sessions*r.each), ratio)
	return w.settle(ctx)
}

// flow lets come what was loaded, and says how long that took.
func (r receive) flow(ctx context.Context, w *world, s side) (time.Duration, error) {
	seen := s.expect(r.sessions * r.each)
	began := time.Now()
	if err := w.thaw(ctx); err != nil {
		return 0, err
	}
	select {
	case <-seen:
		return time.Since(began), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("not all messages were seen: %w", ctx.Err())
	}
}

// load has messages to all these phones ready at WhatsApp's server: encrypted, and kept
// back until the connections are thawed. Each comes from a sender of its own.
func (r receive) load(ctx context.Context, w *world, phones []string) error {
	var g errgroup.Group
	senders := make([]string, len(phones))
	for i, p := range phones {
		g.Go(func() (err error) {
			if senders[i], err = w.phone(ctx, "Sender"); err == nil {
				err = w.write(ctx, senders[i], p, 1) // the first message brings the keys of a new chat
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	if err := w.freeze(ctx, phones); err != nil {
		return err
	}
	for i, p := range phones {
		g.Go(func() error { return w.write(ctx, senders[i], p, r.each) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return w.still(ctx, r.sessions*r.each)
}
