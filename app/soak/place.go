package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// envelope is an event as every transport gives it out.
type envelope struct {
	ID      string          `json:"id"`
	Seq     int64           `json:"seq"`
	Event   string          `json:"event"`
	Session string          `json:"sessionId"`
	Data    json.RawMessage `json:"data"`
}

// tally counts differences; notes name the first of them.
type tally struct {
	lost, doubled, disordered int
	altered                   int // something is not as it was sent
	notes                     []string
}

func (t *tally) note(format string, args ...any) {
	if len(t.notes) < 20 {
		t.notes = append(t.notes, fmt.Sprintf(format, args...))
	}
}

func (t *tally) add(o tally) {
	t.lost, t.doubled, t.disordered = t.lost+o.lost, t.doubled+o.doubled, t.disordered+o.disordered
	t.altered += o.altered
	for _, n := range o.notes {
		t.note("%s", n)
	}
}

func (t *tally) clean() bool { return t.lost+t.doubled+t.disordered+t.altered == 0 }

// place is where events come out: a transport, or the log that REST reads. It is safe for
// concurrent use.
type place struct {
	name     string
	onceSure bool                     // each event comes once; else a repetition is told by its id
	saw      func(session, id string) // hears of each message that has come in; may be nil
	stranger string                   // number of one whose messages nobody counts

	mu       sync.Mutex
	tally    tally
	sessions map[string]*track
	repeats  []again // of what may come again
	gone     int     // how often the stream broke
}

// track is what came of one session.
type track struct {
	last int64               // newest seq
	ids  map[int64]string    // of events, by seq
	came map[int64]time.Time // the last time
	in   []string            // messages of contacts, in the order in which they came first
	out  []string            // messages that were sent, likewise
	lane map[string]int64    // newest seq of a chat
}

func newPlace(name string, onceSure bool) *place {
	return &place{name: name, onceSure: onceSure, sessions: map[string]*track{}}
}

// track needs mu.
func (p *place) track(session string) *track {
	t := p.sessions[session]
	if t == nil {
		t = &track{ids: map[int64]string{}, came: map[int64]time.Time{}, lane: map[string]int64{}}
		p.sessions[session] = t
	}
	return t
}

// after is where a client that was cut resumes.
func (p *place) after(sessions []string) map[string]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	after := map[string]int64{}
	for _, id := range sessions {
		after[id] = p.track(id).last
	}
	return after
}

// broke notes that a stream ended.
func (p *place) broke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone++
}

// take is called with each event that comes.
func (p *place) take(e envelope) error {
	var data struct {
		ChatID   string    `json:"chatId"`
		Messages []message `json:"messages"`
		Message  *message  `json:"message"`
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return fmt.Errorf("event %s of %s: %w", e.ID, p.name, err)
	}
	in := p.keep(e, data.ChatID, data.Messages, data.Message)
	if p.saw != nil {
		for _, id := range in {
			p.saw(e.Session, id)
		}
	}
	return nil
}

func (p *place) keep(e envelope, chat string, messages []message, one *message) (in []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.track(e.Session)
	before, now := t.came[e.Seq], time.Now()
	t.came[e.Seq] = now
	if id, repeated := t.ids[e.Seq]; repeated {
		if !p.onceSure {
			p.repeats = append(p.repeats, again{e.Event, e.Session, e.Seq, before, now})
		}
		if p.onceSure || id != e.ID {
			p.tally.doubled++
			p.tally.note("%s: seq %d of %s came again (%s, first %s)", p.name, e.Seq, e.Session, e.ID, id)
		}
		return nil
	}
	t.ids[e.Seq] = e.ID
	for _, m := range messages {
		chat = m.ChatID
		if !m.FromMe && !m.unwritten() && (p.stranger == "" || m.From.Phone != p.stranger) {
			in = append(in, m.ID)
		}
	}
	t.in = append(t.in, in...)
	if one != nil {
		chat = one.ChatID
	}
	if e.Event == "message_sent" && one != nil {
		t.out = append(t.out, one.ID)
	}
	switch {
	case p.onceSure && e.Seq != t.last+1: // a gap is counted as lost at the end, by judge
		p.tally.disordered++
		p.tally.note("%s: seq %d of %s came after %d", p.name, e.Seq, e.Session, t.last)
	case chat != "" && e.Seq < t.lane[chat]: // what is of no chat has no order promised
		p.tally.disordered++
		p.tally.note("%s: seq %d of chat %s of %s came after %d", p.name, e.Seq, chat, e.Session, t.lane[chat])
	}
	t.last, t.lane[chat] = max(t.last, e.Seq), max(t.lane[chat], e.Seq)
	return in
}

// count is how many different events of a session came.
func (p *place) count(session string) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int64(len(p.track(session).ids))
}
