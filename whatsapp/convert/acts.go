package convert

import (
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"

	"whatsapp-api/store"
)

// Kinds of Act.
const (
	ActReaction  = "reaction"
	ActEdit      = "edit"
	ActRevoke    = "revoke"
	ActVote      = "vote"
	ActAddOption = "poll_option"
	ActAnswer    = "answer"  // to a calendar event
	ActComment   = "comment" // once opened it is a message that answers its target
	ActPin       = "pin"
	ActKeep      = "keep"
	ActTimer     = "timer" // of the chat, without a target
	ActMove      = "move"  // of a live location, without a target: the one that its sender runs in the chat
	ActMedia     = "media" // a better copy of the target's file
	ActCancel    = "cancel"
	ActStar      = "star"   // by the account itself; it comes as app state
	ActDelete    = "delete" // by the account for itself alone; it comes as app state
)

// pinned is how long a message is pinned whose sender did not say, in seconds: what phones offer first.
const pinned = 7 * 24 * 60 * 60

// Target names the message that an act is about, as the actor's client wrote it.
type Target struct {
	ID          string // as it came; CleanID makes of it the id under which the message is kept
	Chat        string // JID
	FromMe      bool   // it is the actor's own
	Participant string // JID of its author, in a group
}

// Act is what somebody did to a message or a chat. What it does not need is empty.
type Act struct {
	Kind     string
	Target   Target
	At       int64           // Unix milliseconds by the actor's clock; 0: only the stanza says
	Emoji    string          // ActReaction; empty: taken back
	On       bool            // ActPin, ActKeep, ActStar
	Seconds  int             // ActTimer (0: off), ActPin
	Hashes   [][]byte        // ActVote: of the options; none: taken back
	Answer   string          // ActAnswer: one of the store's
	Guests   int             // ActAnswer
	Message  *waE2E.Message  // ActEdit, ActComment, ActMedia: what to Read; nil of an edit: it said nothing
	Media    *store.Media    // ActMedia
	Location *store.Location // ActMove
	Option   *store.PollOption
	Sealed   *Sealed // nil: all is readable
}

func targetOf(k *waCommon.MessageKey) Target {
	return Target{ID: k.GetID(), Chat: k.GetRemoteJID(), FromMe: k.GetFromMe(), Participant: k.GetParticipant()}
}

// acts makes r an act on what key names. An act without a target is nothing.
func (r *Reading) acts(key *waCommon.MessageKey, a Act) {
	if key.GetID() == "" {
		r.Class = ClassTechnical
		return
	}
	a.Target = targetOf(key)
	r.Class, r.Act = ClassAct, &a
}

func readReaction(m *waE2E.Message, r *Reading) {
	x := m.GetReactionMessage()
	r.acts(x.GetKey(), Act{Kind: ActReaction, Emoji: x.GetText(), At: Millis(x.GetSenderTimestampMS())})
}

func readSealedReaction(m *waE2E.Message, r *Reading) {
	x := m.GetEncReactionMessage()
	r.acts(x.GetTargetMessageKey(), Act{Kind: ActReaction, Sealed: sealed(x, useReaction)})
}

func readSealedComment(m *waE2E.Message, r *Reading) {
	x := m.GetEncCommentMessage()
	r.acts(x.GetTargetMessageKey(), Act{Kind: ActComment, Sealed: sealed(x, useComment)})
}

func readVote(m *waE2E.Message, r *Reading) {
	x := m.GetPollUpdateMessage()
	r.acts(x.GetPollCreationMessageKey(), Act{Kind: ActVote, At: Millis(x.GetSenderTimestampMS()), Sealed: sealed(x.GetVote(), useVote)})
}

func readAddOption(m *waE2E.Message, r *Reading) {
	x := m.GetPollAddOptionMessage()
	option := optionOf(x.GetAddOption().GetOptionName())
	r.acts(x.GetPollCreationMessageKey(), Act{Kind: ActAddOption, Option: &option})
}

func readSealedAnswer(m *waE2E.Message, r *Reading) {
	x := m.GetEncEventResponseMessage()
	r.acts(x.GetEventCreationMessageKey(), Act{Kind: ActAnswer, Sealed: sealed(x, useAnswer)})
}

// readSealedEdit reads what is sealed with the secret of the message that it changes. A kind that is
// not known changes nothing that could be seen.
func readSealedEdit(m *waE2E.Message, r *Reading) {
	x := m.GetSecretEncryptedMessage()
	a := Act{Kind: ActEdit}
	switch x.GetSecretEncType() {
	case waE2E.SecretEncryptedMessage_MESSAGE_EDIT:
		a.Sealed = sealed(x, useMessageEdit)
	case waE2E.SecretEncryptedMessage_EVENT_EDIT:
		a.Sealed = sealed(x, useEventEdit)
	case waE2E.SecretEncryptedMessage_POLL_EDIT:
		a.Sealed = sealed(x, usePollEdit)
	case waE2E.SecretEncryptedMessage_POLL_ADD_OPTION:
		a.Kind, a.Sealed = ActAddOption, sealed(x, useAddOption, usePollEdit)
	default:
		r.Class = ClassHidden
		return
	}
	r.acts(x.GetTargetMessageKey(), a)
}

func readPin(m *waE2E.Message, r *Reading) {
	x := m.GetPinInChatMessage()
	a := Act{Kind: ActPin, On: x.GetType() == waE2E.PinInChatMessage_PIN_FOR_ALL, At: Millis(x.GetSenderTimestampMS())}
	if !a.On && x.GetType() != waE2E.PinInChatMessage_UNPIN_FOR_ALL {
		r.Class = ClassHidden
		return
	}
	r.acts(x.GetKey(), a)
}

// pinSeconds is how long a pin holds. It stands beside the message, not in it.
func pinSeconds(info *waE2E.MessageContextInfo) int {
	if s := count(info.GetMessageAddOnDurationInSecs()); s > 0 {
		return s
	}
	return pinned
}

func readKeep(m *waE2E.Message, r *Reading) {
	x := m.GetKeepInChatMessage()
	r.acts(x.GetKey(), Act{Kind: ActKeep, On: x.GetKeepType() == waE2E.KeepType_KEEP_FOR_ALL, At: Millis(x.GetTimestampMS())})
}

func readCallEdit(m *waE2E.Message, r *Reading) {
	x := m.GetScheduledCallEditMessage()
	if x.GetEditType() != waE2E.ScheduledCallEditMessage_CANCEL {
		r.Class = ClassHidden
		return
	}
	r.acts(x.GetKey(), Act{Kind: ActCancel})
}
