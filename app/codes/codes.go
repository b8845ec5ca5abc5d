package codes

import (
	"slices"
	"sync"
)

// Code is the stable name of a kind of error.
type Code string

// Place says where a code is met.
type Place string

// Places, in the order in which the page shows them.
const (
	Answer  Place = "answer"  // code of an answer of the API
	Stream  Place = "stream"  // why a stream of events ends, or refuses what its client sent
	Session Place = "session" // reason of a session's state, code of session_error
	Message Place = "message" // error.code of a message that was not sent
	Sandbox Place = "sandbox" // code of an answer of the sandbox's control routes
)

// Places lists all places.
func Places() []Place { return []Place{Answer, Stream, Session, Message, Sandbox} }

// Text is what people read of a code.
type Text struct {
	Means string `json:"means"`
	Do    string `json:"do"`
}

// String is all of it, as one reads it in the detail of an answer.
func (t Text) String() string { return t.Means + " " + t.Do }

// Row is a code with all that is said of it. The texts are those that hold wherever the code is met; what
// happened in one case is in the detail of the answer.
type Row struct {
	Code   Code    `json:"code"`   // ends in * where more follows, which is WhatsApp's: connect_failure_*
	Status []int   `json:"status"` // of answers with this code; none: it is in no answer
	Where  []Place `json:"where"`
	EN     Text    `json:"en"`
	ES     Text    `json:"es"`
}

// In says whether a code is met in a place.
func (r Row) In(p Place) bool { return slices.Contains(r.Where, p) }

// All lists every code once, in the order of places, those of answers by status.
func All() []Row { return slices.Clone(index().rows) }

// Of finds a code's row; false when there is none.
func Of(c Code) (Row, bool) {
	r, ok := index().byCode[c]
	return r, ok
}

type table struct {
	rows   []Row
	byCode map[Code]Row
}

var index = sync.OnceValue(func() table {
	t := table{rows: slices.Concat(answers, streams, sessions, messages, controls), byCode: map[Code]Row{}}
	for _, r := range t.rows {
		t.byCode[r.Code] = r
	}
	return t
})
