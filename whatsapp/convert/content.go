package convert

import (
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/reflect/protoreflect"

	"whatsapp-api/store"
)

// Types of message that are more than their protobuf field's name.
const (
	TypeText     = "text"
	TypeUnknown  = "unknown" // kept raw until it is understood
	TypeEdit     = "edit"
	TypeRevoke   = "revoke"
	TypeReaction = "reaction"
)

// acting are the types of message that act on another one and are nothing to read themselves.
var acting = map[string]bool{
	TypeEdit: true, TypeRevoke: true, TypeReaction: true, "pin": true, "keep": true, "poll_vote": true, "ephemeral_setting": true,
}

// Acts says whether a message of this type acts on another one, as a reaction or an edit does, and
// is nothing to read itself.
func Acts(kind string) bool { return acting[kind] }

// Content is what a WhatsApp message holds, as far as it is understood. JIDs are as they
// were in the message.
type Content struct {
	Type     string
	Text     string
	Media    *store.Media
	Context  *waE2E.ContextInfo // what it answers and whom it mentions; may be nil
	Internal bool               // it is between the account's own devices, or only carries keys: no message
}

// ContentOf reads an unwrapped message. It never fails: what is not understood has
// TypeUnknown. Texts are cleaned, Context is as it came.
func ContentOf(m *waE2E.Message) Content {
	c := contentOf(m)
	c.Text = CleanText(c.Text)
	if c.Media != nil {
		c.Media.MimeType, c.Media.FileName = cleanLine(c.Media.MimeType), cleanLine(c.Media.FileName)
	}
	return c
}

func contentOf(m *waE2E.Message) Content {
	if m == nil { // an edit or a quote may lack what it is about
		return Content{Type: TypeUnknown}
	}
	for _, read := range []func(*waE2E.Message) (Content, bool){
		readText, readPicture, readSound, readFile, readPlace, readCard, readPoll, readAction, readProtocol, readInteractive,
	} { // the first that knows the message wins
		if c, ok := read(m); ok {
			return c
		}
	}
	if onlyCarriesKeys(m) {
		return Content{Internal: true}
	}
	return Content{Type: TypeUnknown}
}

func readText(m *waE2E.Message) (Content, bool) {
	if x := m.GetExtendedTextMessage(); x != nil {
		return Content{Type: TypeText, Text: x.GetText(), Context: x.GetContextInfo()}, true
	}
	if m.Conversation != nil {
		return Content{Type: TypeText, Text: m.GetConversation()}, true
	}
	return Content{}, false
}

func readPicture(m *waE2E.Message) (Content, bool) {
	if x := m.GetImageMessage(); x != nil {
		f := store.Media{MimeType: x.GetMimetype(), Size: size(x.GetFileLength()), Width: int(x.GetWidth()), Height: int(x.GetHeight())}
		return Content{Type: "image", Text: x.GetCaption(), Media: &f, Context: x.GetContextInfo()}, true
	}
	if x := m.GetStickerMessage(); x != nil {
		f := store.Media{MimeType: x.GetMimetype(), Size: size(x.GetFileLength()), Width: int(x.GetWidth()), Height: int(x.GetHeight())}
		return Content{Type: "sticker", Media: &f, Context: x.GetContextInfo()}, true
	}
	x, kind := m.GetVideoMessage(), "video"
	if x == nil {
		x, kind = m.GetPtvMessage(), "ptv"
	} else if x.GetGifPlayback() {
		kind = "gif"
	}
	if x == nil {
		return Content{}, false
	}
	f := store.Media{MimeType: x.GetMimetype(), Size: size(x.GetFileLength()), Seconds: int(x.GetSeconds()), Width: int(x.GetWidth()), Height: int(x.GetHeight())}
	return Content{Type: kind, Text: x.GetCaption(), Media: &f, Context: x.GetContextInfo()}, true
}

func readSound(m *waE2E.Message) (Content, bool) {
	x := m.GetAudioMessage()
	if x == nil {
		return Content{}, false
	}
	kind := "audio"
	if x.GetPTT() {
		kind = "voice"
	}
	f := store.Media{MimeType: x.GetMimetype(), Size: size(x.GetFileLength()), Seconds: int(x.GetSeconds())}
	return Content{Type: kind, Media: &f, Context: x.GetContextInfo()}, true
}

func readFile(m *waE2E.Message) (Content, bool) {
	x := m.GetDocumentMessage()
	if x == nil {
		return Content{}, false
	}
	f := store.Media{MimeType: x.GetMimetype(), FileName: x.GetFileName(), Size: size(x.GetFileLength())}
	return Content{Type: "document", Text: x.GetCaption(), Media: &f, Context: x.GetContextInfo()}, true
}

func readPlace(m *waE2E.Message) (Content, bool) {
	if x := m.GetLocationMessage(); x != nil {
		return Content{Type: "location", Text: firstOf(x.GetName(), x.GetComment(), x.GetAddress()), Context: x.GetContextInfo()}, true
	}
	if x := m.GetLiveLocationMessage(); x != nil {
		return Content{Type: "live_location", Text: x.GetCaption(), Context: x.GetContextInfo()}, true
	}
	return Content{}, false
}

func readCard(m *waE2E.Message) (Content, bool) {
	if x := m.GetContactMessage(); x != nil {
		return Content{Type: "contact", Text: x.GetDisplayName(), Context: x.GetContextInfo()}, true
	}
	if x := m.GetContactsArrayMessage(); x != nil {
		return Content{Type: "contact", Text: x.GetDisplayName(), Context: x.GetContextInfo()}, true
	}
	if x := m.GetGroupInviteMessage(); x != nil {
		return Content{Type: "group_invite", Text: firstOf(x.GetCaption(), x.GetGroupName()), Context: x.GetContextInfo()}, true
	}
	if x := m.GetEventMessage(); x != nil {
		return Content{Type: "event", Text: x.GetName(), Context: x.GetContextInfo()}, true
	}
	return Content{}, false
}

func readPoll(m *waE2E.Message) (Content, bool) {
	for _, x := range []*waE2E.PollCreationMessage{
		m.GetPollCreationMessage(), m.GetPollCreationMessageV2(), m.GetPollCreationMessageV3(), m.GetPollCreationMessageV5(), m.GetPollCreationMessageV6(),
	} {
		if x != nil {
			return Content{Type: "poll", Text: x.GetName(), Context: x.GetContextInfo()}, true
		}
	}
	if m.GetPollUpdateMessage() != nil {
		return Content{Type: "poll_vote"}, true
	}
	return Content{}, false
}

func readAction(m *waE2E.Message) (Content, bool) {
	switch {
	case m.GetReactionMessage() != nil:
		return Content{Type: TypeReaction, Text: m.GetReactionMessage().GetText()}, true
	case m.GetEncReactionMessage() != nil:
		return Content{Type: TypeReaction}, true
	case m.GetPinInChatMessage() != nil:
		return Content{Type: "pin"}, true
	case m.GetKeepInChatMessage() != nil:
		return Content{Type: "keep"}, true
	}
	return Content{}, false
}

// readProtocol knows the messages by which clients steer each other. Edits and revokes
// belong to the chat; the rest is between the account's own devices.
func readProtocol(m *waE2E.Message) (Content, bool) {
	p := m.GetProtocolMessage()
	if p == nil {
		return Content{}, false
	}
	switch p.GetType() {
	case waE2E.ProtocolMessage_REVOKE:
		if p.GetKey() != nil {
			return Content{Type: TypeRevoke}, true
		}
	case waE2E.ProtocolMessage_MESSAGE_EDIT:
		c := contentOf(p.GetEditedMessage())
		return Content{Type: TypeEdit, Text: c.Text, Context: c.Context}, true
	case waE2E.ProtocolMessage_EPHEMERAL_SETTING:
		return Content{Type: "ephemeral_setting"}, true
	}
	return Content{Internal: true}, true
}

func readInteractive(m *waE2E.Message) (Content, bool) {
	switch {
	case m.GetButtonsMessage() != nil:
		return Content{Type: "buttons", Text: m.GetButtonsMessage().GetContentText(), Context: m.GetButtonsMessage().GetContextInfo()}, true
	case m.GetButtonsResponseMessage() != nil:
		return Content{Type: "buttons_response", Text: m.GetButtonsResponseMessage().GetSelectedDisplayText(), Context: m.GetButtonsResponseMessage().GetContextInfo()}, true
	case m.GetListMessage() != nil:
		return Content{Type: "list", Text: firstOf(m.GetListMessage().GetDescription(), m.GetListMessage().GetTitle()), Context: m.GetListMessage().GetContextInfo()}, true
	case m.GetListResponseMessage() != nil:
		return Content{Type: "list_response", Text: m.GetListResponseMessage().GetTitle(), Context: m.GetListResponseMessage().GetContextInfo()}, true
	case m.GetTemplateButtonReplyMessage() != nil:
		return Content{Type: "buttons_response", Text: m.GetTemplateButtonReplyMessage().GetSelectedDisplayText(), Context: m.GetTemplateButtonReplyMessage().GetContextInfo()}, true
	}
	return Content{}, false
}

// onlyCarriesKeys says whether there is nothing in m but Signal keys and context.
func onlyCarriesKeys(m *waE2E.Message) bool {
	rest := 0
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		switch f.Name() {
		case "senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage", "messageContextInfo":
		default:
			rest++
		}
		return true
	})
	return rest == 0
}

func size(n uint64) int64 {
	if n > 1<<62 { // the sender's word, not ours
		return 0
	}
	return int64(n)
}

func firstOf(all ...string) string {
	for _, s := range all {
		if strings.TrimSpace(s) != "" {
			return s
		}
	}
	return ""
}
