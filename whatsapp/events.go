package whatsapp

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Names of events. Names are for ever.
const (
	EventSessionInfo          = "session_info"
	EventSessionStatus        = "session_status_update"
	EventSessionInitialized   = "session_initialized"
	EventSessionConnected     = "session_connected"
	EventSessionDisconnected  = "session_disconnected"
	EventSessionDegraded      = "session_degraded"
	EventSessionRecovered     = "session_recovered"
	EventSessionError         = "session_error"
	EventQR                   = "qr_code"
	EventNewMessages          = "new_messages"
	EventMessageSent          = "message_sent"
	EventMessageError         = "message_error"
	EventMessageStatus        = "message_status"
	EventMessageReaction      = "message_reaction"
	EventMessageEdited        = "message_edited"
	EventMessageRevoked       = "message_revoked"
	EventPollVote             = "poll_vote"
	EventAnswer               = "event_answer"
	EventMessageStarred       = "message_starred"
	EventMessageDeleted       = "message_deleted"
	EventChatCleared          = "chat_cleared"
	EventChatDeleted          = "chat_deleted"
	EventMessageUndecryptable = "message_undecryptable"
	EventMessageRecovered     = "message_recovered"
	EventChatUpdate           = "chat_update"
	EventContactUpdate        = "contact_update"
	EventIdentityMapped       = "identity_mapped"
)

// EventKind is what the documents say of an event.
type EventKind struct {
	Name  string
	About string // when it comes
	Data  any    // a value of the type of its data
}

// EventKinds lists every event that this version sends.
func EventKinds() []EventKind {
	return []EventKind{
		{EventSessionInitialized, "A session was created.", SessionData{}},
		{EventSessionStatus, "A session is in another state, or in it for another reason.", StatusData{}},
		{EventSessionConnected, "Beside it: now connected.", SessionData{}},
		{EventSessionDisconnected, "Beside it: no longer connected.", SessionData{}},
		{EventSessionDegraded, "Beside it: connected, but WhatsApp or the database does not answer.", SessionData{}},
		{EventSessionRecovered, "Beside it: no longer degraded.", SessionData{}},
		{EventSessionError, "Beside it: somebody should look; detail says what can be done.", ErrorData{}},
		{EventSessionInfo, "The session's phone, lid or pushName are known now, or have changed.", SessionData{}},
		{EventQR, "Another QR code is to be scanned.", convert.QR{}},
		{EventNewMessages, "Messages came, or were written on the phone.", MessagesData{}},
		{EventMessageSent, "WhatsApp's server has a message that was sent here.", MessageData{}},
		{EventMessageError, "A message was not sent.", MessageErrorData{}},
		{EventMessageStatus, "What became of an own message, for each who got it. delivered may be missing before read.", MessageStatusData{}},
		{EventMessageReaction, "Somebody reacted to a message, with another emoji than before, or took it back.", ReactionData{}},
		{EventMessageEdited, "A message was changed by its sender; this is what it is now.", MessageData{}},
		{EventMessageRevoked, "A message was deleted for everyone, by its sender or an admin of the group.", RevokedData{}},
		{EventPollVote, "Somebody voted in a poll, voted anew or took the vote back.", PollVoteData{}},
		{EventAnswer, "Somebody answered a calendar event, or answered anew.", AnswerData{}},
		{EventMessageStarred, "A message was starred, or no longer is.", StarredData{}},
		{EventMessageDeleted, "The account has deleted a message for itself on the phone; it is gone here too.", DeletedData{}},
		{EventChatCleared, "The account has deleted all messages of a chat for itself on the phone; they are gone here too.", ChatClearedData{}},
		{EventChatDeleted, "The same, and the chat itself is gone.", ChatClearedData{}},
		{EventMessageUndecryptable, "A message came that could not be read; it was asked for again.", UndecryptableData{}},
		{EventMessageRecovered, "It came again and could be read; it is in a new_messages too.", MessageData{}},
		{EventChatUpdate, "On the phone a chat was read, archived, pinned or muted, its timer was set, or a group has another subject.", ChatData{}},
		{EventContactUpdate, "Somebody's name is known now, or has changed.", ContactData{}},
		{EventIdentityMapped, "A person is shown under another id, because their number was learned or has changed; their messages are in the one chat.", IdentityData{}},
	}
}

// EventNames lists the names of EventKinds.
func EventNames() (names []string) {
	for _, k := range EventKinds() {
		names = append(names, k.Name)
	}
	return names
}

// SessionData is the data of session_initialized, session_connected, session_disconnected,
// session_info, session_degraded and session_recovered.
type SessionData struct {
	Session convert.Session `json:"session"`
}

// StatusData is the data of session_status_update.
type StatusData struct {
	Session  convert.Session `json:"session"`
	Previous string          `json:"previous" doc:"The state before"`
}

// ErrorData is the data of session_error.
type ErrorData struct {
	Session convert.Session `json:"session"`
	Code    string          `json:"code" doc:"The session's reason"`
	Detail  string          `json:"detail" doc:"What happened and what can be done"`
}

// MessagesData is the data of new_messages.
type MessagesData struct {
	Messages []convert.Message `json:"messages"`
}

// MessageData is the data of message_sent, message_edited and message_recovered.
type MessageData struct {
	Message convert.Message `json:"message"`
}

// MessageErrorData is the data of message_error.
type MessageErrorData struct {
	Message   convert.Message `json:"message"`
	Code      string          `json:"code"`
	Detail    string          `json:"detail"`
	Retryable bool            `json:"retryable"`
}

// MessageStatusData is the data of message_status.
type MessageStatusData struct {
	ChatID    string           `json:"chatId"`
	MessageID string           `json:"messageId"`
	Status    string           `json:"status" enum:"sent,delivered,read,played,failed"`
	By        convert.Address  `json:"by" doc:"Who received or read it; the own account for sent and failed"`
	Timestamp convert.Time     `json:"timestamp"`
	Error     *convert.Failure `json:"error" doc:"Why it failed; else null"`
}

// Acted says which message somebody did something to. Ids are chosen by senders, so that the author
// belongs to it.
type Acted struct {
	ChatID        string           `json:"chatId"`
	MessageID     string           `json:"messageId"`
	MessageFrom   *convert.Address `json:"messageFrom" doc:"Who wrote that message"`
	MessageFromMe bool             `json:"messageFromMe"`
}

// Subject is the message that something was done to.
func (a Acted) Subject() Acted { return a }

// ReactionData is the data of message_reaction.
type ReactionData struct {
	Acted
	From      convert.Address `json:"from" doc:"Who reacted"`
	FromMe    bool            `json:"fromMe"`
	Emoji     *string         `json:"emoji" doc:"null: taken back"`
	Timestamp convert.Time    `json:"timestamp"`
}

// RevokedData is the data of message_revoked.
type RevokedData struct {
	Acted
	By        convert.Address `json:"by" doc:"Its sender, or an admin of the group"`
	ByMe      bool            `json:"byMe"`
	Timestamp convert.Time    `json:"timestamp"`
}

// PollVoteData is the data of poll_vote.
type PollVoteData struct {
	Acted
	By        convert.Address `json:"by"`
	ByMe      bool            `json:"byMe"`
	Options   []string        `json:"options" nullable:"true" doc:"What they chose, all of it; empty: taken back; null: the vote could not be read"`
	Timestamp convert.Time    `json:"timestamp"`
}

// AnswerData is the data of event_answer.
type AnswerData struct {
	Acted
	By        convert.Address `json:"by"`
	ByMe      bool            `json:"byMe"`
	Answer    *string         `json:"answer" doc:"going, maybe or not_going; null: the answer could not be read"`
	Guests    int             `json:"guests" doc:"Whom they bring"`
	Timestamp convert.Time    `json:"timestamp"`
}

// StarredData is the data of message_starred.
type StarredData struct {
	Acted
	Starred   bool         `json:"starred"`
	Timestamp convert.Time `json:"timestamp"`
}

// DeletedData is the data of message_deleted.
type DeletedData struct {
	Acted
	Timestamp convert.Time `json:"timestamp"`
}

// ChatClearedData is the data of chat_cleared and chat_deleted.
type ChatClearedData struct {
	ChatID    string       `json:"chatId"`
	UpTo      convert.Time `json:"upTo" doc:"What is later stays"`
	Timestamp convert.Time `json:"timestamp"`
}

// UndecryptableData is the data of message_undecryptable: a message that came but could not
// be read; it was asked for again.
type UndecryptableData struct {
	ChatID    string          `json:"chatId"`
	MessageID string          `json:"messageId"`
	From      convert.Address `json:"from"`
	Timestamp convert.Time    `json:"timestamp"`
}

// ChatData is the data of chat_update.
type ChatData struct {
	Chat convert.Chat `json:"chat"`
}

// ContactData is the data of contact_update.
type ContactData struct {
	Contact convert.Address `json:"contact"`
}

// IdentityData is the data of identity_mapped: a person is shown under another id from now on.
// The old one goes on working in requests until it is somebody else's.
type IdentityData struct {
	Old     string          `json:"old" doc:"The id under which the person's chat was shown"`
	New     string          `json:"new" doc:"The id under which it is shown now"`
	From    string          `json:"from" doc:"As old"`
	To      string          `json:"to" doc:"As new"`
	Contact convert.Address `json:"contact"`
}

// newEvent makes an event. Its id follows from the session and the cause, so that the same
// happening, tried again after an unsure commit, cannot become two events.
func newEvent(session, name, cause string, at time.Time, data any) store.Event {
	raw, err := json.Marshal(data)
	if err != nil { // all payloads are plain structs of this file
		panic(fmt.Sprintf("whatsapp: payload %T: %v", data, err))
	}
	sum := sha256.Sum256([]byte(session + "\x00" + name + "\x00" + cause))
	id := "evt_" + strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:15]))
	return store.Event{ID: id, SessionID: session, Name: name, Timestamp: at, Data: raw}
}
