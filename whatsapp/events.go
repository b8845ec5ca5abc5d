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
	EventMessageUndecryptable = "message_undecryptable"
	EventMessageRecovered     = "message_recovered"
	EventChatUpdate           = "chat_update"
	EventContactUpdate        = "contact_update"
	EventIdentityMapped       = "identity_mapped"
)

// EventNames lists every event that this version sends, for filters and documents.
func EventNames() []string {
	return []string{
		EventSessionInfo, EventSessionStatus, EventSessionInitialized, EventSessionConnected, EventSessionDisconnected,
		EventSessionDegraded, EventSessionRecovered, EventSessionError, EventQR, EventNewMessages, EventMessageSent,
		EventMessageError, EventMessageStatus, EventMessageUndecryptable, EventMessageRecovered, EventChatUpdate,
		EventContactUpdate, EventIdentityMapped,
	}
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
	Code    string          `json:"code"`
	Detail  string          `json:"detail"`
}

// MessagesData is the data of new_messages.
type MessagesData struct {
	Messages []convert.Message `json:"messages"`
}

// MessageData is the data of message_sent and message_recovered.
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
	ChatID    string          `json:"chatId"`
	MessageID string          `json:"messageId"`
	Status    string          `json:"status" enum:"sent,delivered,read,played,failed"`
	By        convert.Address `json:"by" doc:"Who received or read it; the own account for sent and failed"`
	Timestamp convert.Time    `json:"timestamp"`
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

// IdentityData is the data of identity_mapped: two ids were found to be one person, whose
// chats are one from now on.
type IdentityData struct {
	From    string          `json:"from" doc:"The chat id that is no more"`
	To      string          `json:"to" doc:"The chat id that holds everything now"`
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
