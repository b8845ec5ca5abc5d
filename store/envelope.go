package store

// Envelope is what the stanza said of a message: all that is needed to answer, quote, forward,
// edit or fetch it in the way WhatsApp knows it, and that cannot be learned later. JIDs are as
// they came.
type Envelope struct {
	Chat       string `json:"chat,omitempty" bson:"chat,omitempty"`             // attribute "from" or "to"
	Sender     string `json:"sender,omitempty" bson:"sender,omitempty"`         // with its device
	Alt        string `json:"alt,omitempty" bson:"alt,omitempty"`               // the sender's other identity
	ChatAlt    string `json:"chatAlt,omitempty" bson:"chatAlt,omitempty"`       // the recipient's other identity, of what the account's own devices sent
	Addressing string `json:"addressing,omitempty" bson:"addressing,omitempty"` // "pn" or "lid"; empty: not said
	ServerID   int    `json:"serverId,omitempty" bson:"serverId,omitempty"`     // of a message in a channel
	Category   string `json:"category,omitempty" bson:"category,omitempty"`
	Edit       string `json:"edit,omitempty" bson:"edit,omitempty"` // attribute "edit"
	MetaType   string `json:"metaType,omitempty" bson:"metaType,omitempty"`
	MediaType  string `json:"mediaType,omitempty" bson:"mediaType,omitempty"`

	// ThreadID and ThreadSender name the message to which WhatsApp attaches this one (a comment, a bot's answer).
	ThreadID     string `json:"threadId,omitempty" bson:"threadId,omitempty"`
	ThreadSender string `json:"threadSender,omitempty" bson:"threadSender,omitempty"`
	// Broadcast is the list through which it came, when it came through one.
	Broadcast string `json:"broadcast,omitempty" bson:"broadcast,omitempty"`

	Wrapped   uint32 `json:"wrapped,omitempty" bson:"wrapped,omitempty"`   // what the content came in; the bits are convert.Flags
	Timer     int    `json:"timer,omitempty" bson:"timer,omitempty"`       // seconds after which it disappears
	TimerSet  int64  `json:"timerSet,omitempty" bson:"timerSet,omitempty"` // when the chat's timer was set; Unix seconds
	Retry     int    `json:"retry,omitempty" bson:"retry,omitempty"`       // how often it was sent before it could be read
	Said      int64  `json:"said,omitempty" bson:"said,omitempty"`         // the stanza's time, where it cannot be; Unix seconds. The message's Timestamp is when it came
	Requested string `json:"requested,omitempty" bson:"requested,omitempty"`
}
