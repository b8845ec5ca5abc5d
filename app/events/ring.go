package events

import "whatsapp-api/store"

const (
	ringEvents = 256
	ringBytes  = 64 << 10 // of data; one session may fill it, an idle one holds next to nothing
)

// ring holds the newest events of a session, without gaps.
type ring struct {
	events []store.Event
	bytes  int
}

// add takes the events of a commit. Commits can be reported out of order: events that do
// not follow on what is there begin a new ring, those from before it are not taken.
func (r *ring) add(events []store.Event) {
	if n := len(r.events); n > 0 {
		last := r.events[n-1].Seq
		if events[0].Seq <= last {
			return
		}
		if events[0].Seq != last+1 {
			r.events, r.bytes = nil, 0
		}
	}
	for _, e := range events {
		r.events = append(r.events, e)
		r.bytes += len(e.Data)
	}
	// Reslicing leaves the dropped ones behind; append copies the rest to a new array now and then.
	for len(r.events) > 1 && (len(r.events) > ringEvents || r.bytes > ringBytes) {
		r.bytes -= len(r.events[0].Data)
		r.events[0] = store.Event{}
		r.events = r.events[1:]
	}
}

// after returns up to limit events after seq, or none when the ring lacks the first of them.
func (r *ring) after(seq int64, limit int) []store.Event {
	if len(r.events) == 0 {
		return nil
	}
	first := r.events[0].Seq
	from := seq + 1 - first
	if from < 0 || from >= int64(len(r.events)) {
		return nil
	}
	rest := r.events[from:]
	if len(rest) > limit {
		rest = rest[:limit]
	}
	return append([]store.Event(nil), rest...)
}

// newest is the Seq of the newest event, or -1 when nothing is known.
func (r *ring) newest() int64 {
	if len(r.events) == 0 {
		return -1
	}
	return r.events[len(r.events)-1].Seq
}
