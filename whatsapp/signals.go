package whatsapp

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"go.uber.org/zap"

	"whatsapp-api/store"
)

// on deals with one signal; end says that this connection is over, with the verdict.
func (l *loop) on(c *conn, signal any) (v verdict, end bool) {
	switch e := signal.(type) {
	case notKept:
		l.become(Degraded, ReasonStoreUnavailable) // now: closing the client may wait for the store
		return newClient, true
	case gotCodes:
		return l.onCodes(c, e.codes)
	case gotPaired:
		return l.onPaired(e)
	case pairFailed:
		return l.onPairFailed(c, e)
	case askedReconnect:
		if l.s.Snapshot().State == Connected {
			l.become(Reconnecting, ReasonConnectionLost)
		}
		return loginAgain, true
	case loggedIn:
		return l.onLoggedIn(c)
	case lostConnection:
		if c.client.IsConnected() { // an old word: the client is back already
			return 0, false
		}
		return l.onLost()
	case loggedOut:
		return l.onLoggedOut(c, e.reason)
	case replaced:
		return l.onReplaced()
	case outdated:
		return l.final(Failed, ReasonOutdated)
	case tempBanned:
		return l.onBanned(e)
	case refusedLogin:
		return l.onRefused(ReasonConnectFailure + strconv.Itoa(e.code))
	case streamFault:
		return l.onRefused(ReasonStreamError + e.code)
	case pingMissed:
		l.become(Degraded, ReasonNoPong)
	case pingAnswered:
		if c.usable() {
			l.become(Connected, "")
		}
	case renamed:
		l.onRenamed(e.name)
	}
	return 0, false
}

// onLoggedIn takes whatsmeow's word only when the socket is really open: it says connected
// also when the connection broke during the login.
func (l *loop) onLoggedIn(c *conn) (verdict, bool) {
	if !c.loggedIn() || c.refuse.Load() {
		return 0, false
	}
	c.online.Store(true)
	l.freed()
	l.pairing.reset()
	l.become(Connected, "")
	c.loginAt.Store(time.Now().UnixMilli())
	c.employ()
	c.resendSoon()
	return 0, false
}

func (l *loop) onLost() (verdict, bool) {
	if l.dev.Linked() {
		l.become(Reconnecting, ReasonConnectionLost)
	} else {
		l.become(Connecting, ReasonConnectionLost)
	}
	return tryAgain, true
}

// onLoggedOut forgets the link: the account here, the keys when the conn is closed.
func (l *loop) onLoggedOut(c *conn, reason string) (verdict, bool) {
	c.refuse.Store(true)
	c.unlink.Store(true)
	l.s.clearLink()
	l.wantStopped()
	return l.final(LoggedOut, reason)
}

// onBanned waits for the end of a temporary ban, then tries again.
func (l *loop) onBanned(e tempBanned) (verdict, bool) {
	l.s.log.Warn("temporary ban", zap.Int("code", e.code), zap.Duration("took", e.wait))
	l.become(Banned, ReasonTemporaryBan)
	l.freed()
	if e.wait <= 0 {
		return stopNow, true
	}
	l.rest = e.wait
	return tryAgain, true
}

// onRefused deals with a login or stream that WhatsApp ended for a reason whatsmeow does not
// handle. Such reasons pass or they do not; trying again slowly finds out.
func (l *loop) onRefused(reason string) (verdict, bool) {
	l.become(Failed, reason)
	l.freed()
	l.rest = 10 * l.backoff.NextBackOff()
	return tryAgain, true
}

// final ends the loop in a state that somebody must act on.
func (l *loop) final(state State, reason string) (verdict, bool) {
	l.s.mu.Lock()
	l.s.ending = true // before anybody can see the state
	l.s.mu.Unlock()
	l.become(state, reason)
	return stopNow, true
}

func (l *loop) onRenamed(name string) {
	l.s.mu.Lock()
	same := l.s.record.PushName == name
	l.s.record.PushName = name
	l.s.mu.Unlock()
	if !same {
		l.tellInfo()
	}
}

// clearLink takes the account off the record in memory; the next unit keeps that.
func (s *Session) clearLink() {
	s.mu.Lock()
	s.record.Phone, s.record.LID, s.record.PushName = "", "", ""
	s.mu.Unlock()
}

// unlinkWait is how long Unlink waits for a connection, because only a connected device can
// tell WhatsApp that it leaves.
const unlinkWait = 20 * time.Second

// Unlink logs this device out of the account; data stay. A session that is not connected is
// connected for it. ErrNotLinked, ErrOffline.
func (s *Session) Unlink(ctx context.Context) error {
	s.ops.Lock()
	defer s.ops.Unlock()
	if err := s.own(ctx); err != nil {
		return err
	}
	if !s.Linked() {
		return ErrNotLinked
	}
	if err := s.begin(false); err != nil {
		return err
	}
	c, err := s.waitOnline(ctx, unlinkWait)
	if err != nil {
		return err
	}
	c.leaving.Store(true)
	if err := c.logout(ctx); err != nil {
		c.leaving.Store(false)
		return fmt.Errorf("%w: %w", ErrOffline, err)
	}
	c.unlink.Store(true)
	s.halt()
	s.clearLink()
	if err := s.desire(ctx, store.DesiredStopped); err != nil {
		return err
	}
	return s.set(ctx, LoggedOut, ReasonUnlinkedHere)
}

// waitOnline waits until the session can send.
func (s *Session) waitOnline(ctx context.Context, most time.Duration) (*conn, error) {
	timeout := time.NewTimer(most)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		state, changed, done := s.snap.State, s.changed, s.done
		s.mu.Unlock()
		if c := s.live.Load(); state == Connected && c.usable() {
			return c, nil
		}
		select {
		case <-changed:
		case <-done:
			return nil, ErrOffline
		case <-timeout.C:
			return nil, ErrOffline
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
