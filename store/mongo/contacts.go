package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"whatsapp-api/store"
)

type contacts struct{ s *Store }

type contactDoc struct {
	ID           string `bson:"_id"` // session, contact
	Session      string `bson:"s"`
	Contact      string `bson:"id"`
	Phone        string `bson:"phone"`
	LID          string `bson:"lid"`
	Name         string `bson:"name"`
	PushName     string `bson:"push"`
	BusinessName string `bson:"business"`
	Op           int64  `bson:"u"` // the last change that went into it
}

func (d contactDoc) contact() store.Contact {
	return store.Contact{
		SessionID: d.Session, ID: d.Contact, Phone: d.Phone, LID: d.LID,
		Name: d.Name, PushName: d.PushName, BusinessName: d.BusinessName,
	}
}

func (h contacts) Find(ctx context.Context, session, jid string) (store.Contact, error) {
	many, err := h.many(ctx, session, []string{jid})
	if err != nil {
		return store.Contact{}, fault("find contact", err)
	}
	c, found := many[jid]
	if !found {
		return c, fmt.Errorf("find contact: %w", store.ErrNotFound)
	}
	return c, nil
}

func (h contacts) Many(ctx context.Context, session string, jids []string) (map[string]store.Contact, error) {
	many, err := h.many(ctx, session, jids)
	return many, fault("find contacts", err)
}

func (h contacts) many(ctx context.Context, session string, jids []string) (map[string]store.Contact, error) {
	many := make(map[string]store.Contact, len(jids))
	if len(jids) == 0 {
		return many, nil
	}
	ids, set := make([]string, len(jids)), make([]string, 0, len(jids))
	asked := make(map[string]bool, len(jids))
	for i, jid := range jids {
		ids[i] = join(session, jid)
		if jid != "" { // an empty phone is nobody's
			set = append(set, jid)
		}
		asked[jid] = true
	}
	if err := h.s.see(ctx, session); err != nil {
		return nil, err
	}
	in := bson.D{{Key: "$in", Value: set}, {Key: "$gt", Value: ""}} // the latter lets the index be used
	docs, err := findAll[contactDoc](ctx, h.s.col.contacts, bson.D{{Key: "$or", Value: bson.A{
		byID(bson.D{{Key: "$in", Value: ids}}),
		bson.D{{Key: "s", Value: session}, {Key: "phone", Value: in}},
		bson.D{{Key: "s", Value: session}, {Key: "lid", Value: in}},
	}}})
	if err != nil {
		return nil, err
	}
	// Whose id it is comes before whose phone it is, and that before whose LID it is.
	for _, jid := range []func(contactDoc) string{
		func(d contactDoc) string { return d.LID },
		func(d contactDoc) string { return d.Phone },
		func(d contactDoc) string { return d.Contact },
	} {
		for _, d := range docs {
			if asked[jid(d)] && (jid(d) != "" || d.Contact == "") {
				many[jid(d)] = d.contact()
			}
		}
	}
	return many, nil
}

func (h contacts) List(ctx context.Context, session string, p store.Page) ([]store.Contact, string, error) {
	after, err := afterID(p.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list contacts: %w", err)
	}
	if p.Cursor != "" { // the ids of the collection begin with the session
		p.Cursor = store.EncodeCursor(idKey{[]byte(join(session, after))})
	}
	if err := h.s.see(ctx, session); err != nil {
		return nil, "", fault("list contacts", err)
	}
	docs, next, err := listByID(ctx, "list contacts", h.s.col.contacts, p, bson.D{{Key: "$and", Value: bson.A{byID(below(session))}}},
		func(d contactDoc) string { return d.Contact })
	var list []store.Contact
	for _, d := range docs {
		list = append(list, d.contact())
	}
	return list, next, err
}
