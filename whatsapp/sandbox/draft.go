package sandbox

import (
	"encoding/json"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
)

// draft is what a phone is told to send, before it is a message. Each kind is a type in a file of
// its own, with a field in Outgoing and a line in its method kinds.
type draft interface {
	// check says what is wrong with it in itself, as ErrInvalid.
	check() error
	// write makes the message for a chat; n is its number, from 1, when several are sent at once.
	// The caller holds the phone's lock. It fails for what it is about and is not there.
	write(p *Phone, to chat, n int) (*waE2E.Message, error)
}

// Outgoing is what a phone is told to send. One of Text, Poll, ForwardID and Proto says what it is.
type Outgoing struct {
	To         string   `json:"to" doc:"Phone number, or address of a group"`
	Type       string   `json:"type,omitempty" enum:"text,poll,forward,proto" doc:"May be left out: what is given says it"`
	Text       string   `json:"text,omitempty" doc:"{n} becomes 1, 2, … up to count"`
	QuotedID   string   `json:"quotedId,omitempty" doc:"Of the message of this chat that the text answers"`
	Mentions   []string `json:"mentions,omitempty" doc:"Phone numbers of whom the text mentions"`
	Poll       *Poll    `json:"poll,omitempty" doc:"A question"`
	ForwardID  string   `json:"forwardId,omitempty" doc:"Of the text that is sent on"`
	Count      int      `json:"count,omitempty" doc:"How many; 0 is one"`
	ID         string   `json:"id,omitempty" doc:"Of the message, if there is one; made if empty"`
	Addressing string   `json:"addressing,omitempty" enum:"lid,pn" doc:"The form of address on the wire; lid if it is left out"`

	ForwardFrom string          `json:"forwardFrom,omitempty" doc:"The chat in which the forwarded text is; to if it is left out"`
	Proto       json.RawMessage `json:"proto,omitempty" doc:"Any Message of WhatsApp's protocol in the JSON of protobuf, sent as it is"`
}

// draftKind is one kind of draft as Outgoing may hold it.
type draftKind struct {
	name  string
	given bool
	draft draft
}

func (o *Outgoing) kinds() []draftKind {
	return []draftKind{
		{"text", o.Text != "", &textDraft{text: o.Text, quoted: o.QuotedID, mentions: o.Mentions}},
		{"poll", o.Poll != nil, o.Poll},
		{"forward", o.ForwardID != "", &forwardDraft{id: o.ForwardID, from: o.ForwardFrom}},
		{"proto", o.Proto != nil, protoDraft(o.Proto)},
	}
}

// draft is what is to be sent; there must be exactly one thing, with nothing that belongs to another.
func (o *Outgoing) draft() (draft, error) {
	var kind draftKind
	for _, k := range o.kinds() {
		if !k.given {
			continue
		}
		if kind.draft != nil {
			return nil, fmt.Errorf("%w: text, poll, forwardId and proto do not go together", ErrInvalid)
		}
		kind = k
	}
	switch {
	case kind.draft == nil:
		return nil, fmt.Errorf("%w: nothing to send: text is empty, and there is no poll, forwardId or proto", ErrInvalid)
	case o.Type != "" && o.Type != kind.name:
		return nil, fmt.Errorf("%w: type %q does not fit what is sent, which is %s", ErrInvalid, o.Type, kind.name)
	case kind.name != "text" && (o.QuotedID != "" || len(o.Mentions) > 0):
		return nil, fmt.Errorf("%w: quotedId and mentions belong to a text", ErrInvalid)
	case kind.name != "forward" && o.ForwardFrom != "":
		return nil, fmt.Errorf("%w: forwardFrom belongs to forwardId", ErrInvalid)
	}
	return kind.draft, kind.draft.check()
}

// maxCount is how many messages are sent at once at most.
const maxCount = 100_000

// check says what is wrong with how it is to be sent.
func (o *Outgoing) check() error {
	switch {
	case o.Count < 0 || o.Count > maxCount:
		return fmt.Errorf("%w: count is not between 1 and %d", ErrInvalid, maxCount)
	case o.ID != "" && o.Count > 1:
		return fmt.Errorf("%w: id and count do not go together", ErrInvalid)
	case len(o.ID) > 128:
		return fmt.Errorf("%w: id is longer than 128 bytes", ErrInvalid)
	case o.Addressing != "" && o.Addressing != "lid" && o.Addressing != "pn":
		return fmt.Errorf("%w: addressing is lid or pn", ErrInvalid)
	}
	return nil
}
