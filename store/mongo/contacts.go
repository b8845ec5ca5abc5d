package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"whatsapp-api/store"
)

type contacts struct{ s *Store }

type contactDoc struct {
	ID           string   `bson:"_id"` // session, contact
	Session      string   `bson:"s"`
	Contact      string   `bson:"id"`
	Phone        string   `bson:"phone"`
	LID          string   `bson:"lid"`
	Name         string   `bson:"name"`
	PushName     string   `bson:"push"`
	BusinessName string   `bson:"business"`
	Aliases      []string `bson:"aka"` // its addresses, also those it had before
	SameAs       string   `bson:"same,omitempty"`
	Also         []string `bson:"also,omitempty"`
	Op           int64    `bson:"u"` // the last change that went into it
}

func (d contactDoc) contact() store.Contact {
	return store.Contact{
		SessionID: d.Session, ID: d.Contact, Phone: d.Phone, LID: d.LID,
		Name: d.Name, PushName: d.PushName, BusinessName: d.BusinessName, SameAs: d.SameAs, Also: d.Also,
	}
}

func (h contacts) Get(ctx context.Context, session string, ids []string) (map[string]store.Contact, error) {
	if len(ids) == 0 {
		return map[string]store.Contact{}, nil
	}
	if err := h.s.see(ctx, session); err != nil {
		return nil, fault("get contacts", err)
	}
	docs, err := h.byKey(ctx, session, ids)
	if err != nil {
		return nil, fault("get contacts", err)
	}
	found, err := h.standing(ctx, session, docs, func(d contactDoc) []string { return []string{d.Contact} })
	return found, fault("get contacts", err)
}

func (h contacts) Find(ctx context.Context, session string, jids []string) (map[string]store.Contact, error) {
	if len(jids) == 0 {
		return map[string]store.Contact{}, nil
	}
	if err := h.s.see(ctx, session); err != nil {
		return nil, fault("find contacts", err)
	}
	docs, err := findAll[contactDoc](ctx, h.s.col.contacts,
		bson.D{{Key: "s", Value: session}, {Key: "aka", Value: bson.D{{Key: "$in", Value: jids}}}})
	if err != nil {
		return nil, fault("find contacts", err)
	}
	asked := make(map[string]bool, len(jids))
	for _, jid := range jids {
		asked[jid] = true
	}
	found, err := h.standing(ctx, session, docs, func(d contactDoc) (jids []string) {
		for _, jid := range d.Aliases {
			if asked[jid] {
				jids = append(jids, jid)
			}
		}
		return jids
	})
	return found, fault("find contacts", err)
}

func (h contacts) byKey(ctx context.Context, session string, ids []string) ([]contactDoc, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = join(session, id)
	}
	return findAll[contactDoc](ctx, h.s.col.contacts, byID(bson.D{{Key: "$in", Value: keys}}))
}

// standing names the records, each by the one that stands for its person. One step is enough:
// whoever joins two records makes all that stood for the one stand for the other.
func (h contacts) standing(ctx context.Context, session string, docs []contactDoc, names func(contactDoc) []string) (map[string]store.Contact, error) {
	var others []string
	for _, d := range docs {
		if d.SameAs != "" {
			others = append(others, d.SameAs)
		}
	}
	stand := map[string]contactDoc{}
	if len(others) > 0 {
		more, err := h.byKey(ctx, session, others)
		if err != nil {
			return nil, err
		}
		for _, d := range more {
			stand[d.Contact] = d
		}
	}
	found := make(map[string]store.Contact, len(docs))
	for _, d := range docs {
		for _, name := range names(d) {
			switch other, ok := stand[d.SameAs]; {
			case ok:
				found[name] = other.contact()
			case d.SameAs == "":
				found[name] = d.contact()
			}
		}
	}
	return found, nil
}

func (h contacts) List(ctx context.Context, session string, p store.Page) ([]store.Contact, string, error) {
	after, err := store.AfterID(p.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list contacts: %w", err)
	}
	if p.Cursor != "" { // the ids of the collection begin with the session
		p.Cursor = store.EncodeCursor(store.IDKey{ID: []byte(join(session, after))})
	}
	if err := h.s.see(ctx, session); err != nil {
		return nil, "", fault("list contacts", err)
	}
	docs, next, err := listByID(ctx, "list contacts", h.s.col.contacts, p,
		bson.D{{Key: "$and", Value: bson.A{byID(below(session))}}, {Key: "same", Value: bson.D{{Key: "$exists", Value: false}}}},
		func(d contactDoc) string { return d.Contact })
	var list []store.Contact
	for _, d := range docs {
		list = append(list, d.contact())
	}
	return list, next, err
}
