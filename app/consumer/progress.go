package consumer

import (
	"time"

	"whatsapp-api/store"
)

// collect gathers what is to be written, and what to do once it is. Of a runner that is closing all that is left
// gets a record, so that nothing that was delivered is read again.
func (r *runner) collect(at time.Time) (p store.DeliveryProgress, written func(error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var keep []*item
	for i := range r.changed {
		keep = append(keep, i)
	}
	cursors, over := map[streamKey]store.WebhookCursor{}, []streamKey{}
	for key, s := range r.streams {
		next, more := r.passed(s, at)
		keep = append(keep, more...)
		switch c := s.cursor; {
		case s.ended && len(s.order) == 0:
			p.Ended = append(p.Ended, c)
			over = append(over, key)
		case next != c.Seq && !c.Failed:
			c.Seq = next
			p.Cursors = append(p.Cursors, c)
			cursors[key] = c
		}
	}
	for _, i := range keep {
		p.Deliveries = append(p.Deliveries, i.record)
		delete(r.changed, i)
	}
	done, asked := r.finished, r.asked
	r.finished, r.asked = nil, nil
	p.Deliveries = append(p.Deliveries, done...)
	p.Ended = append(p.Ended, asked...)
	return p, func(err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil {
			r.unwritten(keep, done, asked)
			return
		}
		r.wrote(keep, cursors, len(done))
		r.ended(over, asked)
	}
}

// passed needs mu. It says how far the cursor of a stream may go once keep has records, and forgets what is
// done.
func (r *runner) passed(s *stream, at time.Time) (next int64, keep []*item) {
	next = s.read
	waiting, blocked := s.order[:0], false
	for _, i := range s.order {
		if i.done || i.kept {
			continue
		}
		waiting = append(waiting, i)
		if r.closing || i.lane.failed || i.lane.stored > 0 || at.Sub(i.since) > r.p.pace.Stale {
			if !r.changed[i] {
				keep = append(keep, i)
			}
			continue
		}
		if !blocked {
			next, blocked = i.record.Seq-1, true
		}
	}
	clear(s.order[len(waiting):])
	s.order = waiting
	return next, keep
}

// unwritten needs mu. What was not written is part of what the next collect gathers.
func (r *runner) unwritten(kept []*item, done []store.Delivery, asked []store.WebhookCursor) {
	for _, i := range kept {
		if !i.done {
			r.changed[i] = true
		}
	}
	r.finished = append(done, r.finished...)
	r.asked = append(asked, r.asked...)
}

// ended needs mu. The end of some replays and retries is written.
func (r *runner) ended(over []streamKey, asked []store.WebhookCursor) {
	at := time.Now()
	for _, key := range over {
		delete(r.streams, key)
		r.replays[key] = at
	}
	for _, c := range asked {
		r.replays[streamKey{c.SessionID, c.Replay}] = at
	}
}

// wrote needs mu.
func (r *runner) wrote(kept []*item, cursors map[streamKey]store.WebhookCursor, done int) {
	touched := map[*lane]bool{}
	for _, i := range kept {
		i.kept = true
		touched[i.lane] = true
	}
	for key, c := range cursors {
		if s := r.streams[key]; s != nil {
			s.cursor = c
		}
	}
	before := r.size
	for l := range touched {
		r.spill(l)
	}
	if r.size > window/2 {
		for _, l := range r.lanes {
			r.spill(l)
		}
	}
	if r.size < before || done > 0 {
		r.leave(done)
	}
}
