package events

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// lookEvery is how often Run looks for events in the sessions of other processes. What those have
// committed can be read up to 100 ms later, so a follower hears of it within half a second.
const lookEvery = 250 * time.Millisecond

// Elsewhere knows what other processes do with sessions: store.Leases.
type Elsewhere interface {
	Others(ctx context.Context, sessions []string) (map[string]int64, error)
}

// Run wakes the followers of sessions that other processes own, until ctx ends. While there are none it
// asks nobody.
func (l *Log) Run(ctx context.Context, owners Elsewhere, log *zap.Logger) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for failing := false; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		newest, err := owners.Others(ctx, l.followed())
		if err != nil && !failing && ctx.Err() == nil {
			log.Warn("could not look for events of sessions that other servers own; trying again", zap.Error(err))
		}
		failing = err != nil
		for session, seq := range newest {
			l.elsewhere(session, seq)
		}
	}
}

// followed are the sessions that somebody follows.
func (l *Log) followed() (sessions []string) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for session, t := range l.sessions {
		if len(t.watches) > 0 || t.followers() > 0 {
			sessions = append(sessions, session)
		}
	}
	return sessions
}

func (t *topic) followers() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting
}

// elsewhere takes in what the newest event is of a session that another process owns; -1: it is gone. What is
// remembered of the time when this process owned it is dropped.
func (l *Log) elsewhere(session string, seq int64) {
	if seq < 0 {
		l.Forget(session)
		return
	}
	t := l.topic(session)
	if t.moved(seq) {
		l.wake(t, session)
	}
}

// moved wakes those who follow, if there is news.
func (t *topic) moved(seq int64) (news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	stale := len(t.ring.events) > 0
	if !stale && seq == t.seen {
		return false
	}
	t.ring, t.seen = ring{}, seq
	close(t.woken)
	t.woken = make(chan struct{})
	return true
}
