package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCompare spells lists as letters; those in capitals were out of order on the wire.
func TestCompare(t *testing.T) {
	for _, test := range []struct {
		want, got                 string
		lost, doubled, disordered int
	}{
		{"abcd", "abcd", 0, 0, 0},
		{"abcd", "abd", 1, 0, 0},
		{"abcd", "", 4, 0, 0},
		{"abcd", "abbcd", 0, 1, 0},
		{"abcd", "abcdx", 0, 1, 0},
		{"abcd", "acbd", 0, 0, 1},
		{"abcd", "dabc", 0, 0, 3},
		{"aBCd", "aCBd", 0, 0, 0},
		{"aBCd", "adCB", 0, 0, 0},
		{"aBCd", "dCBa", 0, 0, 1},
		{"aBCd", "aBBd", 1, 1, 0},
	} {
		t.Run(test.want+" "+test.got, func(t *testing.T) {
			var want []wanted
			for _, letter := range strings.Split(test.want, "") {
				want = append(want, wanted{letter, letter == strings.ToUpper(letter)})
			}
			got := strings.Split(test.got, "")
			if test.got == "" {
				got = nil
			}
			tally := compare("here", want, got)
			require.Equal(t, []int{test.lost, test.doubled, test.disordered}, []int{tally.lost, tally.doubled, tally.disordered})
			require.Equal(t, test.lost+test.doubled+test.disordered == 0, tally.clean())
			require.Equal(t, tally.clean(), len(tally.notes) == 0)
		})
	}
}

// events are those with such a seq in a session.
func events(p *place, seqs ...int64) *place {
	for _, seq := range seqs {
		_ = p.take(envelope{ID: fmt.Sprintf("event-%d", seq), Seq: seq, Session: "s1", Event: "new_messages", Data: []byte(`{"messages":[{"chatId":"c"}]}`)})
	}
	return p
}

func TestJudgeEvents(t *testing.T) {
	log := events(newPlace("log", true), 1, 2, 3)
	for _, test := range []struct {
		place                     *place
		lost, doubled, disordered int
	}{
		{events(newPlace("ws", true), 1, 2, 3), 0, 0, 0},
		{events(newPlace("ws", true), 1, 2), 1, 0, 0},
		{events(newPlace("ws", true), 1, 3), 1, 0, 1},
		{events(newPlace("ws", true), 1, 2, 2, 3), 0, 1, 0},
		{events(newPlace("ws", true), 1, 2, 3, 4), 0, 1, 0},
		{events(newPlace("webhook", false), 1, 2, 2, 1, 3, 3), 0, 0, 0},
		{events(newPlace("webhook", false), 1, 3), 1, 0, 0},
		{events(newPlace("webhook", false), 1, 3, 2), 0, 0, 1},
	} {
		tally := judgeEvents(test.place, log)
		require.Equal(t, []int{test.lost, test.doubled, test.disordered}, []int{tally.lost, tally.doubled, tally.disordered}, "%v", tally.notes)
	}
}

// TestLoose follows the order of the wire through a fault that turns it round.
func TestLoose(t *testing.T) {
	l, k := newLedger(), chatKey{"s1", "+34600000001"}
	write := func(id string) { l.writing("", k)([]string{id}) }
	write("seen")
	l.saw("s1", "seen")
	write("waiting")
	under := l.writing("", k) // and taken only when the fault is there
	l.shuffle("s1")
	under([]string{"under way"})
	write("shuffled")
	l.ordered("s1")
	write("after, with others on their way")
	for _, id := range []string{"waiting", "under way", "shuffled"} {
		l.saw("s1", id)
	}
	write("after")
	loose := map[string]bool{}
	for _, w := range l.chats[k].wantedIn() {
		loose[w.name] = w.loose
	}
	require.Equal(t, map[string]bool{
		"seen": false, "waiting": true, "under way": true, "shuffled": true, "after, with others on their way": true, "after": false,
	}, loose)
}

func TestJudgeStored(t *testing.T) {
	k := chatKey{"s1", "+34600000001"}
	c := &chat{in: []*inbound{{id: "in", text: "from"}}, out: []*outbound{{"out", "text"}}}
	in, out := message{ID: "in", Text: "from her"}, message{ID: "out", FromMe: true, Status: "sent"}
	for _, test := range []struct {
		name                   string
		stored                 []message
		lost, doubled, altered int
	}{
		{"good", []message{in, out}, 0, 0, 0},
		{"a try that failed beside", []message{in, {ID: "first", FromMe: true, Status: "failed"}, out}, 0, 0, 0},
		{"sent twice", []message{in, {ID: "first", FromMe: true, Status: "sent"}, out}, 0, 1, 0},
		{"still queued", []message{in, out, {ID: "more", FromMe: true, Status: "queued"}}, 1, 0, 0},
		{"nothing came", []message{out}, 1, 0, 0},
		{"twice in a list", []message{in, in, out}, 0, 1, 0},
		{"other words", []message{{ID: "in", Text: "edited"}, out}, 0, 0, 1},
		{"read by nobody", []message{in, {ID: "out", FromMe: true, Status: "read"}}, 0, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			tally := judgeStored(k, c, test.stored)
			require.Equal(t, []int{test.lost, test.doubled, test.altered}, []int{tally.lost, tally.doubled, tally.altered}, "%v", tally.notes)
		})
	}
}

func TestFlatness(t *testing.T) {
	f := flatness{first: load{memory: 100e6, goroutines: 1000, files: 500}}
	for _, test := range []struct {
		last load
		want string // what grew
	}{
		{load{memory: 100e6, goroutines: 1000, files: 500}, ""},
		{load{memory: 130e6, goroutines: 1060, files: 555}, ""},
		{load{memory: 140e6, goroutines: 1000, files: 500}, "memory"},
		{load{memory: 100e6, goroutines: 1500, files: 500}, "goroutines"},
		{load{memory: 100e6, goroutines: 1000, files: 1000}, "open files"},
	} {
		f.last = test.last
		if test.want == "" {
			require.NoError(t, f.verdict())
		} else {
			require.ErrorContains(t, f.verdict(), test.want+" grew")
		}
	}
}

// TestJudgeRepeats has an event come again after a cut, and without one.
func TestJudgeRepeats(t *testing.T) {
	twice := func() *place { return events(newPlace("webhook", false), 1, 2, 2) }
	l := newLedger()
	require.Equal(t, 1, judgeRepeats(twice(), l).doubled, "nothing was cut")
	l.cut()
	require.Zero(t, judgeRepeats(events(newPlace("webhook", false), 1, 2), l).doubled)
	late := twice()
	late.repeats[0].before = late.repeats[0].before.Add(2 * cutSlack)
	require.Equal(t, 1, judgeRepeats(late, l).doubled, "it was cut before")
	late = twice()
	l.cut()
	require.Zero(t, judgeRepeats(late, l).doubled, "it was in flight")
	late.repeats[0].before = late.repeats[0].before.Add(-2 * inFlight)
	require.Equal(t, 1, judgeRepeats(late, l).doubled, "that was long ago")

	over := l.cutting()
	under := twice()
	require.Zero(t, judgeRepeats(under, l).doubled, "while it lasts")
	over()
	require.Zero(t, judgeRepeats(under, l).doubled)
	after := twice()
	after.repeats[0].before = after.repeats[0].before.Add(2 * cutSlack)
	require.Equal(t, 1, judgeRepeats(after, l).doubled)

	late.repeats[0].now = late.repeats[0].now.Add(inFlight / 2)
	l.woke(map[string]int64{"s1": 1})
	require.Equal(t, 1, judgeRepeats(late, l).doubled, "it is newer than what the woken server knew")
	l.woke(map[string]int64{"s1": 2})
	require.Zero(t, judgeRepeats(late, l).doubled, "the woken server had it under way")
	late.repeats[0].now = late.repeats[0].now.Add(inFlight)
	require.Equal(t, 1, judgeRepeats(late, l).doubled, "the woken server goes on for too long")
}
