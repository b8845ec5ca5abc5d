package convert

import (
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"

	"whatsapp-api/store"
)

func readTemplate(m *waE2E.Message, r *Reading) { r.template(m.GetTemplateMessage()) }

// template reads a template in any of its forms.
func (r *Reading) template(x *waE2E.TemplateMessage) {
	switch {
	case x.GetHydratedTemplate() != nil:
		r.hydrated(x.GetHydratedTemplate())
	case x.GetHydratedFourRowTemplate() != nil:
		r.hydrated(x.GetHydratedFourRowTemplate())
	case x.GetInteractiveMessageTemplate() != nil:
		r.interactive(x.GetInteractiveMessageTemplate())
		if i := r.Content.Interactive; i.Kind == store.InteractiveButtons {
			i.Kind = store.InteractiveTemplate
		}
		if r.Context == nil {
			r.Context = x.GetInteractiveMessageTemplate().GetContextInfo()
		}
	default:
		r.fourRows(x.GetFourRowTemplate())
	}
}

func (r *Reading) hydrated(x *waE2E.TemplateMessage_HydratedFourRowTemplate) {
	i := store.Interactive{
		Kind: store.InteractiveTemplate, Title: x.GetHydratedTitleText(), Body: x.GetHydratedContentText(), Footer: x.GetHydratedFooterText(),
	}
	for _, b := range x.GetHydratedButtons() {
		switch {
		case b.GetQuickReplyButton() != nil:
			i.Buttons = append(i.Buttons, store.Button{Kind: store.ButtonReply, ID: b.GetQuickReplyButton().GetID(), Text: b.GetQuickReplyButton().GetDisplayText()})
		case b.GetUrlButton() != nil:
			i.Buttons = append(i.Buttons, store.Button{Kind: store.ButtonURL, URL: b.GetUrlButton().GetURL(), Text: b.GetUrlButton().GetDisplayText()})
		case b.GetCallButton() != nil:
			i.Buttons = append(i.Buttons, store.Button{Kind: store.ButtonCall, Phone: b.GetCallButton().GetPhoneNumber(), Text: b.GetCallButton().GetDisplayText()})
		}
	}
	r.header(x)
	r.offers(i)
}

// fourRows reads a template whose texts are made on the phone from its name and parameters.
func (r *Reading) fourRows(x *waE2E.TemplateMessage_FourRowTemplate) {
	i := store.Interactive{
		Kind: store.InteractiveTemplate, Title: structured(x.GetHighlyStructuredMessage()), Body: structured(x.GetContent()), Footer: structured(x.GetFooter()),
	}
	for _, b := range x.GetButtons() {
		switch {
		case b.GetQuickReplyButton() != nil:
			i.Buttons = append(i.Buttons, store.Button{Kind: store.ButtonReply, ID: b.GetQuickReplyButton().GetID(), Text: structured(b.GetQuickReplyButton().GetDisplayText())})
		case b.GetUrlButton() != nil:
			i.Buttons = append(i.Buttons, store.Button{Kind: store.ButtonURL, URL: structured(b.GetUrlButton().GetURL()), Text: structured(b.GetUrlButton().GetDisplayText())})
		case b.GetCallButton() != nil:
			i.Buttons = append(i.Buttons, store.Button{Kind: store.ButtonCall, Phone: structured(b.GetCallButton().GetPhoneNumber()), Text: structured(b.GetCallButton().GetDisplayText())})
		}
	}
	r.header(x)
	r.offers(i)
}

func readStructured(m *waE2E.Message, r *Reading) {
	x := m.GetHighlyStructuredMessage()
	if x.GetHydratedHsm() != nil {
		r.template(x.GetHydratedHsm())
		if r.Context == nil {
			r.Context = x.GetHydratedHsm().GetContextInfo()
		}
		return
	}
	r.offers(store.Interactive{Kind: store.InteractiveTemplate, Body: structured(x)})
}

// structured is what can be read of a text that only the phone can make: its parameters.
func structured(x *waE2E.HighlyStructuredMessage) string {
	params := x.GetParams()
	if len(params) == 0 {
		for _, p := range x.GetLocalizableParams() {
			params = append(params, p.GetDefault())
		}
	}
	return strings.Join(params, " ")
}
