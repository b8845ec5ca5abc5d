package sqlite

import (
	"context"
	"fmt"

	"whatsapp-api/store"
)

type contacts struct{ s *Store }

const contactColumns = `id, phone, lid, name, push_name, business_name`

func scanContact(r *row, session string) store.Contact {
	return store.Contact{
		SessionID: session, ID: r.text(), Phone: r.text(), LID: r.text(),
		Name: r.text(), PushName: r.text(), BusinessName: r.text(),
	}
}

// findContact looks for the id first: that is whose chat it is.
func findContact(c *conn, num int64, session, jid string) (contact store.Contact, found bool, err error) {
	for _, where := range []string{`id = ?`, `phone = ? AND phone <> ''`, `lid = ? AND lid <> ''`} {
		found, err = c.one(func(r *row) { contact = scanContact(r, session) },
			`SELECT `+contactColumns+` FROM contacts WHERE session = ? AND `+where, num, jid)
		if found || err != nil {
			break
		}
	}
	return contact, found, err
}

func (h contacts) Find(ctx context.Context, session, jid string) (contact store.Contact, err error) {
	many, err := h.many(ctx, "find contact", session, []string{jid})
	if err != nil {
		return contact, err
	}
	contact, found := many[jid]
	if !found {
		return contact, fmt.Errorf("find contact: %w", store.ErrNotFound)
	}
	return contact, nil
}

func (h contacts) Many(ctx context.Context, session string, jids []string) (map[string]store.Contact, error) {
	return h.many(ctx, "find contacts", session, jids)
}

func (h contacts) many(ctx context.Context, doing, session string, jids []string) (map[string]store.Contact, error) {
	many := make(map[string]store.Contact, len(jids))
	err := h.s.r.read(ctx, doing, func(c *conn) error {
		num, found, err := findSession(c, session)
		if err != nil || !found {
			return err
		}
		for _, jid := range jids {
			contact, found, err := findContact(c, num, session, jid)
			if err != nil {
				return err
			}
			if found {
				many[jid] = contact
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return many, nil
}

func (h contacts) List(ctx context.Context, session string, p store.Page) (list []store.Contact, next string, err error) {
	after, err := afterID(p.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list contacts: %w", err)
	}
	err = h.s.r.read(ctx, "list contacts", func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, scanContact(r, session))
			return nil
		}, `SELECT `+contactColumns+` FROM contacts WHERE session = `+sessionNum+` AND id > ? ORDER BY id LIMIT ?`,
			session, after, onePast(p))
	})
	list, next = cut(list, p, func(contact store.Contact) any { return idKey{[]byte(contact.ID)} })
	return list, next, err
}

func putContacts(c *conn, num int64, updates []store.ContactUpdate) error {
	for _, u := range updates {
		for _, moved := range []struct{ column, jid string }{{"phone", u.Phone}, {"lid", u.LID}} {
			if moved.jid == "" {
				continue
			}
			_, err := c.exec(`UPDATE contacts SET `+moved.column+` = '' WHERE session = ? AND `+moved.column+` = ? AND id <> ?`,
				num, moved.jid, u.ID)
			if err != nil {
				return err
			}
		}
		_, err := c.exec(`INSERT INTO contacts (session, id, phone, lid, name, push_name, business_name)
			VALUES (?1,?2,?3,?4,?5,?6,?7) ON CONFLICT (session, id) DO UPDATE SET
			phone = CASE ?3 WHEN '' THEN phone ELSE ?3 END, lid = CASE ?4 WHEN '' THEN lid ELSE ?4 END,
			name = CASE ?5 WHEN '' THEN name ELSE ?5 END, push_name = CASE ?6 WHEN '' THEN push_name ELSE ?6 END,
			business_name = CASE ?7 WHEN '' THEN business_name ELSE ?7 END`,
			num, u.ID, u.Phone, u.LID, u.Name, u.PushName, u.BusinessName)
		if err != nil {
			return err
		}
	}
	return nil
}
