package convert

import "whatsapp-api/store"

// pieces fills in what the message consists of beyond its text.
func (out *Message) pieces(c *store.Content, l *store.Live, people People) {
	out.Location, out.Contacts = placeOf(c.Location), []ContactCard{}
	for _, card := range c.Contacts {
		out.Contacts = append(out.Contacts, cardShape(card, people))
	}
	if c.Poll != nil {
		out.Poll = pollOf(c.Poll, l, people)
	}
	if c.CalendarEvent != nil {
		out.CalendarEvent = calendarOf(c.CalendarEvent, l, people)
	}
	if c.Interactive != nil {
		out.Interactive = interactiveOf(c.Interactive)
	}
	if o := c.Order; o != nil {
		out.Order = &Order{
			ID: TextOrNil(o.ID), Token: TextOrNil(o.Token), Title: TextOrNil(o.Title), Text: TextOrNil(o.Text), Items: o.Items, Status: TextOrNil(o.Status),
			Seller: people.address(o.Seller), Total1000: o.Total1000, Currency: TextOrNil(o.Currency), CatalogID: TextOrNil(o.CatalogID),
		}
	}
	if p := c.Product; p != nil {
		out.Product = &Product{
			ID: TextOrNil(p.ID), RetailerID: TextOrNil(p.RetailerID), Title: TextOrNil(p.Title), Description: TextOrNil(p.Description), URL: TextOrNil(p.URL),
			Price1000: numberOrNil(p.Price1000), SalePrice1000: numberOrNil(p.SalePrice1000), Currency: TextOrNil(p.Currency), Images: p.Images,
			Catalog: TextOrNil(p.Catalog), Owner: people.address(p.Owner), Body: TextOrNil(p.Body), Footer: TextOrNil(p.Footer),
		}
	}
	if g := c.GroupInvite; g != nil {
		out.GroupInvite = &GroupInvite{ID: g.Group, Kind: g.Kind, Name: TextOrNil(g.Name), Code: TextOrNil(g.Code), ExpiresAt: moment(g.ExpiresAt)}
	}
	if c.Call != nil {
		out.Call = callOf(c.Call, l, people)
	}
	if c.Referral != nil {
		out.Referral = referralShape(c.Referral)
	}
}

func placeOf(p *store.Location) *Location {
	if p == nil {
		return nil
	}
	return &Location{
		Latitude: p.Latitude, Longitude: p.Longitude, Name: TextOrNil(p.Name), Address: TextOrNil(p.Address), URL: TextOrNil(p.URL), Live: p.Live,
		AccuracyMeters: numberOrNil(p.AccuracyMeters), Speed: numberOrNil(p.Speed), UpdatedAt: moment(p.UpdatedAt), ExpiresAt: moment(p.ExpiresAt),
	}
}

func cardShape(c store.Card, people People) ContactCard {
	out := ContactCard{Name: TextOrNil(c.Name), Organization: TextOrNil(c.Organization), Phones: []ContactPhone{}, Emails: append([]string{}, c.Emails...), VCard: TextOrNil(c.VCard)}
	for _, p := range c.Phones {
		phone := ContactPhone{Number: p.Number, Label: TextOrNil(p.Label)}
		if a := people.address(p.ID); a != nil {
			phone.ID = &a.ID
		}
		out.Phones = append(out.Phones, phone)
	}
	return out
}

func pollOf(p *store.Poll, l *store.Live, people People) *Poll {
	out := &Poll{
		Question: p.Question, Options: []PollOption{}, MaxSelections: p.MaxSelections, ClosesAt: moment(p.ClosesAt), MyVotes: []string{},
		Quiz: p.Quiz, Correct: TextOrNil(p.Correct), Results: p.Results,
	}
	all := p.All(l)
	for _, o := range all {
		out.Options = append(out.Options, PollOption{Text: o.Text, Votes: o.Votes, Voters: []Address{}})
	}
	for _, v := range l.Votes {
		for _, i := range v.Chosen(all) {
			option := &out.Options[i]
			option.Votes++
			option.Voters = append(option.Voters, AddressOf(v.By, people))
			if v.Mine {
				out.MyVotes = append(out.MyVotes, option.Text)
			}
		}
	}
	return out
}

func calendarOf(e *store.CalendarEvent, l *store.Live, people People) *CalendarEvent {
	out := &CalendarEvent{
		Name: e.Name, Description: TextOrNil(e.Description), StartsAt: moment(e.StartsAt), EndsAt: moment(e.EndsAt), Location: placeOf(e.Location),
		JoinLink: TextOrNil(e.JoinLink), Cancelled: e.Cancelled, Answers: EventAnswers{Going: []Address{}, Maybe: []Address{}, NotGoing: []Address{}},
	}
	for _, a := range l.Answers {
		by := AddressOf(a.By, people)
		switch a.Answer {
		case store.AnswerGoing:
			out.Answers.Going = append(out.Answers.Going, by)
		case store.AnswerMaybe:
			out.Answers.Maybe = append(out.Answers.Maybe, by)
		case store.AnswerNotGoing:
			out.Answers.NotGoing = append(out.Answers.NotGoing, by)
		}
	}
	return out
}

func interactiveOf(i *store.Interactive) *Interactive {
	out := &Interactive{
		Kind: i.Kind, Title: TextOrNil(i.Title), Body: TextOrNil(i.Body), Footer: TextOrNil(i.Footer),
		Buttons: buttonsOf(i.Buttons), Sections: []InteractiveSection{}, Cards: []InteractiveCard{},
	}
	for _, s := range i.Sections {
		section := InteractiveSection{Title: TextOrNil(s.Title), Rows: []InteractiveRow{}}
		for _, r := range s.Rows {
			section.Rows = append(section.Rows, InteractiveRow{ID: TextOrNil(r.ID), Text: TextOrNil(r.Text), Description: TextOrNil(r.Description)})
		}
		out.Sections = append(out.Sections, section)
	}
	for _, c := range i.Cards {
		out.Cards = append(out.Cards, InteractiveCard{Title: TextOrNil(c.Title), Body: TextOrNil(c.Body), Footer: TextOrNil(c.Footer), Buttons: buttonsOf(c.Buttons)})
	}
	if s := i.Selected; s != nil {
		out.Selected = &Selected{ID: TextOrNil(s.ID), Text: TextOrNil(s.Text), Description: TextOrNil(s.Description), Kind: TextOrNil(s.Kind), Data: TextOrNil(s.Data)}
	}
	return out
}

func buttonsOf(buttons []store.Button) []InteractiveButton {
	all := make([]InteractiveButton, 0, len(buttons))
	for _, b := range buttons {
		all = append(all, InteractiveButton{
			ID: TextOrNil(b.ID), Text: TextOrNil(b.Text), Kind: b.Kind, URL: TextOrNil(b.URL), Phone: TextOrNil(b.Phone), CopyCode: TextOrNil(b.CopyCode),
		})
	}
	return all
}

func callOf(c *store.Call, l *store.Live, people People) *Call {
	out := &Call{
		Video: c.Video, Outcome: TextOrNil(c.Outcome), Seconds: numberOrNil(c.Seconds), Title: TextOrNil(c.Title), StartsAt: moment(c.StartsAt),
		Cancelled: l.CancelledAt != 0, People: []CalledPerson{},
	}
	for _, p := range c.People {
		out.People = append(out.People, CalledPerson{Person: AddressOf(p.Person, people), Outcome: TextOrNil(p.Outcome)})
	}
	return out
}

func referralShape(r *store.Referral) *Referral {
	return &Referral{
		Source: TextOrNil(r.Source), Type: r.Type, ID: TextOrNil(r.ID), URL: TextOrNil(r.URL), Title: TextOrNil(r.Title), Body: TextOrNil(r.Body),
		MediaType: TextOrNil(r.MediaType), MediaURL: TextOrNil(r.MediaURL), ThumbnailURL: TextOrNil(r.ThumbnailURL), Thumbnail: dataURL(r.Thumbnail),
		ClickID: TextOrNil(r.ClickID), Ref: TextOrNil(r.Ref), App: TextOrNil(r.App), UTMSource: TextOrNil(r.UTMSource), UTMCampaign: TextOrNil(r.UTMCampaign),
		Signals: TextOrNil(r.Signals), Payload: base64OrNil(r.Payload), ConversionData: base64OrNil(r.ConversionData),
	}
}
