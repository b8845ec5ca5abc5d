package store

import (
	"bytes"
	"crypto/sha256"
	"reflect"
	"slices"
)

// Live is the living part of a message: what people did to it since it was sent. Both back ends keep
// it as one JSON value, so the names in the tags are for ever. Times are Unix milliseconds by the
// clock of who acted. What was taken back stays as an empty entry, so that an older act that
// comes later does not bring it back.
type Live struct {
	Reactions   []Reaction   `json:"reactions,omitempty"`
	Votes       []Vote       `json:"votes,omitempty"`
	Answers     []Answer     `json:"answers,omitempty"`
	Options     []PollOption `json:"options,omitempty"` // of a poll, added by those who vote
	Starred     *Mark        `json:"starred,omitempty"` // by the account itself
	Kept        *Mark        `json:"kept,omitempty"`    // beyond the chat's timer
	Pinned      *Pin         `json:"pinned,omitempty"`
	Location    *Location    `json:"location,omitempty"` // the newest position of a live location
	Media       *LiveMedia   `json:"media,omitempty"`
	CancelledAt int64        `json:"cancelledAt,omitempty"` // of a planned call
}

// Reaction is one person's reaction.
type Reaction struct {
	By    string `json:"by"`
	Emoji string `json:"emoji,omitempty"` // empty: taken back
	At    int64  `json:"at"`
}

// Vote is one person's vote in a poll.
type Vote struct {
	By     string   `json:"by"`
	Mine   bool     `json:"mine,omitempty"`
	Hashes [][]byte `json:"hashes,omitempty"` // of the options; none: taken back. Poll.Texts makes texts of them
	Sealed bool     `json:"sealed,omitempty"` // it could not be read
	At     int64    `json:"at"`
}

// Answers to a calendar event.
const (
	AnswerGoing    = "going"
	AnswerMaybe    = "maybe"
	AnswerNotGoing = "not_going"
)

// Answer is one person's answer to a calendar event.
type Answer struct {
	By     string `json:"by"`
	Answer string `json:"answer,omitempty"` // empty: taken back, or it could not be read
	Guests int    `json:"guests,omitempty"` // whom they bring
	At     int64  `json:"at"`
}

// Mark is something that is on or off.
type Mark struct {
	By string `json:"by,omitempty"`
	On bool   `json:"on,omitempty"`
	At int64  `json:"at"`
}

// Pin holds a message at the top of its chat.
type Pin struct {
	By    string `json:"by,omitempty"`
	Until int64  `json:"until,omitempty"` // 0: taken off
	At    int64  `json:"at"`
}

// LiveMedia is the file that is shown instead of a message's own: a better copy that followed it.
type LiveMedia struct {
	ID    string `json:"id"` // of the message that brought it
	Media Media  `json:"media"`
	Raw   []byte `json:"raw,omitempty"` // the waE2E.Message that brought it
	At    int64  `json:"at"`
}

// React keeps a reaction: the newest of a person counts. It says whether l has changed.
func (l *Live) React(r Reaction) (changed bool) {
	l.Reactions, changed = latest(l.Reactions, r, func(x Reaction) (string, int64) { return x.By, x.At })
	return changed
}

// Vote keeps a vote: the newest of a person counts, whole. It says whether l has changed. A vote that
// could not be read does not replace one of the same moment that could.
func (l *Live) Vote(v Vote) (changed bool) {
	if v.Sealed && slices.ContainsFunc(l.Votes, func(x Vote) bool { return x.By == v.By && x.At == v.At && !x.Sealed }) {
		return false
	}
	l.Votes, changed = latest(l.Votes, v, func(x Vote) (string, int64) { return x.By, x.At })
	return changed
}

// Answer keeps an answer to a calendar event: the newest of a person counts. It says whether l has changed.
func (l *Live) Answer(a Answer) (changed bool) {
	l.Answers, changed = latest(l.Answers, a, func(x Answer) (string, int64) { return x.By, x.At })
	return changed
}

// MaxPollOptions bounds how many options of a poll and choices of a vote are kept. WhatsApp's own clients
// allow 12.
const MaxPollOptions = 100

// AddOption adds an option to a poll, unless it is there. It says whether l has changed.
func (l *Live) AddOption(o PollOption) bool {
	if len(l.Options) >= MaxPollOptions || slices.ContainsFunc(l.Options, func(x PollOption) bool { return bytes.Equal(x.Sum(), o.Sum()) }) {
		return false
	}
	l.Options = append(l.Options, o)
	return true
}

// Star marks the message, or takes the mark off. It says whether l has changed.
func (l *Live) Star(m Mark) bool { return newer(&l.Starred, m, func(x Mark) int64 { return x.At }) }

// Keep keeps the message beyond its chat's timer, or no longer. It says whether l has changed.
func (l *Live) Keep(m Mark) bool { return newer(&l.Kept, m, func(x Mark) int64 { return x.At }) }

// Pin pins the message, or takes it off. It says whether l has changed.
func (l *Live) Pin(p Pin) bool { return newer(&l.Pinned, p, func(x Pin) int64 { return x.At }) }

// Replace shows another file in place of the message's own. It says whether l has changed.
func (l *Live) Replace(m LiveMedia) bool {
	return newer(&l.Media, m, func(x LiveMedia) int64 { return x.At })
}

// Move brings a live location to its next position: that with the highest sequence counts, of the
// same sequence the newest. It says whether l has changed.
func (l *Live) Move(to Location) bool {
	if now := l.Location; now != nil && (to.Sequence < now.Sequence || to.Sequence == now.Sequence && to.UpdatedAt <= now.UpdatedAt) {
		return false
	}
	l.Location = &to
	return true
}

// Empty says whether l says nothing.
func (l *Live) Empty() bool { return l == nil || empty(*l) }

// People calls fn for every field of l that names a person and is not empty. fn may change it.
func (l *Live) People(fn func(*string)) {
	if l == nil {
		return
	}
	visit := visitor(fn)
	for i := range l.Reactions {
		visit(&l.Reactions[i].By)
	}
	for i := range l.Votes {
		visit(&l.Votes[i].By)
	}
	for i := range l.Answers {
		visit(&l.Answers[i].By)
	}
	for _, m := range []*Mark{l.Starred, l.Kept} {
		if m != nil {
			visit(&m.By)
		}
	}
	if l.Pinned != nil {
		visit(&l.Pinned.By)
	}
}

// Sum is the hash by which votes name an option.
func (o PollOption) Sum() []byte {
	if len(o.Hash) > 0 {
		return o.Hash
	}
	sum := sha256.Sum256([]byte(o.Text))
	return sum[:]
}

// All lists the options of a poll: its own, then those that were added to it. Two of the same
// text are one, for votes cannot tell them apart.
func (p *Poll) All(l *Live) []PollOption {
	all, seen := []PollOption{}, map[string]bool{}
	add := func(options []PollOption) {
		for _, o := range options {
			if sum := string(o.Sum()); !seen[sum] {
				seen[sum] = true
				all = append(all, o)
			}
		}
	}
	add(p.Options)
	if l != nil {
		add(l.Options)
	}
	return all
}

// Chosen lists which of these options a vote is for, in their order and each once.
func (v Vote) Chosen(options []PollOption) []int {
	wanted := map[string]bool{}
	for _, h := range v.Hashes {
		wanted[string(h)] = true
	}
	var chosen []int
	for i, o := range options {
		if wanted[string(o.Sum())] {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// Texts lists the texts of the options that a vote is for, in the poll's order.
func (p *Poll) Texts(l *Live, v Vote) []string {
	all := p.All(l)
	texts := []string{}
	for _, i := range v.Chosen(all) {
		texts = append(texts, all[i].Text)
	}
	return texts
}

// latest puts x in the place of its person's earlier entry, or at the end. An older one changes
// nothing, and of the same moment the one that came last counts.
func latest[T any](all []T, x T, key func(T) (string, int64)) ([]T, bool) {
	by, at := key(x)
	for i := range all {
		if who, then := key(all[i]); who == by {
			if at < then || reflect.DeepEqual(all[i], x) {
				return all, false
			}
			all[i] = x
			return all, true
		}
	}
	return append(all, x), true
}

// newer puts x in the place of an older one.
func newer[T any](now **T, x T, at func(T) int64) bool {
	if *now != nil && (at(x) < at(**now) || reflect.DeepEqual(**now, x)) {
		return false
	}
	*now = &x
	return true
}

// empty says whether no field of a record says anything.
func empty(record any) bool {
	v := reflect.ValueOf(record)
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() && (f.Kind() != reflect.Slice || f.Len() > 0) {
			return false
		}
	}
	return true
}
