package store

// Content is what a message is made of beyond its text and its file. Both back ends keep it as one
// JSON value, so the names in the tags are for ever. Times are Unix milliseconds, 0 when unknown.
// A person or a chat stands in it as a JID; People visits those that are people.
type Content struct {
	Location      *Location      `json:"location,omitempty"`
	Contacts      []Card         `json:"contacts,omitempty"`
	Poll          *Poll          `json:"poll,omitempty"`
	CalendarEvent *CalendarEvent `json:"calendarEvent,omitempty"`
	Interactive   *Interactive   `json:"interactive,omitempty"`
	Order         *Order         `json:"order,omitempty"`
	Product       *Product       `json:"product,omitempty"`
	GroupInvite   *GroupInvite   `json:"groupInvite,omitempty"`
	Call          *Call          `json:"call,omitempty"`
	Referral      *Referral      `json:"referral,omitempty"`
	Links         []Link         `json:"links,omitempty"`
	Album         *Album         `json:"album,omitempty"`
	System        *System        `json:"system,omitempty"`
	MentionsAll   bool           `json:"mentionsAll,omitempty"`
	GroupMentions []GroupMention `json:"groupMentions,omitempty"`
	Forwarded     *Forwarded     `json:"forwarded,omitempty"`
	Ephemeral     *Ephemeral     `json:"ephemeral,omitempty"`
	ViewOnce      bool           `json:"viewOnce,omitempty"`
	Broadcast     bool           `json:"broadcast,omitempty"`  // it came by a broadcast list of its sender
	QuotedChat    string         `json:"quotedChat,omitempty"` // chat of the quoted message, where it is another one
	Source        string         `json:"source,omitempty"`     // who made a message of ours: one of the Source constants
}

// Who made a message of the account itself.
const (
	SourceAPI     = "api"
	SourcePhone   = "phone"
	SourceDevice  = "device" // another linked device
	SourceHistory = "history"
)

// Location is a place. The zero coordinates are a place like any other.
type Location struct {
	Latitude       float64 `json:"latitude"`
	Longitude      float64 `json:"longitude"`
	Name           string  `json:"name,omitempty"`
	Address        string  `json:"address,omitempty"`
	URL            string  `json:"url,omitempty"`
	Live           bool    `json:"live,omitempty"`
	AccuracyMeters int     `json:"accuracyMeters,omitempty"`
	Speed          float64 `json:"speed,omitempty"`    // meters a second
	Sequence       int64   `json:"sequence,omitempty"` // rises with each position of a live location
	UpdatedAt      int64   `json:"updatedAt,omitempty"`
	ExpiresAt      int64   `json:"expiresAt,omitempty"` // of a live location
}

// Card is one contact that was sent.
type Card struct {
	Name         string      `json:"name,omitempty"`
	Organization string      `json:"organization,omitempty"`
	Phones       []CardPhone `json:"phones,omitempty"`
	Emails       []string    `json:"emails,omitempty"`
	VCard        string      `json:"vcard,omitempty"` // as it came
}

// CardPhone is one number of a Card.
type CardPhone struct {
	Number string `json:"number"` // as it is written on the card
	Label  string `json:"label,omitempty"`
	ID     string `json:"id,omitempty"` // JID of the WhatsApp account, when the card says that it is one
}

// Poll is a question with answers to choose from.
type Poll struct {
	Question      string       `json:"question,omitempty"`
	Options       []PollOption `json:"options,omitempty"`
	MaxSelections int          `json:"maxSelections,omitempty"` // 0: any
	ClosesAt      int64        `json:"closesAt,omitempty"`
	Quiz          bool         `json:"quiz,omitempty"`
	Correct       string       `json:"correct,omitempty"` // of a quiz: the right option
	Results       bool         `json:"results,omitempty"` // results that were sent on: nobody can vote on it
}

// PollOption is one answer of a Poll.
type PollOption struct {
	Text  string `json:"text"`
	Hash  []byte `json:"hash,omitempty"`  // by which votes name it, where that is not the SHA-256 of Text
	Votes int    `json:"votes,omitempty"` // as counted by whoever sent the results
}

// CalendarEvent is an invitation to be somewhere at a time.
type CalendarEvent struct {
	ID          string    `json:"id,omitempty"` // of an event that is elsewhere
	Name        string    `json:"name,omitempty"`
	Description string    `json:"description,omitempty"`
	StartsAt    int64     `json:"startsAt,omitempty"`
	EndsAt      int64     `json:"endsAt,omitempty"`
	Location    *Location `json:"location,omitempty"`
	JoinLink    string    `json:"joinLink,omitempty"`
	Call        bool      `json:"call,omitempty"` // it is a call that was scheduled
	Guests      bool      `json:"guests,omitempty"`
	Cancelled   bool      `json:"cancelled,omitempty"`
}

// Kinds of Interactive.
const (
	InteractiveButtons  = "buttons"
	InteractiveList     = "list"
	InteractiveTemplate = "template"
	InteractiveFlow     = "flow"
	InteractiveReply    = "reply" // a tap on one of the others
)

// Interactive is a message with something to tap on, or the tap.
type Interactive struct {
	Kind     string    `json:"kind"`
	Title    string    `json:"title,omitempty"`
	Body     string    `json:"body,omitempty"`
	Footer   string    `json:"footer,omitempty"`
	Buttons  []Button  `json:"buttons,omitempty"`
	Sections []Section `json:"sections,omitempty"`
	Cards    []Slide   `json:"cards,omitempty"`
	Selected *Selected `json:"selected,omitempty"`
}

// Kinds of Button. A kind that is none of these is WhatsApp's own name for it.
const (
	ButtonReply = "reply"
	ButtonURL   = "url"
	ButtonCall  = "call"
	ButtonCopy  = "copy"
	ButtonList  = "list" // opens the sections
	ButtonFlow  = "flow"
)

// Button is one button of a message.
type Button struct {
	ID       string `json:"id,omitempty"`
	Text     string `json:"text,omitempty"`
	Kind     string `json:"kind"`
	URL      string `json:"url,omitempty"`
	Phone    string `json:"phone,omitempty"`
	CopyCode string `json:"copyCode,omitempty"`
}

// Section is a part of a list.
type Section struct {
	Title string `json:"title,omitempty"`
	Rows  []Row  `json:"rows,omitempty"`
}

// Row is one choice of a list.
type Row struct {
	ID          string `json:"id,omitempty"`
	Text        string `json:"text,omitempty"`
	Description string `json:"description,omitempty"`
}

// Slide is one card of a carousel.
type Slide struct {
	Title   string   `json:"title,omitempty"`
	Body    string   `json:"body,omitempty"`
	Footer  string   `json:"footer,omitempty"`
	Buttons []Button `json:"buttons,omitempty"`
}

// Selected is what was tapped on.
type Selected struct {
	ID          string `json:"id,omitempty"`
	Text        string `json:"text,omitempty"`
	Description string `json:"description,omitempty"`
	Kind        string `json:"kind,omitempty"` // of the Interactive that it answers, as far as the tap tells
	Data        string `json:"data,omitempty"` // JSON: what was filled in
}

// Order is a cart that was sent to a shop.
type Order struct {
	ID        string `json:"id,omitempty"`
	Token     string `json:"token,omitempty"` // with it the shop can ask for the items
	Title     string `json:"title,omitempty"`
	Text      string `json:"text,omitempty"`
	Items     int    `json:"items,omitempty"`
	Status    string `json:"status,omitempty"` // inquiry, accepted or declined
	Seller    string `json:"seller,omitempty"`
	Total1000 int64  `json:"total1000,omitempty"` // thousandths of Currency
	Currency  string `json:"currency,omitempty"`
	CatalogID string `json:"catalogId,omitempty"` // kind of catalog as sent
}

// Product is a product or a catalog that was sent.
type Product struct {
	ID            string `json:"id,omitempty"`
	RetailerID    string `json:"retailerId,omitempty"`
	Title         string `json:"title,omitempty"`
	Description   string `json:"description,omitempty"`
	URL           string `json:"url,omitempty"`
	Price1000     int64  `json:"price1000,omitempty"` // thousandths of Currency
	SalePrice1000 int64  `json:"salePrice1000,omitempty"`
	Currency      string `json:"currency,omitempty"`
	Images        int    `json:"images,omitempty"`
	Catalog       string `json:"catalog,omitempty"` // its title
	Owner         string `json:"owner,omitempty"`
	Body          string `json:"body,omitempty"`
	Footer        string `json:"footer,omitempty"`
}

// GroupInvite invites to a group, a community or a channel.
type GroupInvite struct {
	Group     string `json:"group,omitempty"` // JID
	Kind      string `json:"kind,omitempty"`  // group, community or channel
	Name      string `json:"name,omitempty"`
	Code      string `json:"code,omitempty"`
	ExpiresAt int64  `json:"expiresAt,omitempty"`
}

// Call is a call that was made or planned.
type Call struct {
	Video    bool         `json:"video,omitempty"`
	Outcome  string       `json:"outcome,omitempty"` // connected, missed, rejected …
	Seconds  int          `json:"seconds,omitempty"`
	Title    string       `json:"title,omitempty"`
	StartsAt int64        `json:"startsAt,omitempty"` // of a planned call
	People   []CallPerson `json:"people,omitempty"`
}

// CallPerson is one who was called.
type CallPerson struct {
	Person  string `json:"person"`
	Outcome string `json:"outcome,omitempty"`
}

// Referral tells from where a chat was begun: an advertisement or another way in.
type Referral struct {
	Source         string `json:"source,omitempty"`
	Type           string `json:"type,omitempty"` // ad, post … or entry_point
	ID             string `json:"id,omitempty"`
	URL            string `json:"url,omitempty"`
	Title          string `json:"title,omitempty"`
	Body           string `json:"body,omitempty"`
	MediaType      string `json:"mediaType,omitempty"` // image or video
	MediaURL       string `json:"mediaUrl,omitempty"`
	ThumbnailURL   string `json:"thumbnailUrl,omitempty"`
	Thumbnail      []byte `json:"thumbnail,omitempty"`
	ClickID        string `json:"clid,omitempty"`
	Ref            string `json:"ref,omitempty"`
	App            string `json:"app,omitempty"`
	UTMSource      string `json:"utmSource,omitempty"`
	UTMCampaign    string `json:"utmCampaign,omitempty"`
	Signals        string `json:"signals,omitempty"`
	Payload        []byte `json:"payload,omitempty"`
	ConversionData []byte `json:"conversionData,omitempty"`
}

// Link is the preview of a link in the text.
type Link struct {
	URL         string `json:"url"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Image       []byte `json:"image,omitempty"`
}

// Album says to which album a picture or a video belongs.
type Album struct {
	ID    string `json:"id,omitempty"` // message id of its marker
	Index int    `json:"index,omitempty"`
	Total int    `json:"total,omitempty"` // 0: not known
}

// GroupMention is a group that the text mentions.
type GroupMention struct {
	Group string `json:"group"` // JID
	Name  string `json:"name,omitempty"`
}

// Forwarded marks a message that was passed on.
type Forwarded struct {
	Often bool `json:"often,omitempty"`
}

// Ephemeral says how long a message is shown.
type Ephemeral struct {
	Seconds int `json:"seconds"`
}

// System is a line that nobody wrote, such as that somebody joined.
type System struct {
	Kind     string   `json:"kind"`
	By       string   `json:"by,omitempty"`
	People   []string `json:"people,omitempty"`
	Text     string   `json:"text,omitempty"`
	Seconds  *int     `json:"seconds,omitempty"`  // of a timer that was set
	Previous string   `json:"previous,omitempty"` // number that a person had before
}

// Empty says whether c says nothing.
func (c *Content) Empty() bool { return c == nil || empty(*c) }

// People calls fn for every field of c that names a person and is not empty, and for QuotedChat, which
// may be any kind of chat. fn may change it.
func (c *Content) People(fn func(*string)) {
	if c == nil {
		return
	}
	visit := visitor(fn)
	visit(&c.QuotedChat)
	for i := range c.Contacts {
		for j := range c.Contacts[i].Phones {
			visit(&c.Contacts[i].Phones[j].ID)
		}
	}
	if c.Order != nil {
		visit(&c.Order.Seller)
	}
	if c.Product != nil {
		visit(&c.Product.Owner)
	}
	if c.Call != nil {
		for i := range c.Call.People {
			visit(&c.Call.People[i].Person)
		}
	}
	if c.System != nil {
		visit(&c.System.By)
		for i := range c.System.People {
			visit(&c.System.People[i])
		}
	}
}

func visitor(fn func(*string)) func(*string) {
	return func(s *string) {
		if *s != "" {
			fn(s)
		}
	}
}
