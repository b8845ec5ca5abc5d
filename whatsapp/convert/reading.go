package convert

import (
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/reflect/protoreflect"

	"whatsapp-api/store"
)

// Class says what becomes of something that came as a message.
type Class int

// Classes, the one that tells most first: of a message that holds several things it counts.
const (
	ClassMessage   Class = iota // a person reads it: it is kept, listed and told
	ClassAct                    // it changes another message
	ClassHidden                 // a part of something else, such as the marker of an album: nothing to read in itself
	ClassTechnical              // between programs: keys, synchronisation, placeholders
)

// Types of message. Names are for ever.
const (
	TypeText         = "text"
	TypeImage        = "image"
	TypeVideo        = "video"
	TypeGIF          = "gif"
	TypePTV          = "ptv" // a round video note
	TypeAudio        = "audio"
	TypeVoice        = "voice"
	TypeDocument     = "document"
	TypeSticker      = "sticker"
	TypeLocation     = "location"
	TypeLiveLocation = "live_location"
	TypeContact      = "contact"
	TypePoll         = "poll"
	TypeEvent        = "event"
	TypeOrder        = "order"
	TypeProduct      = "product"
	TypeGroupInvite  = "group_invite"
	TypeInteractive  = "interactive"
	TypeCall         = "call"
	TypeSystem       = "system"      // a line that nobody wrote; never unread
	TypeUnavailable  = "unavailable" // it holds the place of a message that this device cannot show
	TypeUnknown      = "unknown"     // kept raw until it is understood
)

// Kinds of system message that are made of what people send.
const (
	SystemNumberRequested  = "phone_number_requested"
	SystemNumberShared     = "phone_number_shared"
	SystemStatusMention    = "status_mention"
	SystemSharingLimited   = "sharing_limited"
	SystemPaymentDeclined  = "payment_declined"
	SystemPaymentCancelled = "payment_cancelled"
	SystemPaymentUpdated   = "payment_updated"
)

// Kinds of system message that are made of what WhatsApp tells.
const (
	SystemTimerChanged       = "timer_changed"
	SystemNumberChanged      = "number_changed"
	SystemCreated            = "group_created"
	SystemDeleted            = "group_deleted"
	SystemJoined             = "joined" // by themselves, as by a link
	SystemAdded              = "added"
	SystemLeft               = "left"
	SystemRemoved            = "removed"
	SystemPromoted           = "promoted" // to admins
	SystemDemoted            = "demoted"
	SystemSubjectChanged     = "subject_changed"
	SystemDescriptionChanged = "description_changed"
	SystemPictureChanged     = "picture_changed"
	SystemPictureRemoved     = "picture_removed"
	SystemAnnouncementOn     = "announcement_on" // only admins write
	SystemAnnouncementOff    = "announcement_off"
	SystemLocked             = "locked" // only admins change what the group is called
	SystemUnlocked           = "unlocked"
	SystemApprovalOn         = "approval_on" // admins let people in
	SystemApprovalOff        = "approval_off"
	SystemInviteChanged      = "invite_link_changed"
	SystemSuspended          = "suspended" // by WhatsApp
	SystemUnsuspended        = "unsuspended"
	SystemLinked             = "linked" // with a community
	SystemUnlinked           = "unlinked"
)

// Reading is what a WhatsApp message was understood to be. Texts are clean and bounded; JIDs are as
// they were in the message.
type Reading struct {
	Class       Class
	Type        string         // of ClassMessage
	Text        string         // what a person reads
	Media       *store.Media   // nil: it has no file
	Content     *store.Content // nil: nothing beyond text and file
	Context     *waE2E.ContextInfo
	Act         *Act // of ClassAct; beside a live location it says what it is if one runs already
	Flags       Flags
	Destination string // chat of a message of ours that came from another of our devices, a JID; else empty
	Secret      []byte // with which answers to the message are sealed; see Keys

	note *waE2E.Message // a message within, whose words are this one's
}

// maxNotes bounds how many messages within messages are read.
const maxNotes = 3

// kind says what a field of waE2E.Message is. read fills in the reading and may change its class.
type kind struct {
	class Class
	read  func(*waE2E.Message, *Reading)
}

// Read understands a message, wrapped or not, as it came from or goes to WhatsApp. It never fails:
// what nobody knows and could be seen has TypeUnknown, and so has no message at all, as of a quote
// that lacks what it quotes.
func Read(m *waE2E.Message) Reading { return read(m, maxNotes) }

func read(m *waE2E.Message, notes int) Reading {
	inner, w := unwrap(m)
	r := Reading{Flags: w.flags, Destination: w.destination, Secret: w.info.GetMessageSecret(), Content: &store.Content{}}
	name, k := judge(inner)
	r.Class = k.class
	if k.class == ClassMessage {
		r.Type = TypeUnknown
	}
	r.Context = contextOf(inner, name)
	if k.read != nil {
		k.read(inner, &r)
	}
	if inner != nil && name == "" && r.Class == ClassTechnical && r.Flags.any(FlagViewOnce) {
		r.Class, r.Type = ClassMessage, TypeUnavailable // its content is for the phone alone
	}
	if r.note != nil && notes > 0 {
		r.takeNote(read(r.note, notes-1))
	}
	if r.Type == typeComment { // what is within cannot be seen
		r.Type = TypeUnknown
	}
	readContext(&r)
	associate(&r, inner, w.info)
	if r.Act != nil && r.Act.Kind == ActPin && r.Act.On {
		r.Act.Seconds = pinSeconds(w.info)
	}
	return bounded(r)
}

// takeNote takes over the words of a message within. A payment's are a note beside it; a comment is
// wholly what is within.
func (r *Reading) takeNote(note Reading) {
	r.note = nil
	if note.Class != ClassMessage || note.Content != nil && note.Content.ViewOnce {
		return
	}
	r.Text = firstOf(note.Text, r.Text)
	if r.Type != typeComment {
		if r.Context == nil {
			r.Context = note.Context
		}
		return
	}
	r.Type, r.Media = note.Type, note.Media
	if note.Content != nil {
		r.Content = note.Content
	}
	if r.Context != nil && note.Context != nil {
		r.Context.MentionedJID = note.Context.GetMentionedJID()
	}
}

// judge finds the field that says what a message is. Its name is empty when there is none.
func judge(m *waE2E.Message) (protoreflect.Name, kind) {
	if m == nil {
		return "", kind{class: ClassMessage}
	}
	best, found := protoreflect.FieldDescriptor(nil), kind{class: ClassTechnical}
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		k, known := kinds[f.Name()]
		if _, wraps := wrappers[f.Name()]; wraps && !known { // an empty one, or one too many
			k.class = ClassTechnical
			if unwrapped(m, f) != nil || unknownInside(m, f) {
				k.class = ClassMessage
			}
		}
		if best == nil || k.class < found.class || k.class == found.class && f.Number() < best.Number() {
			best, found = f, k
		}
		return true
	})
	if len(m.ProtoReflect().GetUnknown()) > 0 && found.class == ClassTechnical { // newer than this program
		return "", kind{class: ClassMessage}
	}
	if best == nil || found.read == nil && found.class == ClassTechnical {
		return "", found
	}
	return best.Name(), found
}

// kinds judges every field of waE2E.Message that is no wrapper. A field that is not here is visible
// and unknown; a test sees to it that there is none.
var kinds = map[protoreflect.Name]kind{
	"conversation":                {ClassMessage, readConversation},
	"extendedTextMessage":         {ClassMessage, readExtendedText},
	"commentMessage":              {ClassMessage, readComment},
	"questionResponseMessage":     {ClassMessage, readQuestionResponse},
	"statusQuestionAnswerMessage": {ClassMessage, readStatusAnswer},
	"statusQuotedMessage":         {ClassMessage, readStatusQuoted},
	"richResponseMessage":         {ClassMessage, readRichResponse},

	"imageMessage":       {ClassMessage, readImage},
	"videoMessage":       {ClassMessage, readVideo},
	"ptvMessage":         {ClassMessage, readPTV},
	"audioMessage":       {ClassMessage, readAudio},
	"documentMessage":    {ClassMessage, readDocument},
	"stickerMessage":     {ClassMessage, readSticker},
	"stickerPackMessage": {ClassMessage, readStickerPack},
	"musicMessage":       {ClassMessage, readMusic},
	"albumMessage":       {ClassHidden, readAlbum},

	"locationMessage":                   {ClassMessage, readLocation},
	"liveLocationMessage":               {ClassMessage, readLiveLocation},
	"contactMessage":                    {ClassMessage, readContact},
	"contactsArrayMessage":              {ClassMessage, readContacts},
	"groupInviteMessage":                {ClassMessage, readGroupInvite},
	"newsletterAdminInviteMessage":      {ClassMessage, readChannelAdminInvite},
	"newsletterFollowerInviteMessageV2": {ClassMessage, readChannelInvite},

	"pollCreationMessage":          {ClassMessage, readPoll},
	"pollCreationMessageV2":        {ClassMessage, readPoll},
	"pollCreationMessageV3":        {ClassMessage, readPoll},
	"pollCreationMessageV5":        {ClassMessage, readPoll},
	"pollCreationMessageV6":        {ClassMessage, readPoll},
	"pollResultSnapshotMessage":    {ClassMessage, readPollResults},
	"pollResultSnapshotMessageV3":  {ClassMessage, readPollResults},
	"eventMessage":                 {ClassMessage, readEvent},
	"eventInviteMessage":           {ClassMessage, readEventInvite},
	"scheduledCallCreationMessage": {ClassMessage, readPlannedCall},
	"callLogMesssage":              {ClassMessage, readCallLog},
	"bcallMessage":                 {ClassMessage, readBroadcastCall},

	"buttonsMessage":             {ClassMessage, readButtons},
	"buttonsResponseMessage":     {ClassMessage, readButtonsResponse},
	"listMessage":                {ClassMessage, readList},
	"listResponseMessage":        {ClassMessage, readListResponse},
	"templateMessage":            {ClassMessage, readTemplate},
	"templateButtonReplyMessage": {ClassMessage, readTemplateReply},
	"highlyStructuredMessage":    {ClassMessage, readStructured},
	"interactiveMessage":         {ClassMessage, readInteractive},
	"interactiveResponseMessage": {ClassMessage, readInteractiveResponse},

	"orderMessage":                 {ClassMessage, readOrder},
	"productMessage":               {ClassMessage, readProduct},
	"invoiceMessage":               {ClassMessage, readPayment},
	"sendPaymentMessage":           {ClassMessage, readPayment},
	"requestPaymentMessage":        {ClassMessage, readPayment},
	"paymentInviteMessage":         {ClassMessage, readPayment},
	"paymentReminderMessage":       {ClassMessage, readPayment},
	"splitPaymentMessage":          {ClassMessage, readPayment},
	"declinePaymentRequestMessage": {ClassMessage, system(SystemPaymentDeclined)},
	"cancelPaymentRequestMessage":  {ClassMessage, system(SystemPaymentCancelled)},
	"splitPaymentUpdateMessage":    {ClassMessage, system(SystemPaymentUpdated)},
	"requestPhoneNumberMessage":    {ClassMessage, system(SystemNumberRequested)},
	"conditionalRevealMessage":     {ClassMessage, readUnavailable},

	"protocolMessage":          {ClassTechnical, readProtocol},
	"reactionMessage":          {ClassAct, readReaction},
	"encReactionMessage":       {ClassAct, readSealedReaction},
	"encCommentMessage":        {ClassAct, readSealedComment},
	"pollUpdateMessage":        {ClassAct, readVote},
	"pollAddOptionMessage":     {ClassAct, readAddOption},
	"encEventResponseMessage":  {ClassAct, readSealedAnswer},
	"secretEncryptedMessage":   {ClassAct, readSealedEdit},
	"pinInChatMessage":         {ClassAct, readPin},
	"keepInChatMessage":        {ClassAct, readKeep},
	"scheduledCallEditMessage": {ClassAct, readCallEdit},

	"statusNotificationMessage":       {ClassHidden, nil}, // shown with one's own status
	"statusStickerInteractionMessage": {ClassHidden, nil},

	"senderKeyDistributionMessage":               {ClassTechnical, nil},
	"fastRatchetKeySenderKeyDistributionMessage": {ClassTechnical, nil},
	"messageContextInfo":                         {ClassTechnical, nil},
	"call":                                       {ClassTechnical, nil}, // the key of a call; what rings is a stanza of its own
	"chat":                                       {ClassTechnical, nil},
	"placeholderMessage":                         {ClassTechnical, nil}, // the phone alone gets the message
	"stickerSyncRmrMessage":                      {ClassTechnical, nil},
	"messageHistoryBundle":                       {ClassTechnical, nil},
	"messageHistoryNotice":                       {ClassTechnical, nil},
	"groupRootKeyShare":                          {ClassTechnical, nil},
	"rootSecretDistributeMessage":                {ClassTechnical, nil},
	"statusLinkPreviewMetadata":                  {ClassTechnical, nil},
}

func system(name string) func(*waE2E.Message, *Reading) {
	return func(_ *waE2E.Message, r *Reading) { r.toSystem(name) }
}

func (r *Reading) toSystem(name string) {
	r.Class, r.Type, r.Content.System = ClassMessage, TypeSystem, &store.System{Kind: name}
}

func readUnavailable(_ *waE2E.Message, r *Reading) { r.Type = TypeUnavailable }
