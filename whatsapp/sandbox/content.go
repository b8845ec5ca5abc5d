package sandbox

import (
	"fmt"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// textMessage is a plain text.
func textMessage(text string) *waE2E.Message {
	return &waE2E.Message{Conversation: proto.String(text)}
}

func reactionMessage(key *waCommon.MessageKey, emoji string, at int64) *waE2E.Message {
	return &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{
		Key: key, Text: proto.String(emoji), SenderTimestampMS: proto.Int64(at),
	}}
}

func editMessage(key *waCommon.MessageKey, text string, at int64) *waE2E.Message {
	return &waE2E.Message{EditedMessage: &waE2E.FutureProofMessage{Message: &waE2E.Message{
		ProtocolMessage: &waE2E.ProtocolMessage{
			Key: key, Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(),
			EditedMessage: textMessage(text), TimestampMS: proto.Int64(at),
		},
	}}}
}

func revokeMessage(key *waCommon.MessageKey) *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Key: key, Type: waE2E.ProtocolMessage_REVOKE.Enum(),
	}}
}

// unwrap takes the layers off that say how a message is to be shown.
func unwrap(m *waE2E.Message) *waE2E.Message {
	for _, inner := range []*waE2E.FutureProofMessage{
		m.GetEphemeralMessage(), m.GetViewOnceMessage(), m.GetViewOnceMessageV2(), m.GetViewOnceMessageV2Extension(),
		m.GetDocumentWithCaptionMessage(), m.GetEditedMessage(),
	} {
		if inner.GetMessage() != nil {
			return unwrap(inner.GetMessage())
		}
	}
	return m
}

// describe reads a message as a person would: of what kind it is, what it says
// and which other message it is about.
func describe(m *waE2E.Message) (kind, text, target string) {
	m = unwrap(m)
	if p := m.GetProtocolMessage(); p != nil {
		id := p.GetKey().GetID()
		switch p.GetType() {
		case waE2E.ProtocolMessage_REVOKE:
			return "revoke", "", id
		case waE2E.ProtocolMessage_MESSAGE_EDIT:
			_, text, _ = describe(p.GetEditedMessage())
			return "edit", text, id
		}
		return "protocol", p.GetType().String(), id
	}
	if r := m.GetReactionMessage(); r != nil {
		return "reaction", r.GetText(), r.GetKey().GetID()
	}
	if kind, text, ok := describeMedia(m); ok {
		return kind, text, ""
	}
	if m.Conversation != nil {
		return "text", m.GetConversation(), ""
	}
	if e := m.GetExtendedTextMessage(); e != nil {
		return "text", e.GetText(), e.GetContextInfo().GetStanzaID()
	}
	return "unknown", "", ""
}

func describeMedia(m *waE2E.Message) (kind, text string, ok bool) {
	switch {
	case m.ImageMessage != nil:
		return "image", m.ImageMessage.GetCaption(), true
	case m.VideoMessage != nil:
		return "video", m.VideoMessage.GetCaption(), true
	case m.PtvMessage != nil:
		return "ptv", "", true
	case m.AudioMessage != nil && m.AudioMessage.GetPTT():
		return "voice", "", true
	case m.AudioMessage != nil:
		return "audio", "", true
	case m.DocumentMessage != nil:
		return "document", m.DocumentMessage.GetCaption(), true
	case m.StickerMessage != nil:
		return "sticker", "", true
	case m.LocationMessage != nil:
		l := m.LocationMessage
		return "location", fmt.Sprintf("%g,%g", l.GetDegreesLatitude(), l.GetDegreesLongitude()), true
	case m.ContactMessage != nil:
		return "contact", m.ContactMessage.GetDisplayName(), true
	case m.ContactsArrayMessage != nil:
		return "contact", m.ContactsArrayMessage.GetDisplayName(), true
	case m.PollCreationMessage != nil:
		return "poll", m.PollCreationMessage.GetName(), true
	case m.PollCreationMessageV3 != nil:
		return "poll", m.PollCreationMessageV3.GetName(), true
	case m.PollUpdateMessage != nil:
		return "vote", "", true
	case m.EventMessage != nil:
		return "event", m.EventMessage.GetName(), true
	case m.EncEventResponseMessage != nil:
		return "answer", "", true
	}
	return "", "", false
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
	case "event", "answer":
		return "event", ""
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
