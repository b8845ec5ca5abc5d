package sandbox

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// Poll is a question with options to vote for.
type Poll struct {
	Name       string   `json:"name"`
	Options    []string `json:"options"`
	Selectable int      `json:"selectable,omitempty" doc:"How many one may choose; 0 is any number"`
}

// limits of a poll, as phones have them.
const (
	minOptions = 2
	maxOptions = 12
)

func (o *Poll) check() error {
	if o.Name == "" || len(o.Options) < minOptions || len(o.Options) > maxOptions ||
		o.Selectable < 0 || o.Selectable > len(o.Options) {
		return fmt.Errorf("%w: a poll has a name, %d to %d options, and at most so many selectable", ErrInvalid, minOptions, maxOptions)
	}
	return nil
}

// write makes the poll as phones send it: the newer form is for a single choice.
func (o *Poll) write(*Phone, chat, int) (*waE2E.Message, error) {
	poll := &waE2E.PollCreationMessage{Name: proto.String(o.Name), SelectableOptionsCount: proto.Uint32(uint32(o.Selectable))}
	for _, name := range o.Options {
		poll.Options = append(poll.Options, &waE2E.PollCreationMessage_Option{OptionName: proto.String(name)})
	}
	if o.Selectable == 1 {
		return &waE2E.Message{PollCreationMessageV3: poll}, nil
	}
	return &waE2E.Message{PollCreationMessage: poll}, nil
}

// optionHashes is how a vote names the options of a poll.
func optionHashes(poll *waE2E.Message, chosen []string) ([][]byte, error) {
	made := poll.GetPollCreationMessage()
	if made == nil {
		made = poll.GetPollCreationMessageV3()
	}
	if made == nil {
		return nil, fmt.Errorf("%w: the message is no poll", ErrInvalid)
	}
	var names []string
	for _, o := range made.GetOptions() {
		names = append(names, o.GetOptionName())
	}
	hashes := make([][]byte, 0, len(chosen))
	for _, name := range chosen {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("%w: the poll has no option %q", ErrInvalid, name)
		}
		sum := sha256.Sum256([]byte(name))
		hashes = append(hashes, sum[:])
	}
	return hashes, nil
}
