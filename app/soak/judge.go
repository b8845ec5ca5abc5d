package main

import (
	"fmt"
	"slices"
	"strings"
)

// judgeEvents compares what came out at a place with the log that REST reads.
func judgeEvents(p, log *place) (t tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.add(p.tally)
	for session, l := range log.sessions {
		have := p.track(session)
		for seq := int64(1); seq <= l.last; seq++ {
			switch id, came := have.ids[seq]; {
			case !came:
				t.lost++
				t.note("%s: event %d of %s is missing", p.name, seq, session)
			case id != l.ids[seq]:
				t.disordered++
				t.note("%s: event %d of %s is %s, in the log %s", p.name, seq, session, id, l.ids[seq])
			}
		}
		if extra := len(have.ids) - int(l.last); have.last > l.last {
			t.doubled += extra
			t.note("%s: %d events of %s are not in the log", p.name, extra, session)
		}
	}
	return t
}

// judgeMessages compares the messages that came out at a place with those that were sent.
func judgeMessages(p *place, l *ledger) (t tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	in, out := map[chatKey][]string{}, map[chatKey][]string{}
	of := map[inKey]chatKey{}
	for k, c := range l.chats {
		for _, m := range c.in {
			of[inKey{k.session, m.id}] = k
		}
		for _, m := range c.out {
			of[inKey{k.session, m.id}] = k
		}
	}
	for session, tr := range p.sessions {
		for _, list := range []struct {
			ids []string
			to  map[chatKey][]string
		}{{tr.in, in}, {tr.out, out}} {
			for _, id := range list.ids {
				k, known := of[inKey{session, id}]
				if !known {
					t.doubled++
					t.note("%s: message %s of %s was never sent, or answered for as another", p.name, id, session)
					continue
				}
				list.to[k] = append(list.to[k], id)
			}
		}
	}
	for k, c := range l.chats {
		where := fmt.Sprintf("%s: %s with %s", p.name, k.session, k.contact)
		t.add(compare(where+", in", c.wantedIn(), in[k]))
		t.add(compare(where+", out", c.wantedOut(), out[k]))
	}
	return t
}

// wanted is something that has to come out once.
type wanted struct {
	name  string
	loose bool // its order was lost before it came to us
}

func (c *chat) wantedIn() (list []wanted) {
	for _, m := range c.in {
		list = append(list, wanted{m.id, m.loose})
	}
	return list
}

func (c *chat) wantedOut() (list []wanted) {
	for _, m := range c.out {
		list = append(list, wanted{m.id, false})
	}
	return list
}

// compare says how a list differs from what it should be.
func compare(where string, want []wanted, got []string) (t tally) {
	at := map[string]int{}
	for i, w := range want {
		at[w.name] = i
	}
	times := map[string]int{}
	newest := -1
	for _, name := range got {
		i, known := at[name]
		if times[name]++; times[name] > 1 || !known {
			t.doubled++
			t.note("%s: %s came again, or was never sent", where, name)
			continue
		}
		if want[i].loose {
			continue
		}
		if i < newest {
			t.disordered++
			t.note("%s: %s (number %d) came after number %d", where, name, i+1, newest+1)
		}
		newest = max(newest, i)
	}
	for i, w := range want {
		if times[w.name] == 0 {
			t.lost++
			t.note("%s: %s (number %d of %d) is missing", where, w.name, i+1, len(want))
		}
	}
	return t
}

// judgeStored compares a chat as REST lists it, oldest first.
func judgeStored(k chatKey, c *chat, stored []message) (t tally) {
	where := fmt.Sprintf("store: %s with %s", k.session, k.contact)
	var in, out []string
	answered := c.wantedOut()
	begins := map[string]string{}
	for _, m := range c.in {
		begins[m.id] = m.text
	}
	for _, m := range stored {
		if m.unwritten() {
			continue
		}
		if c.altered(m, begins) {
			t.altered++
			t.note("%s: %s is %s and says %.60q", where, m.ID, m.Status, m.Text)
		}
		switch {
		case !m.FromMe:
			in = append(in, m.ID)
		case m.Status == "queued":
			t.lost++
			t.note("%s: %s is still queued", where, m.ID)
		case m.Status == "failed" && !slices.ContainsFunc(answered, func(w wanted) bool { return w.name == m.ID }):
			// A try that REST refused; another was answered for.
		case m.Status == "failed":
			t.lost++
			t.note("%s: %s was answered for, and failed", where, m.ID)
		default:
			out = append(out, m.ID)
		}
	}
	t.add(compare(where+", in", c.wantedIn(), in))
	t.add(compare(where+", out", answered, out))
	return t
}

// unwritten says whether a message is a line that nobody wrote, as that a group was made.
func (m message) unwritten() bool { return m.Type == "system" }

// altered says whether a message is not as it was sent: others only wrote of it, or said to have read
// it, and nobody reads what the soak sends.
func (c *chat) altered(m message, begins map[string]string) bool {
	if m.FromMe {
		return m.Status == "read" || m.Status == "played"
	}
	return !strings.HasPrefix(m.Text, begins[m.ID])
}

// judgeContact compares what a contact has got with what REST has answered for.
func judgeContact(k chatKey, c *chat, texts []string) tally {
	var want []wanted
	for _, m := range c.out {
		want = append(want, wanted{m.text, false})
	}
	return compare(fmt.Sprintf("contact: %s from %s", k.contact, k.session), want, texts)
}
