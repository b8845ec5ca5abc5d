package deliver

import (
	"encoding/base64"
	"encoding/hex"
	"time"

	"whatsapp-api/whatsapp"
	"whatsapp-api/whatsapp/convert"
)

// A message as Meta's Cloud API sends it. From
// developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages; edit and
// revoke are what it sends to accounts that also run the app.
type (
	cloudMessage struct {
		From      string `json:"from,omitempty"`
		Group     string `json:"group_id,omitempty"`
		ID        string `json:"id,omitempty"`
		Timestamp string `json:"timestamp,omitempty"`
		Type      string `json:"type"`

		Context     *cloudContext       `json:"context,omitempty"`
		Referral    *cloudReferral      `json:"referral,omitempty"`
		Text        *cloudText          `json:"text,omitempty"`
		Image       *cloudMedia         `json:"image,omitempty"`
		Video       *cloudMedia         `json:"video,omitempty"`
		Audio       *cloudMedia         `json:"audio,omitempty"`
		Document    *cloudMedia         `json:"document,omitempty"`
		Sticker     *cloudMedia         `json:"sticker,omitempty"`
		Location    *cloudLocation      `json:"location,omitempty"`
		Contacts    []cloudSharedPerson `json:"contacts,omitempty"`
		Button      *cloudButton        `json:"button,omitempty"`
		Interactive *cloudInteractive   `json:"interactive,omitempty"`
		Order       *cloudOrder         `json:"order,omitempty"`
		Reaction    *cloudReaction      `json:"reaction,omitempty"`
		Edit        *cloudEdit          `json:"edit,omitempty"`
		Revoke      *cloudRevoke        `json:"revoke,omitempty"`
		Errors      []cloudError        `json:"errors,omitempty"`
	}
	cloudContext struct {
		From      string `json:"from,omitempty"`
		ID        string `json:"id,omitempty"`
		Forwarded bool   `json:"forwarded,omitempty"`
		Often     bool   `json:"frequently_forwarded,omitempty"`
	}
	cloudReferral struct {
		URL       string `json:"source_url,omitempty"`
		Type      string `json:"source_type,omitempty"`
		ID        string `json:"source_id,omitempty"`
		Headline  string `json:"headline,omitempty"`
		Body      string `json:"body,omitempty"`
		MediaType string `json:"media_type,omitempty"`
		Image     string `json:"image_url,omitempty"`
		Video     string `json:"video_url,omitempty"`
		Thumbnail string `json:"thumbnail_url,omitempty"`
		ClickID   string `json:"ctwa_clid,omitempty"`
	}
	cloudText struct {
		Body string `json:"body"`
	}
	cloudMedia struct {
		ID       string `json:"id"`
		MimeType string `json:"mime_type"`
		SHA256   string `json:"sha256,omitempty"` // base64
		Caption  string `json:"caption,omitempty"`
		FileName string `json:"filename,omitempty"`
		Voice    bool   `json:"voice,omitempty"`
		Animated bool   `json:"animated,omitempty"`
	}
	cloudLocation struct {
		Latitude  float64 `json:"latitude"`
		Longitude float64 `json:"longitude"`
		Name      string  `json:"name,omitempty"`
		Address   string  `json:"address,omitempty"`
		URL       string  `json:"url,omitempty"`
	}
	cloudSharedPerson struct {
		Name struct {
			Formatted string `json:"formatted_name"`
			First     string `json:"first_name,omitempty"`
		} `json:"name"`
		Phones []cloudPhone `json:"phones,omitempty"`
		Emails []cloudEmail `json:"emails,omitempty"`
		Org    *cloudOrg    `json:"org,omitempty"`
	}
	cloudPhone struct {
		Phone string `json:"phone"`
		Type  string `json:"type,omitempty"`
		ID    string `json:"wa_id,omitempty"`
	}
	cloudEmail struct {
		Email string `json:"email"`
	}
	cloudOrg struct {
		Company string `json:"company"`
	}
	cloudButton struct {
		Payload string `json:"payload"`
		Text    string `json:"text"`
	}
	cloudInteractive struct {
		Type   string       `json:"type"`
		Button *cloudChoice `json:"button_reply,omitempty"`
		List   *cloudChoice `json:"list_reply,omitempty"`
		Form   *cloudForm   `json:"nfm_reply,omitempty"`
	}
	cloudChoice struct {
		ID          string `json:"id"`
		Title       string `json:"title"`
		Description string `json:"description,omitempty"`
	}
	cloudForm struct {
		Name string `json:"name"`
		Body string `json:"body"`
		Data string `json:"response_json"`
	}
	cloudOrder struct {
		CatalogID string           `json:"catalog_id"`
		Text      string           `json:"text"`
		Items     []map[string]any `json:"product_items"` // WhatsApp sends how many, not which
		ID        string           `json:"order_id"`
		Token     string           `json:"token"`
		Count     int              `json:"item_count"`
		Total     int64            `json:"total_amount_1000"`
		Currency  string           `json:"currency"`
	}
	cloudReaction struct {
		MessageID string `json:"message_id"`
		Emoji     string `json:"emoji,omitempty"` // absent: taken back
	}
	cloudEdit struct {
		MessageID string       `json:"original_message_id"`
		Message   cloudMessage `json:"message"`
	}
	cloudRevoke struct {
		MessageID string `json:"original_message_id"`
	}
)

// cloudActed is what somebody did to a message. Its id is the event's.
func cloudActed(o renderContext, a whatsapp.Acted, by convert.Address, at convert.Time, kind string) cloudMessage {
	out := cloudMessage{From: number(by), ID: o.event.ID, Timestamp: seconds(time.Time(at)), Type: kind}
	if isGroup(a.ChatID) {
		out.Group = a.ChatID
	}
	return out
}

func cloudEdited(o renderContext, m convert.Message) cloudMessage {
	out := cloudActed(o, whatsapp.Acted{ChatID: m.ChatID}, m.From, edited(m), "edit")
	now := cloudMessageOf(m)
	now.From, now.Group, now.ID, now.Timestamp = "", "", "", ""
	out.Edit = &cloudEdit{MessageID: m.ID, Message: now}
	return out
}

func cloudMessageOf(m convert.Message) cloudMessage {
	out := cloudMessage{From: number(m.From), ID: m.ID, Timestamp: seconds(time.Time(m.Timestamp)), Type: m.Type, Context: cloudContextOf(m), Referral: cloudReferralOf(m.Referral)}
	if isGroup(m.ChatID) {
		out.Group = m.ChatID
	}
	file := cloudMediaOf(m)
	switch m.Type {
	case convert.TypeText:
		out.Text = &cloudText{textOf(m.Text)}
	case convert.TypeImage:
		out.Image = file
	case convert.TypeVideo, convert.TypeGIF, convert.TypePTV:
		out.Type, out.Video = "video", file
	case convert.TypeAudio, convert.TypeVoice:
		file.Voice = m.Type == convert.TypeVoice
		out.Type, out.Audio = "audio", file
	case convert.TypeDocument:
		out.Document = file
	case convert.TypeSticker:
		out.Sticker = file
	default:
		out.structured(m)
	}
	return out
}

// structured fills in what is neither text nor file. What Meta has nothing for is unsupported there.
func (out *cloudMessage) structured(m convert.Message) {
	switch {
	case m.Location != nil && (m.Type == convert.TypeLocation || m.Type == convert.TypeLiveLocation):
		l := m.Location
		out.Type, out.Location = "location", &cloudLocation{l.Latitude, l.Longitude, textOf(l.Name), textOf(l.Address), textOf(l.URL)}
	case len(m.Contacts) > 0:
		out.Type = "contacts"
		for _, c := range m.Contacts {
			out.Contacts = append(out.Contacts, cloudPersonOf(c))
		}
	case m.Order != nil:
		o := m.Order
		out.Type, out.Order = "order", &cloudOrder{textOf(o.CatalogID), textOf(o.Text), []map[string]any{}, textOf(o.ID), textOf(o.Token), o.Items, o.Total1000, textOf(o.Currency)}
	case m.Interactive != nil && m.Interactive.Selected != nil:
		out.tap(*m.Interactive.Selected)
	case m.Interactive != nil: // from another business account, which Meta does not have; what it says is text
		out.Type, out.Text = "text", &cloudText{textOf(m.Text)}
	default:
		out.Type, out.Errors = "unsupported", []cloudError{{131051, "Message type unknown", "Message type is currently not supported."}}
	}
}

func (out *cloudMessage) tap(s convert.Selected) {
	choice := &cloudChoice{textOf(s.ID), textOf(s.Text), textOf(s.Description)}
	switch textOf(s.Kind) {
	case "template":
		out.Type, out.Button = "button", &cloudButton{textOf(s.ID), textOf(s.Text)}
	case "list":
		out.Type, out.Interactive = "interactive", &cloudInteractive{Type: "list_reply", List: choice}
	case "flow":
		out.Type, out.Interactive = "interactive", &cloudInteractive{Type: "nfm_reply", Form: &cloudForm{"flow", textOf(s.Text), textOf(s.Data)}}
	default:
		choice.Description = ""
		out.Type, out.Interactive = "interactive", &cloudInteractive{Type: "button_reply", Button: choice}
	}
}

func cloudContextOf(m convert.Message) *cloudContext {
	if m.Quoted == nil && m.Forwarded == nil {
		return nil
	}
	out := &cloudContext{}
	if f := m.Forwarded; f != nil {
		out.Forwarded, out.Often = !f.Often, f.Often
	}
	if q := m.Quoted; q != nil {
		out.ID = q.ID
		if q.From != nil {
			out.From = number(*q.From)
		}
	}
	return out
}

// cloudReferralOf tells of an advertisement; other ways in are not told there.
func cloudReferralOf(r *convert.Referral) *cloudReferral {
	if r == nil || r.Type == "entry_point" {
		return nil
	}
	out := &cloudReferral{
		URL: textOf(r.URL), Type: r.Type, ID: textOf(r.ID), Headline: textOf(r.Title), Body: textOf(r.Body), MediaType: textOf(r.MediaType),
		Thumbnail: textOf(r.ThumbnailURL), ClickID: textOf(r.ClickID),
	}
	if out.MediaType == convert.TypeVideo {
		out.Video = textOf(r.MediaURL)
	} else {
		out.Image = textOf(r.MediaURL)
	}
	return out
}

func cloudMediaOf(m convert.Message) *cloudMedia {
	file := &cloudMedia{ID: m.ID, Caption: textOf(m.Text)}
	if f := m.Media; f != nil {
		file.MimeType, file.FileName, file.Animated = textOf(f.MimeType), textOf(f.FileName), f.Animated && m.Type == convert.TypeSticker
		if sum, err := hex.DecodeString(textOf(f.SHA256)); err == nil {
			file.SHA256 = base64.StdEncoding.EncodeToString(sum)
		}
	}
	return file
}

func cloudPersonOf(c convert.ContactCard) cloudSharedPerson {
	var out cloudSharedPerson
	out.Name.Formatted, out.Name.First = textOf(c.Name), textOf(c.Name)
	for _, p := range c.Phones {
		out.Phones = append(out.Phones, cloudPhone{p.Number, textOf(p.Label), user(textOf(p.ID))})
	}
	for _, e := range c.Emails {
		out.Emails = append(out.Emails, cloudEmail{e})
	}
	if c.Organization != nil {
		out.Org = &cloudOrg{*c.Organization}
	}
	return out
}
