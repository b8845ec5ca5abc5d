package whatsapp

import (
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// Poll is a question to be sent, with answers to choose from.
type Poll struct {
	Question      string
	Options       []string  // all different: votes cannot tell two of the same text apart
	MaxSelections int       // 0: any
	ClosesAt      time.Time // zero: never
}

// write makes the poll in its first form, which all clients know and which WhatsApp's stanza says is a poll. Its
// secret stays with the message: votes are opened with it.
func (p Poll) write(about *waE2E.ContextInfo) *waE2E.Message {
	m := &waE2E.PollCreationMessage{Name: proto.String(p.Question), SelectableOptionsCount: proto.Uint32(uint32(p.MaxSelections)), ContextInfo: about}
	for _, text := range p.Options {
		m.Options = append(m.Options, &waE2E.PollCreationMessage_Option{OptionName: proto.String(text)})
	}
	if !p.ClosesAt.IsZero() {
		m.EndTime = proto.Int64(p.ClosesAt.UnixMilli())
	}
	return &waE2E.Message{PollCreationMessage: m, MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: newSecret()}}
}
