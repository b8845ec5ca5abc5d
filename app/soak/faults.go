package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"whatsapp-api/whatsapp/sandbox"
)

// fault is something that goes wrong, and is mended by the driver.
type fault struct {
	name string
	make func(context.Context) error
}

// driver makes faults, one after the other, in an order that the seed says.
type driver struct {
	*soak
	*rand.Rand
}

// drive makes every kind of fault once at least, and goes on until the time is over.
func (s *soak) drive(ctx, loading context.Context) error {
	d := &driver{s, rand.New(rand.NewPCG(s.o.seed, 0))}
	end := time.Now().Add(s.o.length)
	var deck []fault
	for first := true; first && loading.Err() == nil || time.Now().Before(end); first = first && len(deck) > 0 {
		if len(deck) == 0 {
			deck = d.kinds()
			d.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		f := deck[0]
		deck = deck[1:]
		if err := f.make(ctx); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		s.faults[f.name]++
		if s.gateway.p.gone() {
			return fmt.Errorf("the server ended by itself after %s: %s", f.name, s.gateway.p.cmd.ProcessState)
		}
		if !pause(loading, d.span(200*time.Millisecond, 2*time.Second)) {
			break
		}
	}
	return nil
}

// span is a random time.
func (d *driver) span(least, most time.Duration) time.Duration {
	return least + time.Duration(d.Int64N(int64(most-least)))
}

func (d *driver) kinds() []fault {
	list := []fault{
		{"kill server", d.killServer},
		{"kill server, audited", d.killAudited},
		{"cut connections", d.cut},
		{"freeze connections", d.freeze},
		{"repeat deliveries", d.repeat},
		{"reorder deliveries", d.reorder},
		{"lose acks of sends", d.loseAcks},
		{"webhook hangs", func(ctx context.Context) error { return d.hookBehaves(ctx, hangs) }},
		{"webhook answers 500", func(ctx context.Context) error { return d.hookBehaves(ctx, fails) }},
		{"webhook is gone", d.hookLeaves},
		{"hostile contact", d.hostile},
		{"stop server", d.stopServer},
		{"set chats, kill server", d.setChats},
	}
	if d.store == sqlite {
		list = append(list, fault{"second server", d.secondServer})
	}
	if d.database.mongo != nil {
		list = append(list, fault{"kill mongod", d.killMongo})
		list = append(list, d.shared()...)
	}
	if d.database.disk.mounted {
		list = append(list, fault{"full disk", d.fillDisk})
	}
	return list
}

// killGateway ends the server under test as a power cut would.
func (s *soak) killGateway() error {
	s.ledger.cut()
	return s.gateway.p.kill()
}

func (d *driver) killServer(ctx context.Context) error {
	progress("kill -9 of the server")
	if err := d.killGateway(); err != nil {
		return err
	}
	pause(ctx, d.span(0, time.Second))
	return d.gateway.start(ctx)
}

// some is a session's phone, or nobody in particular.
func (d *driver) some() string {
	if d.IntN(3) == 0 {
		return ""
	}
	return d.sessions[d.IntN(len(d.sessions))].phone
}

func (d *driver) cut(ctx context.Context) error {
	progress("cutting connections to WhatsApp")
	for range 1 + d.IntN(3) {
		if err := d.world.fault(ctx, sandbox.Fault{Kind: sandbox.FaultCut, Phone: d.some()}); err != nil {
			return err
		}
		pause(ctx, d.span(0, time.Second))
	}
	return nil
}

func (d *driver) freeze(ctx context.Context) error {
	progress("freezing connections to WhatsApp")
	if err := d.world.fault(ctx, sandbox.Fault{Kind: sandbox.FaultFreeze, Phone: d.some()}); err != nil {
		return err
	}
	pause(ctx, d.span(time.Second, 5*time.Second))
	return d.world.clear(ctx)
}

func (d *driver) repeat(ctx context.Context) error {
	progress("repeating deliveries")
	if err := d.world.fault(ctx, sandbox.Fault{Kind: sandbox.FaultRepeat, Phone: d.some(), Count: 1 + d.IntN(100)}); err != nil {
		return err
	}
	pause(ctx, d.span(time.Second, 4*time.Second))
	return d.world.clear(ctx)
}

// reorder has one session get messages in reverse. The order of what is concerned is judged
// by nobody from then on.
func (d *driver) reorder(ctx context.Context) error {
	progress("reordering deliveries")
	to := d.sessions[d.IntN(len(d.sessions))]
	d.ledger.shuffle(to.id)
	if err := d.world.fault(ctx, sandbox.Fault{Kind: sandbox.FaultReorder, Phone: to.phone, Count: 2 + d.IntN(10)}); err != nil {
		return err
	}
	pause(ctx, d.span(time.Second, 4*time.Second))
	if d.IntN(2) == 0 { // while some are held back
		if err := d.world.fault(ctx, sandbox.Fault{Kind: sandbox.FaultCut, Phone: to.phone}); err != nil {
			return err
		}
	}
	err := d.world.clear(ctx)
	d.ledger.ordered(to.id)
	return err
}

// loseAcks has sends reach WhatsApp and nobody told.
func (d *driver) loseAcks(ctx context.Context) error {
	progress("losing acknowledgements of sends")
	kinds := []string{sandbox.FaultAckLost, sandbox.FaultAckCut}
	err := d.world.fault(ctx,
		sandbox.Fault{Kind: kinds[d.IntN(2)], Phone: d.some(), Count: 1 + d.IntN(3)},
		sandbox.Fault{Kind: sandbox.FaultAckDelay, Phone: d.some(), Count: 1 + d.IntN(3), DelayMs: 100 + d.IntN(3000)},
	)
	if err != nil {
		return err
	}
	pause(ctx, d.span(2*time.Second, 6*time.Second))
	return d.world.clear(ctx)
}

func (d *driver) hookBehaves(ctx context.Context, how string) error {
	progress("the webhook's endpoint %s", how)
	d.endpoint.behave(how)
	pause(ctx, d.span(time.Second, 4*time.Second))
	d.endpoint.behave(answers)
	return nil
}

func (d *driver) hookLeaves(ctx context.Context) error {
	progress("the webhook's endpoint is gone")
	d.ledger.cut()
	err := d.endpoint.leave()
	pause(ctx, d.span(time.Second, 4*time.Second))
	return errors.Join(err, d.endpoint.open(ctx))
}
