package sandbox

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Poll is a question with options to vote for.
type Poll struct {
	Name       string   `json:"name"`
	Options    []string `json:"options"`
	Selectable int      `json:"selectable,omitempty"` // how many one may choose; 0 is any number
}

// limits of a poll, as phones have them.
const (
	minOptions = 2
	maxOptions = 12
)

func (o *Poll) check() error {
	if o == nil || o.Name == "" || len(o.Options) < minOptions || len(o.Options) > maxOptions ||
		o.Selectable < 0 || o.Selectable > len(o.Options) {
		return fmt.Errorf("%w: a poll has a name, %d to %d options, and at most so many selectable", ErrInvalid, minOptions, maxOptions)
	}
	return nil
}

// message is the poll as phones send it: the newer form is for a single choice.
func (o *Poll) message() *waE2E.Message {
	poll := &waE2E.PollCreationMessage{Name: proto.String(o.Name), SelectableOptionsCount: proto.Uint32(uint32(o.Selectable))}
	for _, name := range o.Options {
		poll.Options = append(poll.Options, &waE2E.PollCreationMessage_Option{OptionName: proto.String(name)})
	}
	if o.Selectable == 1 {
		return &waE2E.Message{PollCreationMessageV3: poll}
	}
	return &waE2E.Message{PollCreationMessage: poll}
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

// compose makes the n-th message of what the phone is told to send. The caller holds p.mu.
func (p *Phone) compose(o *Outgoing, to chat, n int) (*waE2E.Message, error) {
	switch {
	case o.Proto != nil:
		var m waE2E.Message
		if err := protojson.Unmarshal(o.Proto, &m); err != nil {
			return nil, fmt.Errorf("%w: proto is not a Message as JSON: %w", ErrInvalid, err)
		}
		return &m, nil
	case o.Poll != nil:
		return o.Poll.message(), nil
	case o.ForwardID != "":
		return p.forward(o, to)
	}
	text := strings.ReplaceAll(o.Text, "{n}", strconv.Itoa(n))
	if o.QuotedID == "" && len(o.Mentions) == 0 {
		return textMessage(text), nil
	}
	about, err := p.context(o, to)
	if err != nil {
		return nil, err
	}
	return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String(text), ContextInfo: about}}, nil
}

// context is what a text quotes and whom it mentions, in the form of address of the message.
func (p *Phone) context(o *Outgoing, to chat) (*waE2E.ContextInfo, error) {
	about := &waE2E.ContextInfo{}
	like := to.sent(o.Addressing == "pn").like()
	for _, phone := range o.Mentions {
		a, err := p.server.accountOf(phone)
		if err != nil {
			return nil, err
		}
		about.MentionedJID = append(about.MentionedJID, a.jid(0, like).String())
	}
	if o.QuotedID == "" {
		return about, nil
	}
	t, err := p.target(o.QuotedID, to)
	if err != nil {
		return nil, err
	}
	if about.QuotedMessage, err = t.message(); err != nil {
		return nil, err
	}
	about.QuotedMessage.MessageContextInfo = nil // its secret is not told again
	about.StanzaID, about.Participant = proto.String(t.id), proto.String(t.author.jid(0, like).String())
	return about, nil
}

// forward copies a message of any chat of this phone, marked as forwarded.
func (p *Phone) forward(o *Outgoing, to chat) (*waE2E.Message, error) {
	from := to
	if o.ForwardFrom != "" {
		var err error
		if from, err = p.chat(o.ForwardFrom); err != nil {
			return nil, err
		}
	}
	t, err := p.target(o.ForwardID, from)
	if err != nil {
		return nil, err
	}
	m, err := t.message()
	if err != nil {
		return nil, err
	}
	m.MessageContextInfo = nil
	score := &waE2E.ContextInfo{IsForwarded: proto.Bool(true), ForwardingScore: proto.Uint32(1)}
	switch {
	case m.Conversation != nil:
		return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: m.Conversation, ContextInfo: score}}, nil
	case m.ExtendedTextMessage != nil:
		m.ExtendedTextMessage.ContextInfo = score
		return m, nil
	}
	return nil, fmt.Errorf("%w: phones of the sandbox forward texts", ErrInvalid)
}

// wireType is what the stanza says of its content, and edit how it changes another message.
func wireType(m *waE2E.Message) (kind, edit string) {
	m = unwrap(m)
	switch kind, text, _ := describe(m); kind {
	case "reaction":
		if text == "" {
			return kind, "7"
		}
		return kind, ""
	case "poll", "vote":
		return "poll", ""
	case "revoke":
		return "text", "7"
	case "edit":
		return "text", "1"
	case "image", "video", "ptv", "voice", "audio", "document", "sticker", "contact":
		return "media", ""
	}
	if m.GetSecretEncryptedMessage().GetSecretEncType() == waE2E.SecretEncryptedMessage_MESSAGE_EDIT {
		return "text", "1"
	}
	return "text", ""
}

// contents is how many of the fields that say what is sent are given, and which types fit them.
func (o *Outgoing) contents() (given int, fits string) {
	fits = "text"
	for kind, is := range map[string]bool{"text": o.Text != "", "poll": o.Poll != nil, "proto": o.Proto != nil, "forward": o.ForwardID != ""} {
		if is {
			given++
			fits = kind
		}
	}
	return given, fits
}
