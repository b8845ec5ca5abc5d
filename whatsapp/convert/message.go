package convert

// Message is one message of a chat.
type Message struct {
	ID            string           `json:"id" doc:"WhatsApp's message id"`
	SessionID     string           `json:"sessionId"`
	ChatID        string           `json:"chatId"`
	From          Address          `json:"from"`
	FromMe        bool             `json:"fromMe"`
	Source        *string          `json:"source" doc:"Who made a message of the account itself: api, phone, device (another linked one) or history; else null"`
	Type          string           `json:"type" doc:"text, image, video, gif, ptv, audio, voice, document, sticker, location, live_location, contact, poll, event, order, product, group_invite, interactive, call, system, unavailable (this device cannot show it) or unknown"`
	Text          *string          `json:"text" doc:"What a person reads: text, caption, question, body, or the label of a button that was tapped"`
	Quoted        *Quoted          `json:"quoted" doc:"The message that this one answers"`
	Mentions      []Address        `json:"mentions"`
	MentionsAll   bool             `json:"mentionsAll" doc:"It mentions everybody in the group"`
	GroupMentions []GroupMention   `json:"groupMentions"`
	Media         *Media           `json:"media" doc:"Its file"`
	Location      *Location        `json:"location"`
	Contacts      []ContactCard    `json:"contacts" doc:"The contacts that were sent"`
	Poll          *Poll            `json:"poll"`
	CalendarEvent *CalendarEvent   `json:"calendarEvent"`
	Interactive   *Interactive     `json:"interactive" doc:"Buttons, lists and forms of business accounts, and taps on them"`
	Order         *Order           `json:"order"`
	Product       *Product         `json:"product"`
	GroupInvite   *GroupInvite     `json:"groupInvite"`
	Call          *Call            `json:"call"`
	Referral      *Referral        `json:"referral" doc:"The advertisement or the other way in by which the chat was begun"`
	Links         []LinkPreview    `json:"links" doc:"Previews of links that came or went with the text"`
	Album         *Album           `json:"album"`
	System        *System          `json:"system" doc:"Of type system: what happened"`
	Forwarded     *Forwarded       `json:"forwarded" doc:"null: it was not forwarded"`
	ViewOnce      bool             `json:"viewOnce"`
	Broadcast     bool             `json:"broadcast" doc:"It came by a broadcast list of its sender"`
	Ephemeral     *Ephemeral       `json:"ephemeral" doc:"It disappears; null: it does not"`
	Reactions     []Reaction       `json:"reactions"`
	Starred       bool             `json:"starred"`
	PinnedUntil   *Time            `json:"pinnedUntil"`
	Receipts      []MessageReceipt `json:"receipts" nullable:"true" doc:"Who got, read or played it; null where messages are listed"`
	Status        string           `json:"status" enum:"received,queued,sent,delivered,read,played,failed"`
	Error         *Failure         `json:"error"`
	Timestamp     Time             `json:"timestamp" doc:"WhatsApp's time of the message"`
	StoredAt      Time             `json:"storedAt" doc:"When this server kept it"`
	EditedAt      *Time            `json:"editedAt" doc:"When its sender last changed it"`
	RevokedAt     *Time            `json:"revokedAt" doc:"When it was deleted for everyone"`
}

// Quoted is the message that a message answers.
type Quoted struct {
	ID     string   `json:"id"`
	ChatID string   `json:"chatId" doc:"Another chat than the message's own for answers to a status and private replies"`
	From   *Address `json:"from"`
	Type   string   `json:"type"`
	Text   *string  `json:"text"`
}

// Media describes the file of a message.
type Media struct {
	ID        *string     `json:"id" doc:"By which the file is fetched; null until it is kept here"`
	State     *string     `json:"state" doc:"pending, ready, failed or expired; null: not asked for"`
	MimeType  *string     `json:"mimeType"`
	FileName  *string     `json:"fileName"`
	Size      *int64      `json:"size" doc:"Bytes, as the sender says"`
	SHA256    *string     `json:"sha256" doc:"Hexadecimal"`
	Width     *int        `json:"width"`
	Height    *int        `json:"height"`
	Seconds   *int        `json:"seconds" doc:"Length of audio and video"`
	Pages     *int        `json:"pages" doc:"Of a document"`
	Animated  bool        `json:"animated"`
	Waveform  *string     `json:"waveform" doc:"Loudness of a voice message in 64 steps, 0 to 100, in base64"`
	Thumbnail *string     `json:"thumbnail" doc:"A small picture as data URL, at most 8 KB"`
	URL       *string     `json:"url" doc:"Path of the file; it works with the caller's token"`
	Error     *MediaError `json:"error"`
}

// MediaError says why a file is not here.
type MediaError struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Failure says why a message was not sent.
type Failure struct {
	Code      string `json:"code"`
	Detail    string `json:"detail"`
	Retryable bool   `json:"retryable"`
}

// Reaction is one person's reaction.
type Reaction struct {
	Emoji     string  `json:"emoji"`
	From      Address `json:"from"`
	Timestamp Time    `json:"timestamp"`
}

// MessageReceipt says that a message reached one person.
type MessageReceipt struct {
	By     Address `json:"by"`
	Status string  `json:"status" enum:"delivered,read,played"`
	At     Time    `json:"at"`
}

// LinkPreview is the preview of a link in the text.
type LinkPreview struct {
	URL         string  `json:"url"`
	Title       *string `json:"title"`
	Description *string `json:"description"`
	Image       *string `json:"image" doc:"Data URL"`
}

// Album says to which album a picture or a video belongs.
type Album struct {
	ID    *string `json:"id" doc:"The same for all of one album"`
	Index int     `json:"index"`
	Total *int    `json:"total"`
}

// GroupMention is a group that the text mentions.
type GroupMention struct {
	ID   string  `json:"id" doc:"Chat id of the group"`
	Name *string `json:"name"`
}

// Forwarded marks a message that was passed on.
type Forwarded struct {
	Often bool `json:"often" doc:"Forwarded many times"`
}

// Ephemeral says how long a message is shown.
type Ephemeral struct {
	Seconds   int   `json:"seconds"`
	ExpiresAt *Time `json:"expiresAt"`
}

// System says what happened where nobody wrote.
type System struct {
	Kind     string    `json:"kind" doc:"timer_changed, number_changed; of groups group_created, group_deleted, joined, added, left, removed, promoted, demoted, subject_changed, description_changed, picture_changed, picture_removed, announcement_on, announcement_off, locked, unlocked, approval_on, approval_off, invite_link_changed, suspended, unsuspended, linked, unlinked; and phone_number_requested, phone_number_shared, status_mention, sharing_limited, payment_declined, payment_cancelled, payment_updated"`
	By       *Address  `json:"by" doc:"Who did it; null: nobody is named"`
	People   []Address `json:"people" doc:"To whom it happened: who came, left, became an admin, has another number"`
	Text     *string   `json:"text" doc:"The new subject or description"`
	Seconds  *int      `json:"seconds" doc:"Of timer_changed: after how long messages disappear; 0: never"`
	Previous *string   `json:"previous" doc:"Of number_changed: the number before, +34…"`
}
