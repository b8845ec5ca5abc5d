package main

import (
	"context"
	"time"
)

// hooked measures receiving while a webhook delivers each message, as it comes, to an endpoint of
// another process.
type hooked struct{ receive }

func (m hooked) run(ctx context.Context, w *world, s side, t *table) error {
	g, ok := s.(*gateway)
	if !ok { // bare whatsmeow has none
		return m.receive.run(ctx, w, s, t)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	h := hooks{1, m.each}
	return h.with(ctx, g, func(sink string, ids []string) error {
		if err := h.resume(ctx, g, ids); err != nil {
			return err
		}
		if err := m.load(ctx, w, g.phones()[:m.sessions]); err != nil {
			return err
		}
		if err := arrived(ctx, sink, m.sessions); err != nil { // the message that began each chat
			return err
		}
		began := time.Now()
		took, err := m.flow(ctx, w, g)
		if err != nil {
			return err
		}
		total := m.sessions * m.each
		t.add(m.what()+", messages/s", g.name(), float64(total)/took.Seconds(), ratio)
		if err := arrived(ctx, sink, total); err != nil {
			return err
		}
		t.add(m.what()+", deliveries/s", g.name(), float64(total)/time.Since(began).Seconds(), ratio)
		return w.settle(ctx)
	})
}
