package consumer

import (
	"errors"
	"fmt"
	"time"

	"whatsapp-api/store"
)

// stream is what a runner reads of one session: its new events, or those of a replay.
type stream struct {
	first  store.WebhookCursor // as it was when reading began, for the one who reads
	cursor store.WebhookCursor // as it is in the store; Seq -1: it is not there yet
	read   int64               // newest event that was read
	order  []*item             // admitted, not done and without a record, oldest first
	ended  bool                // a replay has read all
}

// follow sees that each of these sessions, and each replay, is being read.
func (r *runner) follow(sessions []string) {
	keys := make([]streamKey, 0, len(sessions))
	for _, id := range sessions {
		keys = append(keys, streamKey{session: id})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for key := range r.cursors {
		if key.replay != "" {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if r.streams[key] != nil || r.closing {
			delete(r.cursors, key)
			continue
		}
		cursor, there := r.cursors[key]
		if !there { // a session that was made after the webhook
			cursor = store.WebhookCursor{WebhookID: r.id, SessionID: key.session, Seq: -1}
		}
		delete(r.cursors, key)
		if key.replay != "" {
			r.replays[key] = time.Time{}
		}
		s := &stream{first: cursor, cursor: cursor, read: max(cursor.Seq, 0)}
		r.streams[key] = s
		switch {
		case key.replay == "":
			r.work.Go(func() { r.readNew(s, there) })
		case cursor.Failed:
			r.work.Go(func() { r.readFailed(s) })
		default:
			r.work.Go(func() { r.readReplay(s) })
		}
	}
}

// replay begins to read a replay's part of a session, or tries a delivery again, unless that was begun.
func (r *runner) replay(c store.WebhookCursor) {
	key := streamKey{c.SessionID, c.Replay}
	r.mu.Lock()
	_, begun := r.replays[key]
	if begun = begun || r.closing; !begun {
		r.replays[key] = time.Time{}
	}
	if !begun && retried(c) == "" {
		r.cursors[key] = c
	}
	if !begun && retried(c) != "" {
		r.work.Go(func() { r.readRetried(c) })
	}
	r.mu.Unlock()
	if !begun {
		r.follow(nil)
	}
}

// forgetReplays forgets those whose end was written before a time: what was read of the store since does not
// have them any more.
func (r *runner) forgetReplays(before time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, ended := range r.replays {
		if !ended.IsZero() && ended.Before(before) {
			delete(r.replays, key)
		}
	}
}

// readNew follows the session's log until the runner is closed or the session is gone.
func (r *runner) readNew(s *stream, begun bool) {
	session := s.first.SessionID
	for r.ctx.Err() == nil {
		err := r.begin(s, begun)
		begun = true
		if err == nil {
			err = r.p.log.Follow(r.ctx, session, s.read, func(e store.Event) error { return r.take(s, e, false) })
		}
		switch {
		case r.ctx.Err() != nil:
			return
		case errors.Is(err, store.ErrNotFound):
			r.pause(r.p.pace.Flush) // its deletion may still be under way
			r.unfollow(streamKey{session: session})
			r.p.gone()
			return
		case errors.Is(err, store.ErrExpired):
			if err = r.skipLost(s); err == nil {
				continue
			}
		}
		if !r.pause(time.Second) {
			return
		}
	}
}

// begin moves a stream without a cursor to where one says by now, else to the first event there is.
func (r *runner) begin(s *stream, begun bool) error {
	if begun {
		return nil
	}
	oldest, _, err := r.p.log.Bounds(r.ctx, s.first.SessionID)
	if err != nil {
		return err
	}
	cursors, err := r.p.deliveries.Cursors(r.ctx, r.id) // another process may have made one since this began
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.read = max(oldest-1, 0)
	for _, c := range cursors {
		if c.SessionID == s.first.SessionID && c.Replay == "" {
			s.cursor, s.read = c, max(c.Seq, s.read)
		}
	}
	return nil
}

// skipLost goes on from the oldest event that is kept, and says so.
func (r *runner) skipLost(s *stream) error {
	oldest, newest, err := r.p.log.Bounds(r.ctx, s.first.SessionID)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	reason := fmt.Sprintf("events %d to %d of session %s were no longer kept when their turn came", s.read+1, oldest-1, s.first.SessionID)
	if s.read > newest {
		reason = fmt.Sprintf("the event log of session %s began anew", s.first.SessionID)
	}
	s.read = max(oldest-1, 0)
	r.health.say(Health{Failing: r.health.open, Reason: reason})
	return nil
}

// pause waits, and says whether to go on.
func (r *runner) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-r.ctx.Done():
		return false
	}
}

func (r *runner) unfollow(key streamKey) {
	r.mu.Lock()
	delete(r.streams, key)
	r.mu.Unlock()
}

// take puts an event that is wanted into its lane, once there is room.
func (r *runner) take(s *stream, e store.Event, replay bool) error {
	r.mu.Lock()
	want := r.spec.Want
	key := eventKey{e.SessionID, e.Seq}
	known := !replay && r.known[key]
	r.mu.Unlock()
	if !known {
		keys, wanted, err := want(r.ctx, e)
		if err != nil {
			return err
		}
		if wanted {
			i := &item{event: &e, keys: keys, since: time.Now(), record: store.Delivery{
				ID: r.p.newID("dlv_"), WebhookID: r.id, SessionID: e.SessionID, EventID: e.ID, Seq: e.Seq, Event: e.Name,
				Chat: keys[0], Replay: replay, Status: store.DeliveryPending, At: now(),
			}}
			if err := r.admit(r.ctx, s, i); err != nil {
				return err
			}
		}
	}
	r.mu.Lock()
	s.read = e.Seq
	if !replay {
		delete(r.known, key)
	}
	r.mu.Unlock()
	return nil
}

// readReplay reads a part of the log again.
func (r *runner) readReplay(s *stream) {
	c := s.first
	for s.read < c.Until {
		list, err := r.p.log.After(r.ctx, c.SessionID, s.read, int(min(200, c.Until-s.read)))
		switch {
		case r.ctx.Err() != nil:
			return
		case errors.Is(err, store.ErrExpired):
			if oldest, _, e := r.p.log.Bounds(r.ctx, c.SessionID); e == nil && oldest-1 > s.read {
				r.mu.Lock()
				s.read = min(oldest-1, c.Until)
				r.mu.Unlock()
				continue
			}
			list = nil
		case errors.Is(err, store.ErrNotFound):
			list = nil
		case err != nil:
			if !r.pause(time.Second) {
				return
			}
			continue
		}
		if len(list) == 0 {
			break // there is no more
		}
		for _, e := range list {
			if !c.From.IsZero() && e.Timestamp.Before(c.From) || !c.To.IsZero() && e.Timestamp.After(c.To) {
				r.mu.Lock()
				s.read = e.Seq
				r.mu.Unlock()
				continue
			}
			if r.take(s, e, true) != nil {
				return
			}
		}
	}
	r.end(s)
}

// readFailed takes the dead letters of a part of the log up again. After a crash it begins
// again with those that are still dead.
func (r *runner) readFailed(s *stream) {
	c := s.first
	for cursor := ""; ; {
		list, next, err := r.p.deliveries.List(r.ctx, store.DeliveryQuery{
			Webhook: r.id, Status: store.DeliveryDead, Oldest: true, Page: store.Page{Cursor: cursor, Limit: 100},
		})
		if err != nil {
			if !r.pause(time.Second) {
				return
			}
			continue
		}
		inSequence(list)
		for _, d := range list {
			if d.SessionID != c.SessionID || d.Seq <= c.Seq || d.Seq > c.Until ||
				!c.From.IsZero() && d.At.Before(c.From) || !c.To.IsZero() && d.At.After(c.To) {
				continue
			}
			if r.admit(r.ctx, s, &item{record: again(d), keys: []string{d.Chat}, since: time.Now()}) != nil {
				return
			}
		}
		if cursor = next; next == "" {
			break
		}
	}
	r.end(s)
}

func (r *runner) end(s *stream) {
	r.mu.Lock()
	s.ended = true
	r.mu.Unlock()
}
