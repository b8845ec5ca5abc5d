package deliver

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"whatsapp-api/whatsapp/convert"
)

// fields is a message's content in the JSON of WhatsApp's protobuf, with the names that Baileys uses.
type fields map[string]any

// some leaves out what is not known, which protobuf does not write either.
func some(f fields) fields {
	for k, v := range f {
		switch v := v.(type) {
		case nil:
			delete(f, k)
		case *string:
			if delete(f, k); v != nil {
				f[k] = *v
			}
		case *int:
			if delete(f, k); v != nil {
				f[k] = *v
			}
		case *int64:
			if delete(f, k); v != nil {
				f[k] = *v
			}
		case *convert.Time:
			if delete(f, k); v != nil {
				f[k] = time.Time(*v).Unix()
			}
		case string:
			if v == "" {
				delete(f, k)
			}
		case bool:
			if !v {
				delete(f, k)
			}
		case fields:
			if len(v) == 0 {
				delete(f, k)
			}
		}
	}
	return f
}

// mediaFields names the kinds of message with a file, and the field that holds them.
var mediaFields = map[string]string{
	"image": "imageMessage", "video": "videoMessage", "gif": "videoMessage", "ptv": "ptvMessage", "audio": "audioMessage", "voice": "audioMessage",
	"document": "documentMessage", "sticker": "stickerMessage",
}

// baileysContent is a message as Baileys shows it: the name of its kind, and the content under that name.
func baileysContent(m convert.Message) (string, fields) {
	if field, ok := mediaFields[m.Type]; ok {
		return field, fields{field: baileysMedia(m.Type, textOf(m.Text), m.Media)}
	}
	kind, content := baileysPart(m)
	if content != nil {
		return kind, fields{kind: content}
	}
	if m.Text == nil && m.Type != convert.TypeText {
		return "unknown", fields{}
	}
	return "conversation", fields{"conversation": textOf(m.Text)}
}

func baileysMedia(kind, text string, file *convert.Media) fields {
	content := fields{"caption": text, "ptt": kind == convert.TypeVoice, "gifPlayback": kind == convert.TypeGIF}
	if file != nil {
		content["mimetype"], content["seconds"] = textOf(file.MimeType), file.Seconds
		content["fileName"], content["pageCount"] = file.FileName, file.Pages
		content["isAnimated"] = file.Animated && kind == convert.TypeSticker
	}
	content = some(content)
	if file != nil { // whose reader counts on it
		content["mimetype"] = textOf(file.MimeType)
	}
	return content
}

// baileysPart is the content of a message that is neither text nor file; nil when there is none.
func baileysPart(m convert.Message) (string, fields) {
	switch {
	case m.Interactive != nil:
		return baileysInteractive(m.Interactive)
	case m.Type == convert.TypeLiveLocation && m.Location != nil:
		f := baileysLocation(m.Location)
		f["caption"] = m.Text
		return "liveLocationMessage", some(f)
	case m.Location != nil && m.Type == convert.TypeLocation:
		return "locationMessage", baileysLocation(m.Location)
	case len(m.Contacts) == 1:
		return "contactMessage", baileysCard(m.Contacts[0])
	case len(m.Contacts) > 1:
		var cards []fields
		for _, c := range m.Contacts {
			cards = append(cards, baileysCard(c))
		}
		return "contactsArrayMessage", fields{"displayName": textOf(m.Text), "contacts": cards}
	case m.Poll != nil:
		options := []fields{}
		for _, o := range m.Poll.Options {
			options = append(options, fields{"optionName": o.Text})
		}
		return "pollCreationMessageV3", fields{"name": m.Poll.Question, "options": options, "selectableOptionsCount": m.Poll.MaxSelections}
	case m.CalendarEvent != nil:
		e := m.CalendarEvent
		f := fields{"name": e.Name, "description": e.Description, "startTime": e.StartsAt, "endTime": e.EndsAt, "isCanceled": e.Cancelled, "joinLink": e.JoinLink}
		if e.Location != nil {
			f["location"] = baileysLocation(e.Location)
		}
		return "eventMessage", some(f)
	}
	return baileysTrade(m)
}

func baileysTrade(m convert.Message) (string, fields) {
	switch {
	case m.Order != nil:
		o := m.Order
		f := fields{
			"orderId": o.ID, "token": o.Token, "itemCount": o.Items, "totalAmount1000": o.Total1000, "totalCurrencyCode": o.Currency, "message": o.Text,
			"orderTitle": o.Title, "status": strings.ToUpper(textOf(o.Status)),
		}
		if o.Seller != nil {
			f["sellerJid"] = jid(*o.Seller)
		}
		return "orderMessage", some(f)
	case m.Product != nil:
		p := m.Product
		f := fields{"body": p.Body, "footer": p.Footer, "product": some(fields{
			"productId": p.ID, "retailerId": p.RetailerID, "title": p.Title, "description": p.Description, "url": p.URL, "currencyCode": p.Currency,
			"priceAmount1000": p.Price1000, "salePriceAmount1000": p.SalePrice1000,
		})}
		if p.Owner != nil {
			f["businessOwnerJid"] = jid(*p.Owner)
		}
		return "productMessage", some(f)
	case m.GroupInvite != nil:
		g := m.GroupInvite
		return "groupInviteMessage", some(fields{"groupJid": g.ID, "groupName": g.Name, "inviteCode": g.Code, "inviteExpiration": g.ExpiresAt, "caption": m.Text})
	case m.Call != nil:
		return "callLogMesssage", some(fields{"isVideo": m.Call.Video, "callOutcome": strings.ToUpper(textOf(m.Call.Outcome)), "durationSecs": m.Call.Seconds})
	}
	return "", nil
}

func baileysLocation(l *convert.Location) fields {
	return some(fields{
		"degreesLatitude": l.Latitude, "degreesLongitude": l.Longitude, "name": l.Name, "address": l.Address, "url": l.URL, "accuracyInMeters": l.AccuracyMeters,
	})
}

func baileysCard(c convert.ContactCard) fields {
	return fields{"displayName": textOf(c.Name), "vcard": textOf(c.VCard)}
}

func baileysInteractive(i *convert.Interactive) (string, fields) {
	if i.Selected != nil {
		return baileysTap(i.Selected)
	}
	switch {
	case i.Kind == "list" && len(i.Sections) > 0:
		f := fields{"title": i.Title, "description": i.Body, "footerText": i.Footer, "sections": baileysSections(i.Sections)}
		if len(i.Buttons) > 0 {
			f["buttonText"] = i.Buttons[0].Text
		}
		return "listMessage", some(f)
	case i.Kind == "template" && len(i.Cards) == 0 && !slices.ContainsFunc(i.Buttons, newer):
		return "templateMessage", fields{"hydratedTemplate": some(fields{
			"hydratedTitleText": i.Title, "hydratedContentText": i.Body, "hydratedFooterText": i.Footer, "hydratedButtons": baileysButtons(i.Buttons),
		})}
	}
	flow := []fields{}
	for _, b := range i.Buttons {
		flow = append(flow, flowButton(b))
	}
	cards := []fields{}
	for _, c := range i.Cards {
		buttons := []fields{}
		for _, b := range c.Buttons {
			buttons = append(buttons, flowButton(b))
		}
		cards = append(cards, fields{"body": fields{"text": textOf(c.Body)}, "header": fields{"title": textOf(c.Title)}, "nativeFlowMessage": fields{"buttons": buttons}})
	}
	f := fields{
		"header": some(fields{"title": i.Title}), "body": some(fields{"text": i.Body}), "footer": some(fields{"text": i.Footer}),
		"nativeFlowMessage": fields{"buttons": flow},
	}
	if len(cards) > 0 {
		f["carouselMessage"] = fields{"cards": cards}
	}
	return "interactiveMessage", some(f)
}

// newer says whether a button is of a kind that templates of the older form do not have.
func newer(b convert.InteractiveButton) bool {
	return b.Kind != "reply" && b.Kind != "url" && b.Kind != "call"
}

// baileysTap is a tap in the form in which its kind of message is answered.
func baileysTap(s *convert.Selected) (string, fields) {
	kind := textOf(s.Kind)
	switch {
	case s.Data != nil:
		names := map[string]string{"list": "menu_options", "flow": "flow"}
		name := names[kind]
		if name == "" {
			name = "quick_reply"
		}
		return "interactiveResponseMessage", fields{"body": fields{"text": textOf(s.Text)}, "nativeFlowResponseMessage": fields{"name": name, "paramsJson": *s.Data}}
	case kind == "list":
		return "listResponseMessage", some(fields{
			"title": s.Text, "description": s.Description, "listType": "SINGLE_SELECT", "singleSelectReply": fields{"selectedRowId": textOf(s.ID)},
		})
	case kind == "template":
		return "templateButtonReplyMessage", fields{"selectedId": textOf(s.ID), "selectedDisplayText": textOf(s.Text)}
	}
	return "buttonsResponseMessage", fields{"selectedButtonId": textOf(s.ID), "selectedDisplayText": textOf(s.Text)}
}

func baileysSections(sections []convert.InteractiveSection) []fields {
	all := []fields{}
	for _, s := range sections {
		rows := []fields{}
		for _, r := range s.Rows {
			rows = append(rows, some(fields{"rowId": r.ID, "title": r.Text, "description": r.Description}))
		}
		all = append(all, some(fields{"title": s.Title, "rows": rows}))
	}
	return all
}

func baileysButtons(buttons []convert.InteractiveButton) []fields {
	all := []fields{}
	for i, b := range buttons {
		f := fields{"index": i}
		switch b.Kind {
		case "url":
			f["urlButton"] = some(fields{"displayText": b.Text, "url": b.URL})
		case "call":
			f["callButton"] = some(fields{"displayText": b.Text, "phoneNumber": b.Phone})
		default:
			f["quickReplyButton"] = some(fields{"displayText": b.Text, "id": b.ID})
		}
		all = append(all, f)
	}
	return all
}

// flowNames are WhatsApp's names of our kinds of button.
var flowNames = map[string]string{
	"reply": "quick_reply", "url": "cta_url", "call": "cta_call", "copy": "cta_copy", "list": "single_select", "flow": "flow",
}

func flowButton(b convert.InteractiveButton) fields {
	name := flowNames[b.Kind]
	if name == "" {
		name = b.Kind
	}
	params, err := json.Marshal(some(fields{"display_text": b.Text, "id": b.ID, "url": b.URL, "phone_number": b.Phone, "copy_code": b.CopyCode}))
	if err != nil { // texts always marshal
		params = []byte("{}")
	}
	return fields{"name": name, "buttonParamsJson": string(params)}
}

// baileysContext is what a message answers, whom it mentions and where it comes from; nil when it says
// nothing.
func baileysContext(m convert.Message) fields {
	f := fields{"isForwarded": m.Forwarded != nil}
	if q := m.Quoted; q != nil {
		f["stanzaId"] = q.ID
		if q.From != nil {
			f["participant"] = jid(*q.From)
		}
		if q.ChatID != m.ChatID {
			f["remoteJid"] = q.ChatID
		}
		_, f["quotedMessage"] = baileysContent(convert.Message{Type: q.Type, Text: q.Text})
	}
	if len(m.Mentions) > 0 {
		mentioned := []string{}
		for _, a := range m.Mentions {
			mentioned = append(mentioned, jid(a))
		}
		f["mentionedJid"] = mentioned
	}
	if m.Ephemeral != nil {
		f["expiration"] = m.Ephemeral.Seconds
	}
	if r := m.Referral; r != nil {
		f["conversionSource"], f["conversionData"], f["entryPointConversionApp"] = r.Source, r.ConversionData, r.App
		if r.Type != "entry_point" {
			f["externalAdReply"] = some(fields{
				"title": r.Title, "body": r.Body, "sourceType": r.Type, "sourceId": r.ID, "sourceUrl": r.URL, "mediaUrl": r.MediaURL,
				"mediaType": strings.ToUpper(textOf(r.MediaType)), "thumbnailUrl": r.ThumbnailURL, "ctwaClid": r.ClickID, "ref": r.Ref,
			})
		}
	}
	if f = some(f); len(f) == 0 {
		return nil
	}
	return f
}
