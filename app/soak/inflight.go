package main

import "time"

// inFlight is how long after a delivery the server may not have written it down yet, on a busy machine too.
const inFlight = 5 * time.Second

// cutSlack is how long something goes on after it is noted that it is cut, until it really is.
const cutSlack = time.Second

// span is a time in which the server could lose what it had not written down.
type span struct{ from, to time.Time }

// again is an event that came to a place once more.
type again struct {
	event   string
	session string
	seq     int64
	before  time.Time // when it had come the last time
	now     time.Time // when it came again
}

// wake is when a server went on that had been frozen. What it had under way then it may still send.
type wake struct {
	at   time.Time
	last map[string]int64 // newest seq of each session when it was frozen
}

// woke notes that a server that was frozen goes on now.
func (l *ledger) woke(last map[string]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wakes = append(l.wakes, wake{time.Now(), last})
}

// cut notes that deliveries are cut off now.
func (l *ledger) cut() { l.cutting()() }

// cutting notes that from now on nothing can be written down, until over is called.
func (l *ledger) cutting() (over func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.cuts)
	l.cuts = append(l.cuts, span{from: time.Now()})
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.cuts[n].to = time.Now()
	}
}

// judgeRepeats looks at what came to a place more than once: it had been in flight when something was cut.
func judgeRepeats(p *place, l *ledger) (t tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range p.repeats {
		if !l.inFlight(r.before) && !l.underWay(r) {
			t.doubled++
			t.note("%s: %s, event %d of %s, came at %s and again at %s, though nothing was cut", p.name, r.event, r.seq, r.session, r.before.Format("15:04:05.000"), r.now.Format("15:04:05.000"))
		}
	}
	if len(p.repeats) > 0 {
		progress("%s: %d events came again, %d of them without a reason", p.name, len(p.repeats), t.doubled)
	}
	return t
}

// inFlight needs mu. It says whether what was delivered then may not have been written down.
func (l *ledger) inFlight(at time.Time) bool {
	for _, c := range l.cuts {
		if at.After(c.from.Add(-inFlight)) && (c.to.IsZero() || at.Before(c.to.Add(cutSlack))) {
			return true
		}
	}
	return false
}

// underWay needs mu. It says whether what came again may be what a server went on with when it woke, and
// another had delivered meanwhile.
func (l *ledger) underWay(r again) bool {
	for _, w := range l.wakes {
		if r.now.After(w.at) && r.now.Before(w.at.Add(inFlight)) && r.seq <= w.last[r.session] {
			return true
		}
	}
	return false
}
