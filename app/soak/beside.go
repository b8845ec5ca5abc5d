package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// shared are the faults of several servers on one database.
func (d *driver) shared() []fault {
	return []fault{{"second server", d.workBeside}, {"owner paused", d.pauseOwner}}
}

// leaseLasts is how long a server owns its sessions without a word of it.
const leaseLasts = 15 * time.Second

// ownedWithin is how long the sessions of a server that ended may be without one that runs them.
const ownedWithin = 30 * time.Second

// openBeside starts another server on the same database. It has an address, a folder and a log of its own.
func (g *gateway) openBeside(ctx context.Context) (*gateway, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	b := &gateway{binary: g.binary, dir: filepath.Join(g.dir, "second"), world: g.world}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return nil, err
	}
	b.calls = newCaller(fmt.Sprintf("http://127.0.0.1:%d", port))
	b.calls.token = g.calls.token
	b.settings = append(slices.Clone(g.settings), "DATA_DIR="+b.dir, "PORT="+strconv.Itoa(port), "METRICS_LISTEN=")
	if err := b.launch(); err != nil {
		return nil, err
	}
	if err := b.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, b.p.kill())
	}
	return b, nil
}

// name is what others are told of a server.
func (g *gateway) name() (string, error) {
	host, err := os.Hostname()
	return fmt.Sprintf("process %d on %s", g.p.cmd.Process.Pid, host), err
}

// workBeside has a second server work beside the first for a while, and kills it: the first goes on as if
// it had never been there.
func (d *driver) workBeside(ctx context.Context) (err error) {
	progress("a second server works beside the first")
	if err := d.quiet(ctx, d.gateway); err != nil {
		return err
	}
	second, err := d.gateway.openBeside(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, second.p.kill()) }()
	before, err := d.world.stats(ctx)
	if err != nil {
		return err
	}
	if err := d.allConnected(ctx, second); err != nil {
		return err
	}
	for _, one := range d.sessions {
		if err := d.sameReads(ctx, second, one.id); err != nil {
			return err
		}
		if err := d.notServed(ctx, second, d.gateway, one.id); err != nil {
			return err
		}
	}
	pause(ctx, d.span(time.Second, 3*time.Second))
	progress("kill -9 of the second server")
	if err := second.p.kill(); err != nil {
		return err
	}
	pause(ctx, d.span(time.Second, 3*time.Second))
	return d.undisturbed(ctx, d.gateway, before.ConnectionsOpened)
}

// pauseOwner stops the server for longer than its leases last, in the middle of the traffic. A second one
// takes over; the first wakes and changes nothing; it gets all back when the second stops.
func (d *driver) pauseOwner(ctx context.Context) (err error) {
	progress("the server is paused, and a second one takes over")
	second, err := d.gateway.openBeside(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.gateway.p.thaw(), second.p.kill()) }()
	d.ledger.cut()
	if err := d.gateway.p.freeze(); err != nil {
		return err
	}
	began := time.Now()
	last := map[string]int64{}
	for _, one := range d.sessions {
		if last[one.id], err = second.lastSeq(ctx, one.id); err != nil {
			return err
		}
	}
	if err := d.hasAll(ctx, second); err != nil {
		return err
	}
	progress("the second server has the sessions after %s", time.Since(began).Round(time.Second))
	pause(ctx, leaseLasts-time.Since(began)+d.span(time.Second, 3*time.Second))
	if err := d.quiet(ctx, second); err != nil {
		return err
	}
	before, err := d.world.stats(ctx)
	if err != nil {
		return err
	}
	progress("the paused server wakes")
	d.ledger.woke(last)
	if err := d.gateway.p.thaw(); err != nil {
		return err
	}
	for _, one := range d.sessions {
		if err := d.notServed(ctx, d.gateway, second, one.id); err != nil {
			return err
		}
	}
	pause(ctx, d.span(2*time.Second, 4*time.Second))
	if err := d.undisturbed(ctx, second, before.ConnectionsOpened); err != nil {
		return err
	}
	return d.giveBack(ctx, second)
}

// giveBack has the second server stop, and the first own all sessions again.
func (d *driver) giveBack(ctx context.Context, second *gateway) error {
	progress("SIGTERM to the second server")
	if err := second.p.stop(); err != nil {
		return err
	}
	if how := second.p.cmd.ProcessState; !how.Success() {
		d.ledger.violation("the second server was asked to stop, and ended with %s", how)
	}
	began := time.Now()
	for _, one := range d.sessions { // asked by nothing but the traffic
		if err := d.gateway.awaitRun(ctx, one.id); err != nil {
			return err
		}
	}
	took := time.Since(began).Round(100 * time.Millisecond)
	progress("the first server has the sessions again after %s", took)
	if took > ownedWithin {
		d.ledger.violation("the sessions had no server for %s after the second had stopped", took)
	}
	return nil
}

// hasAll waits until a server owns all sessions, and has them connected.
func (d *driver) hasAll(ctx context.Context, g *gateway) error {
	if err := g.awaitOwned(ctx); err != nil {
		return err
	}
	return d.allConnected(ctx, g)
}

// allConnected waits until all sessions are connected, as a server says.
func (d *driver) allConnected(ctx context.Context, asked *gateway) error {
	for _, one := range d.sessions {
		err := until(ctx, one.id+" is connected", func(ctx context.Context) (bool, error) {
			state, err := asked.state(ctx, one.id)
			if err == nil && state != connected {
				err = fmt.Errorf("it is %s", state)
			}
			return err == nil, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// quiet waits until every session has one connection to WhatsApp, and its owner says so.
func (d *driver) quiet(ctx context.Context, owner *gateway) error {
	err := until(ctx, "all sessions have their connection", func(ctx context.Context) (bool, error) {
		stats, err := d.world.stats(ctx)
		return stats.Connections == len(d.sessions), err
	})
	if err != nil {
		return err
	}
	return d.allConnected(ctx, owner)
}

// undisturbed notes sessions that are not connected where they are owned, or had to connect anew since the
// sandbox had counted so many connections.
func (d *driver) undisturbed(ctx context.Context, owner *gateway, opened uint64) error {
	now, err := d.world.stats(ctx)
	if err != nil {
		return err
	}
	if now.ConnectionsOpened != opened {
		d.ledger.violation("the work of another server has disturbed the sessions: they connected anew %d times", now.ConnectionsOpened-opened)
	}
	for _, one := range d.sessions {
		state, err := owner.state(ctx, one.id)
		if err != nil {
			return err
		}
		if state != connected {
			d.ledger.violation("the work of another server has disturbed %s, it is %s", one.id, state)
		}
	}
	return nil
}

// notServed waits until a server says that another one runs a session, and which.
func (d *driver) notServed(ctx context.Context, asked, owner *gateway, session string) error {
	name, err := owner.name()
	if err != nil {
		return err
	}
	path := "/api/v1/messages/sessions/" + session + "/send/message"
	err = until(ctx, "a send of "+session+" is refused in the name of "+name, func(ctx context.Context) (bool, error) {
		a, err := asked.calls.ask(ctx, "POST", path, map[string]string{"to": d.herald.phone, "text": "must not leave"})
		if err != nil {
			return false, err
		}
		if a.status == http.StatusCreated {
			d.ledger.violation("a send of %s was taken by a server that does not run it: %s", session, a.body)
			return true, nil
		}
		if !a.refusedFor(name) {
			return false, fmt.Errorf("answered %d %s", a.status, a.body)
		}
		return true, nil
	})
	if err != nil && ctx.Err() == nil {
		d.ledger.violation("%v", err)
		return nil
	}
	return err
}

// sameReads compares what a second server reads of a session with what its owner reads.
func (d *driver) sameReads(ctx context.Context, second *gateway, session string) error {
	chats, _ := d.ledger.known(session)
	for _, chat := range chats {
		want, err := d.gateway.listed(ctx, session, chat)
		if err != nil {
			return err
		}
		// What is written meanwhile comes on top, and is read by both when it is projected.
		err = until(ctx, fmt.Sprintf("the second server reads %s with %s as the first does", session, chat), func(ctx context.Context) (bool, error) {
			have, err := second.listed(ctx, session, chat)
			have = slices.DeleteFunc(have, func(id string) bool { return !slices.Contains(want, id) })
			if err == nil && !slices.Equal(have, want) {
				err = fmt.Errorf("has %d of %d messages, or in another order", len(have), len(want))
			}
			return err == nil, err
		})
		if err != nil && ctx.Err() == nil {
			d.ledger.violation("%v", err)
		}
	}
	return ctx.Err()
}
