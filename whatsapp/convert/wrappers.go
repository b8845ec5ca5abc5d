package convert

import (
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Flags are what the wrappers around a message say of it.
type Flags uint32

// What wrappers say.
const (
	FlagDeviceSent Flags = 1 << iota // written by the account itself, on another device
	FlagEphemeral
	FlagViewOnce
	FlagViewOnceV2
	FlagViewOnceV2Extension
	FlagDocumentWithCaption
	FlagEdited
	FlagLottie
	FlagGroupMentioned
	FlagChild // it belongs to another message, as a picture to its album
	FlagBot
	FlagStatusMention
	FlagGroupStatus
	FlagEventCover
	FlagPollOptionImage
	FlagSharingLimited
	FlagQuestion
	FlagChannelAdmin
	FlagSpoiler
)

// Has says whether all of these are set.
func (f Flags) Has(all Flags) bool { return f&all == all }

func (f Flags) any(some Flags) bool { return f&some != 0 }

// wrappers are the fields of waE2E.Message that hold another message. The message inside is what was
// written, however many there are around it and in whatever order.
var wrappers = map[protoreflect.Name]Flags{
	"deviceSentMessage":                     FlagDeviceSent,
	"ephemeralMessage":                      FlagEphemeral,
	"viewOnceMessage":                       FlagViewOnce,
	"viewOnceMessageV2":                     FlagViewOnce | FlagViewOnceV2,
	"viewOnceMessageV2Extension":            FlagViewOnce | FlagViewOnceV2 | FlagViewOnceV2Extension,
	"documentWithCaptionMessage":            FlagDocumentWithCaption,
	"editedMessage":                         FlagEdited,
	"lottieStickerMessage":                  FlagLottie,
	"groupMentionedMessage":                 FlagGroupMentioned,
	"associatedChildMessage":                FlagChild,
	"botInvokeMessage":                      FlagBot,
	"botTaskMessage":                        FlagBot,
	"botForwardedMessage":                   FlagBot,
	"botPlatformRegistrationSuccessMessage": FlagBot,
	"statusMentionMessage":                  FlagStatusMention,
	"groupStatusMentionMessage":             FlagStatusMention,
	"statusAddYours":                        0,
	"groupStatusMessage":                    FlagGroupStatus,
	"groupStatusMessageV2":                  FlagGroupStatus,
	"eventCoverImage":                       FlagEventCover,
	"pollCreationOptionImageMessage":        FlagPollOptionImage,
	"pollCreationMessageV4":                 0,
	"limitSharingMessage":                   FlagSharingLimited,
	"questionMessage":                       FlagQuestion,
	"questionReplyMessage":                  FlagQuestion,
	"newsletterAdminProfileMessage":         FlagChannelAdmin,
	"newsletterAdminProfileStatusMessage":   FlagChannelAdmin,
	"spoilerMessage":                        FlagSpoiler,
}

// maxWrappers bounds how many wrappers are taken off. WhatsApp's own clients use three at most.
const maxWrappers = 16

// wrapping is what was around a message.
type wrapping struct {
	flags       Flags
	destination string
	info        *waE2E.MessageContextInfo // of the innermost level that has one, with what only others have
}

// unwrap takes off all wrappers.
func unwrap(m *waE2E.Message) (*waE2E.Message, wrapping) {
	w := wrapping{}
	for range maxWrappers {
		w.learn(m.GetMessageContextInfo())
		next, flags := within(m)
		w.flags |= flags
		if d := m.GetDeviceSentMessage(); next != nil && d != nil && next == d.GetMessage() {
			w.destination = d.GetDestinationJID()
		}
		if next == nil {
			break
		}
		m = next
	}
	return m, w
}

// learn takes over what an inner level says.
func (w *wrapping) learn(info *waE2E.MessageContextInfo) {
	if info == nil {
		return
	}
	both := &waE2E.MessageContextInfo{
		MessageSecret: info.MessageSecret, MessageAddOnDurationInSecs: info.MessageAddOnDurationInSecs, MessageAssociation: info.MessageAssociation,
	}
	if both.MessageSecret == nil {
		both.MessageSecret = w.info.GetMessageSecret()
	}
	if both.MessageAddOnDurationInSecs == nil && w.info != nil {
		both.MessageAddOnDurationInSecs = w.info.MessageAddOnDurationInSecs
	}
	if both.MessageAssociation == nil {
		both.MessageAssociation = w.info.GetMessageAssociation()
	}
	w.info = both
}

// within is the message inside the first wrapper of m, nil when there is none, and what all
// wrappers at this level say.
func within(m *waE2E.Message) (inner *waE2E.Message, flags Flags) {
	first := protoreflect.FieldNumber(0)
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		flag, known := wrappers[f.Name()]
		if !known {
			return true
		}
		flags |= flag
		if next := unwrapped(m, f); next != nil && (inner == nil || f.Number() < first) {
			inner, first = next, f.Number()
		}
		return true
	})
	return inner, flags
}

// unwrapped is the message inside a wrapper, nil when it is empty.
func unwrapped(m *waE2E.Message, f protoreflect.FieldDescriptor) *waE2E.Message {
	if holder, ok := m.ProtoReflect().Get(f).Message().Interface().(interface{ GetMessage() *waE2E.Message }); ok {
		return holder.GetMessage()
	}
	return nil
}

// unknownInside says whether a wrapper holds what this program does not know.
func unknownInside(m *waE2E.Message, f protoreflect.FieldDescriptor) bool {
	return len(m.ProtoReflect().Get(f).Message().GetUnknown()) > 0
}

// Unwrap is the content of a message as it can be sent again or quoted: a copy without wrappers,
// keys and secrets, and without the quote and the timer that belong to where it was sent. It is nil when
// there is nothing to show: for a message that is to be seen once, that acts on another, or that is
// gone.
func Unwrap(m *waE2E.Message) *waE2E.Message {
	r := Read(m)
	if m == nil || r.Class != ClassMessage || r.Type == TypeSystem || r.Type == TypeUnavailable || r.Content != nil && r.Content.ViewOnce {
		return nil
	}
	inner, _ := unwrap(m)
	out := proto.Clone(inner).(*waE2E.Message)
	out.MessageContextInfo = nil
	out.SenderKeyDistributionMessage, out.FastRatchetKeySenderKeyDistributionMessage = nil, nil
	name, _ := judge(out)
	if c := contextOf(out, name); c != nil {
		c.StanzaID, c.Participant, c.QuotedMessage, c.RemoteJID = nil, nil, nil, nil
		c.Expiration, c.EphemeralSettingTimestamp, c.EphemeralSharedSecret, c.DisappearingMode = nil, nil, nil, nil
	}
	return out
}
