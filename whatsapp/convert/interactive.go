package convert

import (
	"go.mau.fi/whatsmeow/proto/waE2E"

	"whatsapp-api/store"
)

// tapped makes r a tap. Its text is the label, its id what a program needs.
func (r *Reading) tapped(s store.Selected) {
	r.Type, r.Text = TypeInteractive, s.Text
	r.Content.Interactive = &store.Interactive{Kind: store.InteractiveReply, Selected: &s}
}

// offers makes r a message with something to tap on. Its text is what a person reads first.
func (r *Reading) offers(i store.Interactive) {
	r.Type, r.Text, r.Content.Interactive = TypeInteractive, firstOf(i.Body, i.Title, i.Footer), &i
}

func readButtonsResponse(m *waE2E.Message, r *Reading) {
	x := m.GetButtonsResponseMessage()
	r.tapped(store.Selected{ID: x.GetSelectedButtonID(), Text: x.GetSelectedDisplayText(), Kind: store.InteractiveButtons})
}

func readTemplateReply(m *waE2E.Message, r *Reading) {
	x := m.GetTemplateButtonReplyMessage()
	r.tapped(store.Selected{ID: x.GetSelectedID(), Text: x.GetSelectedDisplayText(), Kind: store.InteractiveTemplate})
}

func readListResponse(m *waE2E.Message, r *Reading) {
	x := m.GetListResponseMessage()
	r.tapped(store.Selected{ID: x.GetSingleSelectReply().GetSelectedRowID(), Text: x.GetTitle(), Description: x.GetDescription(), Kind: store.InteractiveList})
}

func readButtons(m *waE2E.Message, r *Reading) {
	x := m.GetButtonsMessage()
	i := store.Interactive{Kind: store.InteractiveButtons, Title: x.GetText(), Body: x.GetContentText(), Footer: x.GetFooterText()}
	for _, b := range x.GetButtons() {
		if flow := b.GetNativeFlowInfo(); flow != nil {
			addFlowButton(&i, flow.GetName(), flow.GetParamsJSON(), store.Button{ID: b.GetButtonID(), Text: b.GetButtonText().GetDisplayText()})
			continue
		}
		i.Buttons = append(i.Buttons, store.Button{ID: b.GetButtonID(), Text: b.GetButtonText().GetDisplayText(), Kind: store.ButtonReply})
	}
	r.header(x)
	r.offers(i)
}

func readList(m *waE2E.Message, r *Reading) {
	x := m.GetListMessage()
	i := store.Interactive{Kind: store.InteractiveList, Title: x.GetTitle(), Body: x.GetDescription(), Footer: x.GetFooterText()}
	if x.GetButtonText() != "" {
		i.Buttons = []store.Button{{Text: x.GetButtonText(), Kind: store.ButtonList}}
	}
	for _, s := range x.GetSections() {
		section := store.Section{Title: s.GetTitle()}
		for _, row := range s.GetRows() {
			section.Rows = append(section.Rows, store.Row{ID: row.GetRowID(), Text: row.GetTitle(), Description: row.GetDescription()})
		}
		i.Sections = append(i.Sections, section)
	}
	for _, s := range x.GetProductListInfo().GetProductSections() {
		section := store.Section{Title: s.GetTitle()}
		for _, p := range s.GetProducts() {
			section.Rows = append(section.Rows, store.Row{ID: p.GetProductID()})
		}
		i.Sections = append(i.Sections, section)
	}
	r.offers(i)
}

// header takes over the file or the place at the head of a message with buttons. The types of such
// messages share the names of the methods.
func (r *Reading) header(x any) {
	if h, ok := x.(interface {
		GetImageMessage() *waE2E.ImageMessage
	}); ok && h.GetImageMessage() != nil {
		r.Media = imageOf(h.GetImageMessage())
	}
	if h, ok := x.(interface {
		GetVideoMessage() *waE2E.VideoMessage
	}); ok && h.GetVideoMessage() != nil {
		r.Media = videoOf(h.GetVideoMessage())
	}
	if h, ok := x.(interface {
		GetDocumentMessage() *waE2E.DocumentMessage
	}); ok && h.GetDocumentMessage() != nil {
		r.Media = documentOf(h.GetDocumentMessage())
	}
	if h, ok := x.(interface {
		GetLocationMessage() *waE2E.LocationMessage
	}); ok && h.GetLocationMessage() != nil {
		r.Content.Location = locationOf(h.GetLocationMessage())
	}
	if h, ok := x.(interface {
		GetProductMessage() *waE2E.ProductMessage
	}); ok && h.GetProductMessage() != nil {
		r.Content.Product = productOf(h.GetProductMessage())
	}
}

func readInteractive(m *waE2E.Message, r *Reading) { r.interactive(m.GetInteractiveMessage()) }

// interactive reads the kind of message that business accounts send today.
func (r *Reading) interactive(x *waE2E.InteractiveMessage) {
	i := store.Interactive{
		Kind: store.InteractiveButtons, Title: firstOf(x.GetHeader().GetTitle(), x.GetHeader().GetSubtitle()),
		Body: x.GetBody().GetText(), Footer: x.GetFooter().GetText(),
	}
	addFlow(&i, x.GetNativeFlowMessage())
	for _, card := range x.GetCarouselMessage().GetCards() {
		within := store.Interactive{}
		addFlow(&within, card.GetNativeFlowMessage())
		i.Cards = append(i.Cards, store.Slide{
			Title: firstOf(card.GetHeader().GetTitle(), card.GetHeader().GetSubtitle()), Body: card.GetBody().GetText(), Footer: card.GetFooter().GetText(),
			Buttons: within.Buttons,
		})
	}
	if h := x.GetHeader(); h != nil {
		r.header(h)
	}
	r.offers(i)
	for _, c := range i.Cards { // a carousel may have nothing but its cards
		r.Text = firstOf(r.Text, c.Body, c.Title)
	}
	if shop := x.GetShopStorefrontMessage(); shop != nil {
		r.Content.Product = &store.Product{ID: shop.GetID()}
	}
	if c := x.GetCollectionMessage(); c != nil {
		r.Content.Product = &store.Product{ID: c.GetID(), Owner: c.GetBizJID()}
	}
	if x.GetBloksWidget() != nil {
		r.Text = firstOf(r.Text, x.GetBloksWidget().GetFallback())
	}
}

// readInteractiveResponse reads a tap on a button of an interactive message, or a form that was
// filled in.
func readInteractiveResponse(m *waE2E.Message, r *Reading) {
	x := m.GetInteractiveResponseMessage()
	flow := x.GetNativeFlowResponseMessage()
	p := paramsOf(flow.GetParamsJSON())
	s := store.Selected{
		ID: string(p.ID), Text: firstOf(x.GetBody().GetText(), string(p.DisplayText), string(p.Title)), Description: string(p.Description),
		Kind: store.InteractiveButtons, Data: flow.GetParamsJSON(),
	}
	switch flowKind(flow.GetName()) {
	case store.ButtonFlow:
		s.Kind = store.InteractiveFlow
	case store.ButtonList:
		s.Kind = store.InteractiveList
	}
	if flow.GetName() == "menu_options" { // how newer phones answer a list
		s.Kind = store.InteractiveList
	}
	r.tapped(s)
}
