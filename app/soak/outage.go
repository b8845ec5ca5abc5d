package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// killMongo kills the database.
func (d *driver) killMongo(ctx context.Context) error {
	progress("kill -9 of mongod")
	defer d.ledger.cutting()()
	if err := d.database.mongo.Kill(); err != nil {
		return err
	}
	return d.outage(ctx, true, d.database.mongo.Restart)
}

// fillDisk leaves the store no room.
func (d *driver) fillDisk(ctx context.Context) error {
	progress("filling the disk")
	defer d.ledger.cutting()()
	if err := d.database.disk.fill(); err != nil {
		return err
	}
	noticed, err := d.noticed(ctx)
	switch {
	case err != nil:
		return err
	case !noticed:
		progress("the store had room enough set aside; freeing the disk")
		return d.database.disk.free()
	case d.database.mongo == nil:
		return d.outage(ctx, false, d.database.disk.free)
	}
	return d.outage(ctx, true, func() error { return errors.Join(d.database.disk.free(), d.database.mongo.Restart()) })
}

// noticed waits, but not for ever, until the full disk shows. A database writes for a while
// into room that it has set aside.
func (d *driver) noticed(ctx context.Context) (bool, error) {
	for range 100 {
		if d.database.mongo != nil {
			// It ends itself over this, sooner or later; asked to write all down, sooner.
			if err := d.database.mongo.Flush(); err != nil {
				return true, d.database.mongo.Kill()
			}
		} else if status, err := d.gateway.ready(ctx); err == nil && status == http.StatusServiceUnavailable {
			return true, nil
		}
		if err := d.database.disk.fill(); err != nil { // what came free
			return false, err
		}
		if !pause(ctx, 200*time.Millisecond) {
			return false, ctx.Err()
		}
	}
	return false, nil
}

// outage is the time in which the store is away; back brings it back. dead says that it
// takes nothing at all, where a full disk may take a little now and then.
func (d *driver) outage(ctx context.Context, dead bool, back func() error) error {
	epoch := d.ledger.newEpoch()
	if err := d.watchOutage(ctx, dead, epoch); err != nil {
		return errors.Join(err, back())
	}
	if d.IntN(2) == 0 { // who was there stays
		if err := back(); err != nil {
			return err
		}
	} else { // what the server only had in memory is gone
		progress("kill -9 of the server while the store is away, and an audit of what was acknowledged")
		if err := d.takeDown(ctx); err != nil {
			return errors.Join(err, back())
		}
		if err := back(); err != nil {
			return err
		}
		if err := d.bringUp(ctx); err != nil {
			return err
		}
	}
	if err := d.gateway.awaitReady(ctx); err != nil {
		return err
	}
	return d.gateway.awaitState(ctx, connected, len(d.sessions))
}

// watchOutage looks at what the server says and does while the store is away.
func (d *driver) watchOutage(ctx context.Context, dead bool, epoch int) error {
	for _, to := range d.sessions { // something that cannot be kept comes to each
		if err := d.write(ctx, d.herald, to, 1); err != nil {
			return err
		}
	}
	d.expect(ctx, "/readyz says 503", func(ctx context.Context) (bool, error) {
		status, err := d.gateway.ready(ctx)
		return status == http.StatusServiceUnavailable, errors.Join(err, d.refill(dead))
	})
	if err := d.gateway.awaitState(ctx, "degraded", len(d.sessions)); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		d.ledger.violation("the store is away: %v", err)
	}
	d.requests(ctx, dead)
	if !dead {
		progress("the disk is full; /readyz, REST and the sessions say so")
		return nil
	}
	return d.nothingAcked(ctx, epoch)
}

// requests looks how REST answers. A request may wait for the store, so all wait together.
func (d *driver) requests(ctx context.Context, dead bool) {
	session := d.sessions[0].id
	one, messages := "/api/v1/sessions/"+session, "/api/v1/messages/sessions/"+session
	all := []struct {
		method, path string
		body         any
	}{
		{"PUT", one, map[string]string{"name": session}},
		{"GET", one, nil},
		{"GET", messages + "/chats", nil},
		{"POST", messages + "/send/message", map[string]string{"to": d.herald.phone, "text": "must not leave"}},
	}
	if !dead { // what is there can be read, and a little may still be written
		all = all[:1]
	}
	var g errgroup.Group
	for _, r := range all {
		g.Go(func() error {
			what := fmt.Sprintf("%s %s is refused with 503 %s", r.method, r.path, storeAway)
			if !dead {
				d.expect(ctx, what, func(ctx context.Context) (bool, error) {
					is, err := d.refused(ctx, r.method, r.path, r.body)
					return is, errors.Join(err, d.refill(dead))
				})
			} else if _, err := d.refused(ctx, r.method, r.path, r.body); err != nil && ctx.Err() == nil {
				d.ledger.violation("the store is away: %s: %v", what, err)
			}
			return nil
		})
	}
	_ = g.Wait() // each has noted what it found
}

// refill takes away what room a full disk has got again.
func (d *driver) refill(dead bool) error {
	if dead {
		return nil
	}
	return d.database.disk.fill()
}

// expect notes it when something does not become so.
func (d *driver) expect(ctx context.Context, what string, is func(context.Context) (bool, error)) {
	if err := until(ctx, what, is); err != nil && ctx.Err() == nil {
		d.ledger.violation("the store is away: %v", err)
	}
}

// refused says whether a request is answered with 503 and its stable code.
func (d *driver) refused(ctx context.Context, method, path string, body any) (bool, error) {
	a, err := d.gateway.calls.ask(ctx, method, path, body)
	if err == nil && (a.status != http.StatusServiceUnavailable || a.code != storeAway) {
		err = fmt.Errorf("answered %d %s", a.status, a.code)
	}
	return err == nil, err
}

// nothingAcked looks at WhatsApp's side: whatever was sent since the store died waits there,
// and no contact was told that it has arrived.
func (d *driver) nothingAcked(ctx context.Context, epoch int) error {
	sent := d.ledger.since(epoch)
	stats, err := d.world.stats(ctx)
	if err != nil {
		return err
	}
	if stats.AcksOutstanding < len(sent) {
		d.ledger.violation("the store is away, %d messages came since, and only %d stanzas wait for an acknowledgement", len(sent), stats.AcksOutstanding)
	}
	if err := d.readReceipts(ctx); err != nil {
		return err
	}
	if acked := d.ackedOf(sent); len(acked) > 0 {
		d.ledger.violation("the store is away, but messages were acknowledged: %s", shown(acked))
	}
	progress("store away: %d messages came since and wait at WhatsApp; /readyz, REST and the sessions say so", len(sent))
	return nil
}
