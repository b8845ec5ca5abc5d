package convert

// Location is a place.
type Location struct {
	Latitude       float64  `json:"latitude"`
	Longitude      float64  `json:"longitude"`
	Name           *string  `json:"name"`
	Address        *string  `json:"address"`
	URL            *string  `json:"url"`
	Live           bool     `json:"live" doc:"It is shared as it moves; this is its newest position"`
	AccuracyMeters *int     `json:"accuracyMeters"`
	Speed          *float64 `json:"speed" doc:"Meters a second"`
	UpdatedAt      *Time    `json:"updatedAt"`
	ExpiresAt      *Time    `json:"expiresAt"`
}

// ContactCard is one contact that was sent.
type ContactCard struct {
	Name         *string        `json:"name"`
	Organization *string        `json:"organization"`
	Phones       []ContactPhone `json:"phones"`
	Emails       []string       `json:"emails"`
	VCard        *string        `json:"vcard" doc:"As it came"`
}

// ContactPhone is one number of a contact.
type ContactPhone struct {
	Number string  `json:"number" doc:"As it is written on the card"`
	Label  *string `json:"label"`
	ID     *string `json:"id" doc:"Chat id, when the card names a WhatsApp account"`
}

// Poll is a question with answers to choose from, and the votes so far.
type Poll struct {
	Question      string       `json:"question"`
	Options       []PollOption `json:"options"`
	MaxSelections int          `json:"maxSelections" doc:"0: any number"`
	ClosesAt      *Time        `json:"closesAt"`
	MyVotes       []string     `json:"myVotes" doc:"The options that the account chose"`
	Quiz          bool         `json:"quiz"`
	Correct       *string      `json:"correct" doc:"The right option of a quiz, when it was sent"`
	Results       bool         `json:"results" doc:"These are results that were sent on; nobody can vote"`
}

// PollOption is one answer of a poll.
type PollOption struct {
	Text   string    `json:"text"`
	Votes  int       `json:"votes"`
	Voters []Address `json:"voters"`
}

// CalendarEvent is an invitation to be somewhere at a time.
type CalendarEvent struct {
	Name        string       `json:"name"`
	Description *string      `json:"description"`
	StartsAt    *Time        `json:"startsAt"`
	EndsAt      *Time        `json:"endsAt"`
	Location    *Location    `json:"location"`
	JoinLink    *string      `json:"joinLink"`
	Cancelled   bool         `json:"cancelled"`
	Answers     EventAnswers `json:"answers"`
}

// EventAnswers are the answers to a calendar event.
type EventAnswers struct {
	Going    []Address `json:"going"`
	Maybe    []Address `json:"maybe"`
	NotGoing []Address `json:"notGoing"`
}

// Interactive is a message with something to tap on, or the tap.
type Interactive struct {
	Kind     string               `json:"kind" enum:"buttons,list,template,flow,reply" doc:"reply: a tap on one of the others"`
	Title    *string              `json:"title"`
	Body     *string              `json:"body"`
	Footer   *string              `json:"footer"`
	Buttons  []InteractiveButton  `json:"buttons"`
	Sections []InteractiveSection `json:"sections"`
	Cards    []InteractiveCard    `json:"cards"`
	Selected *Selected            `json:"selected" doc:"What was tapped on"`
}

// InteractiveButton is one button of a message.
type InteractiveButton struct {
	ID       *string `json:"id"`
	Text     *string `json:"text"`
	Kind     string  `json:"kind" doc:"reply, url, call, copy, list, flow, or WhatsApp's own name"`
	URL      *string `json:"url"`
	Phone    *string `json:"phone"`
	CopyCode *string `json:"copyCode"`
}

// InteractiveSection is a part of a list.
type InteractiveSection struct {
	Title *string          `json:"title"`
	Rows  []InteractiveRow `json:"rows"`
}

// InteractiveRow is one choice of a list.
type InteractiveRow struct {
	ID          *string `json:"id"`
	Text        *string `json:"text"`
	Description *string `json:"description"`
}

// InteractiveCard is one card of a carousel.
type InteractiveCard struct {
	Title   *string             `json:"title"`
	Body    *string             `json:"body"`
	Footer  *string             `json:"footer"`
	Buttons []InteractiveButton `json:"buttons"`
}

// Selected is what was tapped on.
type Selected struct {
	ID          *string `json:"id"`
	Text        *string `json:"text"`
	Description *string `json:"description"`
	Kind        *string `json:"kind" doc:"Kind of the message that it answers: buttons, list, template or flow"`
	Data        *string `json:"data" doc:"What was filled in or came with the tap, as JSON"`
}

// Order is a cart that was sent to a shop.
type Order struct {
	ID        *string  `json:"id"`
	Token     *string  `json:"token" doc:"With it the shop can ask for the items"`
	Title     *string  `json:"title"`
	Text      *string  `json:"text"`
	Items     int      `json:"items" doc:"How many"`
	Status    *string  `json:"status" doc:"inquiry, accepted or declined"`
	Seller    *Address `json:"seller"`
	Total1000 int64    `json:"total1000" doc:"Thousandths of the currency"`
	Currency  *string  `json:"currency"`
	CatalogID *string  `json:"catalogId" doc:"Kind of catalog, as sent"`
}

// Product is a product or a catalog that was sent.
type Product struct {
	ID            *string  `json:"id"`
	RetailerID    *string  `json:"retailerId"`
	Title         *string  `json:"title"`
	Description   *string  `json:"description"`
	URL           *string  `json:"url"`
	Price1000     *int64   `json:"price1000" doc:"Thousandths of the currency"`
	SalePrice1000 *int64   `json:"salePrice1000"`
	Currency      *string  `json:"currency"`
	Images        int      `json:"images" doc:"How many"`
	Catalog       *string  `json:"catalog" doc:"Title of the catalog"`
	Owner         *Address `json:"owner"`
	Body          *string  `json:"body"`
	Footer        *string  `json:"footer"`
}

// GroupInvite invites to a group, a community or a channel.
type GroupInvite struct {
	ID        string  `json:"id" doc:"Chat id of the group"`
	Kind      string  `json:"kind" enum:"group,community,channel"`
	Name      *string `json:"name"`
	Code      *string `json:"code"`
	ExpiresAt *Time   `json:"expiresAt"`
}

// Call is a call that was made or planned.
type Call struct {
	Video     bool           `json:"video"`
	Outcome   *string        `json:"outcome" doc:"connected, missed, failed, rejected, accepted_elsewhere, ongoing or silenced; null: it is planned"`
	Seconds   *int           `json:"seconds"`
	Title     *string        `json:"title"`
	StartsAt  *Time          `json:"startsAt" doc:"Of a planned call"`
	Cancelled bool           `json:"cancelled"`
	People    []CalledPerson `json:"people"`
}

// CalledPerson is one who was called.
type CalledPerson struct {
	Person  Address `json:"person"`
	Outcome *string `json:"outcome"`
}

// Referral tells from where a chat was begun.
type Referral struct {
	Source         *string `json:"source"`
	Type           string  `json:"type" doc:"ad, post … or entry_point"`
	ID             *string `json:"id" doc:"Of the advertisement"`
	URL            *string `json:"url"`
	Title          *string `json:"title"`
	Body           *string `json:"body"`
	MediaType      *string `json:"mediaType" doc:"image or video"`
	MediaURL       *string `json:"mediaUrl"`
	ThumbnailURL   *string `json:"thumbnailUrl"`
	Thumbnail      *string `json:"thumbnail" doc:"Data URL"`
	ClickID        *string `json:"clid" doc:"Id of the click"`
	Ref            *string `json:"ref"`
	App            *string `json:"app"`
	UTMSource      *string `json:"utmSource"`
	UTMCampaign    *string `json:"utmCampaign"`
	Signals        *string `json:"signals"`
	Payload        *string `json:"payload" doc:"base64"`
	ConversionData *string `json:"conversionData" doc:"base64; what only the advertiser understands"`
}
