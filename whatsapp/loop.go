package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/keys"
)

// loop drives one session from Listen to its end. It alone changes the session's state
// while it runs.
type loop struct {
	s         *Session
	ctx       context.Context // ends when the session should stop
	staggered bool
	term      int      // of owning the session
	before    Snapshot // the state before it began

	dev     *keys.Device
	backoff *backoff.ExponentialBackOff
	untold  []store.Unit // changes of state that the store has not taken yet
	pairing pairing
	freed   func()        // gives back the slot for logging in
	rest    time.Duration // before the next try to connect, where WhatsApp gave a reason to wait
	hurried bool          // WhatsApp asked for a login at once, and got it
}

// verdict is why a connection ended and what follows.
type verdict int

const (
	stopNow    verdict = iota // the session should stop, or its state is final
	tryAgain                  // after a wait
	loginAgain                // at once: WhatsApp asked for it
	newClient                 // something was not kept: begin anew when the store is back
	newDevice                 // linking failed half-way: begin anew with new keys
)

func (l *loop) run() {
	t := l.s.m.cfg.Timing
	l.backoff = growing(t.BackoffMin, t.BackoffMax)
	l.freed = func() {}
	defer func() { l.freed() }()
	l.tell(l.before)
	if l.staggered && !l.takeSlot() {
		return
	}
	for l.open() {
		c := newConn(l.s, l.dev)
		l.s.live.Store(c)
		v := l.drive(c)
		c.close()
		l.shut(c)
		if v == stopNow || v == newClient && !l.awaitStore() || !sleep(l.ctx, l.rest) {
			break
		}
		l.rest = 0
	}
	l.tellRest()
}

// growing waits are doubled each time from least to most, and each is up to half longer or shorter.
func growing(least, most time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = least, most, 2, 0.5
	return b
}

// takeSlot waits for a place among the sessions that log in at the same time.
func (l *loop) takeSlot() bool {
	select {
	case l.s.m.start <- struct{}{}:
		l.freed = func() {
			<-l.s.m.start
			l.freed = func() {}
		}
		return true
	case <-l.ctx.Done():
		return false
	}
}

// open reads the device's keys, waiting for the store when it is away.
func (l *loop) open() bool {
	waits := l.storeWaits()
	for l.ctx.Err() == nil {
		err := l.s.acquire(l.ctx, l.term)
		if err == nil {
			l.dev, err = keys.Open(l.ctx, keys.Config{
				Session: l.s.id, Devices: l.s.m.cfg.Store.Devices(), Log: l.s.m.cfg.Log, Logger: clientLog{log: l.s.log.Named("keys")},
			})
		}
		if err == nil {
			l.align()
			return true
		}
		if errors.Is(err, store.ErrNotFound) {
			return false // deleted meanwhile
		}
		if errors.Is(err, store.ErrOwnedElsewhere) {
			l.s.lose(l.term)
			return false
		}
		l.s.log.Warn("device keys not read", zap.Error(err))
		l.become(Degraded, ReasonStoreUnavailable)
		if !sleep(l.ctx, waits.NextBackOff()) {
			return false
		}
	}
	return false
}

// align makes the session's record agree with its keys: a crash between the two may have
// left an account without record or a record without account.
func (l *loop) align() {
	l.s.mu.Lock()
	r := &l.s.record
	phone, lid := "", ""
	if w := l.dev.Whatsmeow(); l.dev.Linked() {
		phone, lid = "+"+w.GetJID().User, w.GetLID().ToNonAD().String()
	}
	differs := r.Phone != phone
	r.Phone, r.LID = phone, lid
	l.s.mu.Unlock()
	if differs {
		l.tellInfo()
	}
}

// shut gives the keys back; what they still had to keep is kept. Keys of an account that is
// gone are deleted, and so is the wish to listen: there is nothing to bring back.
func (l *loop) shut(c *conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if c.unlink.Load() {
		if err := l.dev.Forget(ctx); err != nil {
			l.s.log.Warn("keys of the old link not deleted", zap.Error(err))
		}
	}
	if err := l.dev.Close(ctx); err != nil {
		l.s.log.Warn("keys not flushed; WhatsApp will send again what they belong to", zap.Error(err))
	}
}

// drive connects c again and again until something final happens. What comes after it waits for
// l.rest first.
func (l *loop) drive(c *conn) verdict {
	for {
		if c.refuse.Load() { // nothing may leave it any more
			return newClient
		}
		v := l.connect(c)
		opened := time.Time{}
		if v == loginAgain { // connected
			opened = time.Now()
			v = l.watch(c)
			c.online.Store(false)
		}
		if v == stopNow {
			return v
		}
		l.rest = l.pause(v, opened)
		if v == newClient || v == newDevice {
			return v
		}
		if v != loginAgain {
			l.freed()
		}
		c.hangUp()
		if !sleep(l.ctx, l.rest) {
			return stopNow
		}
		l.rest = 0
	}
}

// pause is how long the next try to connect waits, after a connection that was opened then (zero:
// none was). Every login costs, since WhatsApp counts them: so each try waits longer than the one
// before, until a connection has lived. Then the first try is immediate, because a send under way
// waits for it, and so is the first login that WhatsApp asks for.
func (l *loop) pause(v verdict, opened time.Time) time.Duration {
	asked := v == loginAgain || v == newDevice
	lived := !opened.IsZero() && time.Since(opened) > 10*l.s.m.cfg.Timing.BackoffMin
	if lived {
		l.backoff.Reset()
		l.hurried = false
	}
	switch {
	case l.rest > 0:
		return l.rest
	case asked && !l.hurried:
		l.hurried = true
		return 0
	case lived && v == tryAgain:
		return 0
	}
	return l.backoff.NextBackOff()
}

// reachTime is how long a stop waits for a server that is being reached.
const reachTime = 3 * time.Second

// connect opens the socket. loginAgain stands for success here.
func (l *loop) connect(c *conn) verdict {
	// A stop does not wait for a server that is slow in its handshake: that hanging up ends, see
	// greeted, but not when the context has ended. That is for one that does not even let us in.
	c.pulse.begin()
	unhook := context.AfterFunc(l.ctx, func() {
		c.pulse.hangUp()
		time.AfterFunc(reachTime, c.cancel)
	})
	c.missed.Store(0)
	c.in.clear()
	err := c.client.ConnectContext(c.ctx)
	if !unhook() {
		return stopNow
	}
	if err == nil {
		return loginAgain
	}
	l.s.log.Info("WhatsApp not reached", zap.Error(err))
	if l.dev.Linked() {
		l.become(Reconnecting, ReasonUnreachable)
	} else {
		l.become(Connecting, ReasonUnreachable)
	}
	return tryAgain
}

// watch lives with an open connection until it ends.
func (l *loop) watch(c *conn) verdict {
	tick := time.NewTicker(l.s.m.cfg.Timing.Watch)
	resend := time.NewTicker(l.s.m.cfg.Timing.Resend)
	defer tick.Stop()
	defer resend.Stop()
	defer l.pairing.stopClock()
	for {
		select {
		case <-l.ctx.Done():
			return stopNow
		case <-c.mail.wake:
			if signal := c.mail.next(); signal != nil {
				if v, end := l.on(c, signal); end {
					return v
				}
			}
		case <-l.pairing.clock():
			if v, end := l.nextCode(c); end {
				return v
			}
		case <-resend.C:
			c.resendSoon()
		case <-tick.C:
			l.tellRest()
			if v, end := l.look(c); end {
				return v
			}
		}
	}
}

// look checks the facts: whether the socket is open and bytes come. A login that does not
// come to an end counts as silence too, because WhatsApp then sends nothing.
func (l *loop) look(c *conn) (verdict, bool) {
	if c.leaving.Load() {
		return 0, false
	}
	if !c.client.IsConnected() {
		l.become(Reconnecting, ReasonConnectionLost)
		return tryAgain, true
	}
	if silent := time.Since(c.pulse.last()); silent > l.s.m.cfg.Timing.Silence && l.pairing.idle() {
		l.s.log.Info("connection is silent, beginning anew", zap.Duration("took", silent))
		l.become(Reconnecting, ReasonSilent)
		return tryAgain, true
	}
	return 0, false
}

// storeWaits are the waits between looks whether the store is back.
func (l *loop) storeWaits() *backoff.ExponentialBackOff {
	least := l.s.m.cfg.Timing.StoreProbe
	return growing(least, 10*least)
}

// awaitStore waits until the store takes writes again.
func (l *loop) awaitStore() bool {
	l.become(Degraded, ReasonStoreUnavailable)
	for waits := l.storeWaits(); ; {
		if !sleep(l.ctx, waits.NextBackOff()) {
			return false
		}
		if err := l.s.m.cfg.Store.Ping(l.ctx); err == nil {
			l.become(Reconnecting, ReasonStoreUnavailable)
			return true
		}
	}
}

// become changes the state and tells of it. Telling may have to wait for the store; the
// state itself never does.
func (l *loop) become(state State, reason string) { l.becomeCode(state, reason, nil) }

func (l *loop) becomeCode(state State, reason string, qr *Code) {
	l.s.mu.Lock()
	previous := l.s.setLocked(state, reason, qr)
	l.s.mu.Unlock()
	if previous.State != state || previous.Reason != reason {
		l.s.log.Info("session state", zap.String("state", string(state)), zap.String("reason", reason))
		l.tell(previous)
	}
}

func (l *loop) tell(previous Snapshot) { l.keep(l.s.stateUnit(previous)) }

// tellInfo tells who the session is linked to.
func (l *loop) tellInfo() {
	u := l.s.stateUnit(l.s.Snapshot())
	l.s.mu.Lock()
	r := l.s.record
	l.s.mu.Unlock()
	cause := fmt.Sprintf("info/%d", time.Now().UnixNano())
	u.Events = append(u.Events, newEvent(l.s.id, EventSessionInfo, cause, now(), SessionData{Session: l.s.shape(r)}))
	l.keep(u)
}

// keep queues a unit behind those that the store has not taken, and tries to keep them.
func (l *loop) keep(u store.Unit) {
	l.untold = append(l.untold, u)
	l.tellRest()
}

// tellRest keeps what is queued, in order, as far as the store takes it.
func (l *loop) tellRest() {
	for len(l.untold) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		kept, err := l.s.m.cfg.Log.Commit(ctx, l.untold[0])
		cancel()
		switch {
		case err == nil:
			l.s.mu.Lock()
			l.s.record.LastSeq = kept.LastSeq
			l.s.mu.Unlock()
		case errors.Is(err, store.ErrNotFound): // deleted meanwhile
		default:
			l.s.log.Warn("state not kept yet", zap.Int("waiting", len(l.untold)), zap.Error(err))
			if len(l.untold) > 1000 { // a store that is away for days
				l.untold = l.untold[1:]
			}
			return
		}
		l.untold = l.untold[1:]
	}
}
