package sandbox

import (
	"fmt"
	"strconv"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// textDraft is a text, which may quote a message of the chat and mention people.
type textDraft struct {
	text     string // {n} is its number
	quoted   string // id of the message; none if empty
	mentions []string
}

const maxText = 64 << 10

func (d *textDraft) check() error {
	if len(d.text) > maxText {
		return fmt.Errorf("%w: text is longer than %d bytes", ErrInvalid, maxText)
	}
	return nil
}

func (d *textDraft) write(p *Phone, in chat, n int) (*waE2E.Message, error) {
	text := strings.ReplaceAll(d.text, "{n}", strconv.Itoa(n))
	if d.quoted == "" && len(d.mentions) == 0 {
		return textMessage(text), nil
	}
	about, err := d.context(p, in)
	if err != nil {
		return nil, err
	}
	return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String(text), ContextInfo: about}}, nil
}

// context is what the text quotes and whom it mentions, in the chat's form of address.
func (d *textDraft) context(p *Phone, in chat) (*waE2E.ContextInfo, error) {
	about := &waE2E.ContextInfo{}
	for _, phone := range d.mentions {
		a, err := p.server.accountOf(phone)
		if err != nil {
			return nil, err
		}
		about.MentionedJID = append(about.MentionedJID, a.jid(0, in.like()).String())
	}
	if d.quoted == "" {
		return about, nil
	}
	t, err := p.target(d.quoted, in)
	if err != nil {
		return nil, err
	}
	if about.QuotedMessage, err = t.message(); err != nil {
		return nil, err
	}
	about.QuotedMessage.MessageContextInfo = nil // its secret is not told again
	about.StanzaID, about.Participant = proto.String(t.id), proto.String(t.author.jid(0, in.like()).String())
	return about, nil
}
